"""Slack as a chat platform: its Web API, Socket Mode and HTTP deliveries behind the port."""
