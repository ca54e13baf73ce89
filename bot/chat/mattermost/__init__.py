"""Mattermost, a platform like the others: REST, websocket, and the callbacks of commands, buttons and dialogs."""
