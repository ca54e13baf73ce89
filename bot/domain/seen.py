"""What of an idea somebody had before their eyes: marks that go with buttons and forms and tell whether it is still so.

Where they travel is in bot/views/actions.py.
"""

import json
from hashlib import blake2b

from bot.domain.draft import Draft
from storage.tables import Idea


def text_mark(idea: Idea) -> str:
    """Stands for the text that moderators decide on. Nobody can write two texts that share one."""
    return _mark(*Draft.of(idea).texts().values())


def word_mark(idea: Idea) -> str:
    """Stands for the moderators' last word to the author: the open question, or the refusal and its reason."""
    return _mark(idea.status, idea.question, idea.reason)


def _mark(*parts: str | None) -> str:
    return blake2b(json.dumps(parts).encode(), digest_size=16).hexdigest()
