"""What chat must come to show after a change: which cards and notices, under which keys.

How they look is in views; sending them is the dispatcher's part.
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime

from sqlmodel import Session

from storage import outbox
from storage.outbox import Wanted
from storage.tables import AnyIdea, Digest, Step, present

IDEAS, REVIEW, DIGEST = "ideas", "review", "digest"
"""The three channels, by their configured names."""

REVIEW_CARD = "review_card"
IDEA_CARD = "idea_card"
DIGEST_POST = "digest"
REMINDER = "reminder"
NEW_TEXT_POST = "new_text"
APPROVED_NOTICE = "approved_notice"
REFUSED_NOTICE = "refused_notice"
QUESTION_NOTICE = "question_notice"
STATUS_NOTICE = "status_notice"
OWN_VOTE_NOTICE = "own_vote_notice"
CONSENT_REQUEST = "consent_request"
CONSENT_ANSWER = "consent_answer"


@dataclass(frozen=True, slots=True)
class Said:
    """A moderator's words to an author. They go with the notice: by the time it is sent, the idea may hold others."""

    words: str
    by: str


def review_card(session: Session, idea: AnyIdea, now: datetime) -> None:
    """The card in the review channel is out of date, or missing."""
    key = f"card:{idea.number}:{REVIEW}"
    outbox.want(session, idea.workspace_id, Wanted(key, REVIEW_CARD, channel=REVIEW, idea_id=idea.id), now)


def new_text(session: Session, idea: AnyIdea, step: Step, now: datetime) -> None:
    """A line in the review channel: what moderators asked for is there. That its card has changed, chat tells nobody.

    `step` is RESUBMITTED after a refusal, EDITED in answer to a question.
    """
    key, subject = f"new_text:{idea.number}:{now.isoformat()}", {"step": step.value}
    wanted = Wanted(key, NEW_TEXT_POST, channel=REVIEW, idea_id=idea.id, subject=subject)
    outbox.want_once(session, idea.workspace_id, wanted, now)


def idea_card(session: Session, idea: AnyIdea, now: datetime) -> None:
    """The card in the ideas channel is out of date, or missing."""
    key = f"card:{idea.number}:{IDEAS}"
    outbox.want(session, idea.workspace_id, Wanted(key, IDEA_CARD, channel=IDEAS, idea_id=idea.id), now)


def notice(
    session: Session,
    idea: AnyIdea,
    view: str,
    member_id: str,
    now: datetime,
    occasion: str = "",
    said: Said | None = None,
) -> None:
    """A direct message about the idea, once per occasion, with the words that it is about if there are any."""
    key = ":".join(("notice", str(idea.number), view, member_id, *([occasion] if occasion else [])))
    subject = {"occasion": occasion, "said": asdict(said) if said else None}
    wanted = Wanted(key, view, member_id=member_id, idea_id=idea.id, subject=subject)
    outbox.want_once(session, idea.workspace_id, wanted, now)


def digest_post(session: Session, digest: Digest, now: datetime) -> None:
    """The digest, once per period."""
    key, subject = _digest_key(digest.period), {"digest_id": present(digest.id)}
    outbox.want_once(session, digest.workspace_id, Wanted(key, DIGEST_POST, channel=DIGEST, subject=subject), now)


def posted_from(session: Session, workspace_id: int, period: str) -> frozenset[str]:
    """The periods, from this one on, whose digest is posted or waits for it."""
    keys = outbox.keys_between(session, workspace_id, _digest_key(period), _digest_key("9999"))
    return frozenset(key.removeprefix(_digest_key("")) for key in keys)


def reminder(session: Session, workspace_id: int, day: str, idea_ids: Sequence[int], now: datetime) -> bool:
    """A reminder of these ideas in the review channel, once a day; False where the day has its own already."""
    wanted = Wanted(f"reminder:{day}", REMINDER, channel=REVIEW, subject={"ideas": list(idea_ids)})
    return outbox.want_once(session, workspace_id, wanted, now)


def _digest_key(period: str) -> str:
    return f"digest:{period}"
