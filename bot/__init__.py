"""Butine: an idea-capture chatbot for Slack and Mattermost."""

__version__ = "0.1.0"
