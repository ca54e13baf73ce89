"""The app manifest: what an operator pastes into Slack to create the app, with exactly what Butine uses.

https://docs.slack.dev/reference/app-manifest
"""

from collections.abc import Mapping
from typing import Any

from bot.chat.slack import inbound
from bot.chat.slack.door import PATH
from bot.views.texts import Texts

SCOPES: Mapping[str, str] = {
    "channels:history": "conversations.history",
    "channels:read": "conversations.info, conversations.members, users.conversations",
    "chat:write": "chat.postMessage, chat.update, chat.delete",
    "commands": "the slash command and the message shortcut",
    "groups:history": "conversations.history",
    "groups:read": "conversations.members, users.conversations",
    "im:history": "conversations.history",
    "im:write": "conversations.open",
    "reactions:read": "reactions.get, reaction_added, reaction_removed",
    "reactions:write": "reactions.add",
    "users:read": "users.info, user_change",
}
"""The bot's scopes, and what each is for."""


def manifest(command: str, language: str, address: str | None) -> dict[str, Any]:
    """The manifest for Socket Mode, or for HTTP where Slack reaches Butine at `address`."""
    texts = Texts(language, domain="slack")
    request_url = {"request_url": address.rstrip("/") + PATH} if address else {}
    slash = {
        "command": command,
        "description": texts("slack.command_description"),
        "usage_hint": texts("slack.command_hint"),
        "should_escape": False,
    }
    return {
        "display_information": {"name": texts("slack.name"), "description": texts("slack.app_description")},
        "features": {
            "app_home": {
                "home_tab_enabled": True,
                "messages_tab_enabled": True,
                "messages_tab_read_only_enabled": True,
            },
            "bot_user": {"display_name": texts("slack.name"), "always_online": True},
            "shortcuts": [
                {
                    "name": texts("slack.shortcut_name"),
                    "type": "message",
                    "callback_id": inbound.SHORTCUT,
                    "description": texts("slack.shortcut_description"),
                }
            ],
            "slash_commands": [slash | ({"url": request_url["request_url"]} if address else {})],
        },
        "oauth_config": {"scopes": {"bot": sorted(SCOPES)}},
        "settings": {
            "event_subscriptions": {**request_url, "bot_events": sorted(inbound.EVENTS)},
            "interactivity": {"is_enabled": True, **request_url},
            "org_deploy_enabled": False,
            "socket_mode_enabled": address is None,
            "token_rotation_enabled": False,
        },
    }
