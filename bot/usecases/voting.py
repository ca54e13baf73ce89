"""Votes: by reaction, by typed command, and read again from chat after an absence."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlmodel import Session

from bot.domain import lifecycle
from bot.domain.lifecycle import OPEN_TO_VOTES, Action
from bot.domain.permissions import Caller
from bot.domain.voting import COMMAND, Ballot, Held, Voting, voters
from bot.errors import OwnIdea
from bot.usecases import announcing
from bot.usecases.finding import own_idea, visible_idea
from bot.usecases.submission import Withdrawn, withdraw
from storage import gestures, ideas, notes, outbox
from storage.outbox import PostedCard
from storage.tables import AnyIdea, Idea, present

RULES_NOTE = "voting.rules"
MOMENT = timedelta(microseconds=1)


@dataclass(frozen=True, slots=True)
class Reaction:
    """What a member did at a message; `at` is chat's own time of it."""

    message: str
    member_id: str
    emoji: str
    at: datetime
    is_present: bool


@dataclass(frozen=True, slots=True)
class Voted:
    """A member supports the idea now, or does not any more; `has_changed` where it was otherwise before."""

    idea: Idea
    is_present: bool
    has_changed: bool


@dataclass(frozen=True, slots=True)
class Supported:
    """A member supports another's idea instead of the one they had proposed."""

    idea: Idea
    withdrawn: Withdrawn


def cast(session: Session, caller: Caller, number: int, voting: Voting, now: datetime, *, is_present: bool) -> Voted:
    """The typed command. Raises IdeaNotFound, WrongStatus, or OwnIdea where that does not count."""
    idea = visible_idea(session, caller, number, for_change=True)
    lifecycle.require(Action.VOTE, idea)
    if not voting.is_fitting(idea.author_id, caller.member_id):
        raise OwnIdea(number)
    # The last word, whatever chat's clock or an earlier one of ours says of the words before it.
    kept = gestures.of_member(session, present(idea.id), caller.member_id)
    at = max([now, *(since + MOMENT for _, _, since in kept)])
    word = Reaction("", caller.member_id, COMMAND, at, is_present)
    has_changed = _gesture(session, idea, word, voting, now)
    return Voted(idea, is_present, has_changed)


def react(session: Session, workspace_id: int, reaction: Reaction, voting: Voting, now: datetime) -> bool:
    """Take in a reaction at a posted message; returns whether it changed a vote.

    Costs nothing unless the message is an idea's card and the emoji counts. A reaction of the author to their own idea
    is told to them once, where it does not count.
    """
    if not voting.counts(reaction.emoji):
        return False
    view, idea_id = outbox.shown_by(session, workspace_id, reaction.message) or (None, None)
    if view != announcing.IDEA_CARD or idea_id is None:
        return False
    idea = ideas.brief(session, idea_id)
    if idea is None or idea.status not in OPEN_TO_VOTES:
        return False
    if reaction.is_present and not voting.is_fitting(idea.author_id, reaction.member_id):
        announcing.notice(session, idea, announcing.OWN_VOTE_NOTICE, reaction.member_id, now)
    return _gesture(session, idea, reaction, voting, now)


def support_instead(
    session: Session, caller: Caller, number: int, withdrawn_number: int, voting: Voting, now: datetime
) -> Supported:
    """Vote for a similar idea and take back one's own. Raises as `cast` and as `withdraw`; then neither is done."""
    own_idea(session, caller, withdrawn_number, for_change=True)
    voted = cast(session, caller, number, voting, now, is_present=True)
    return Supported(voted.idea, withdraw(session, caller, withdrawn_number, now))


def reconcile(
    session: Session, card: PostedCard, shown: Mapping[str, Iterable[str]], voting: Voting, now: datetime
) -> bool:
    """Take in what chat shows under an idea's card: members by emoji. Returns whether its count changed.

    Only a difference is a gesture; it gets `now`, the moment of reading, as its time. Whoever supported the idea under
    a former card, which is gone, still does.
    """
    idea = ideas.by_id(session, card.idea_id, for_change=True)
    if idea is None or idea.status not in OPEN_TO_VOTES:
        return False
    present_names: dict[str, set[str]] = {}
    for emoji, members in shown.items():
        if voting.counts(emoji):
            for member_id in members:
                present_names.setdefault(member_id, set()).add(emoji)
    ballots = _ballots(session, card.idea_id)
    for member_id in present_names.keys() | ballots.keys():
        ballot = ballots.setdefault(member_id, Ballot())
        for name in ballot.observe(present_names.get(member_id, ()), now, card.since):
            _keep(session, idea, member_id, name, ballot.held[name])
    return _recount(session, idea, ballots, voting, now)


def supporters_of(session: Session, idea: Idea, voting: Voting) -> list[str]:
    """The members who support an idea."""
    return voters(_ballots(session, present(idea.id)), idea.author_id, voting)


def recount_if_rules_changed(session: Session, workspace_id: int, voting: Voting, now: datetime) -> int:
    """Count anew what is open to votes, where the rules are not those of the last time; returns how many changed.

    Where an emoji counts no more, each card is shown anew: Butine's own reaction under it may be that one.
    """
    rules = f"{voting.own_ideas}:{','.join(sorted(voting.emoji))}"
    name = _rules_note(workspace_id)
    former = notes.get(session, name)
    if former == rules:
        return 0
    notes.put(session, name, rules)
    _, _, former_emoji = (former or "").partition(":")
    counts_less = bool(set(filter(None, former_emoji.split(","))) - voting.emoji)
    changed = 0
    for idea_id in ideas.ids_in(session, workspace_id, OPEN_TO_VOTES):
        idea = ideas.by_id(session, idea_id, for_change=True)
        if idea and idea.status in OPEN_TO_VOTES:
            has_changed = _recount(session, idea, _ballots(session, idea_id), voting, now)
            changed += has_changed
            if counts_less and not has_changed:
                announcing.idea_card(session, idea, now)
    return changed


def counts_own_ideas(session: Session, workspace_id: int) -> bool:
    """Whether a vote for one's own idea counts, by the rules that the counts on cards were last made by."""
    own_ideas, _, _ = (notes.get(session, _rules_note(workspace_id)) or "").partition(":")
    return own_ideas == str(True)


def _rules_note(workspace_id: int) -> str:
    """The note that holds the rules: whether own ideas count, a colon, the emoji that do."""
    return f"{RULES_NOTE}:{workspace_id}"


def _gesture(session: Session, idea: AnyIdea, gesture: Reaction, voting: Voting, now: datetime) -> bool:
    member_id, name = gesture.member_id, gesture.emoji
    kept = gestures.of_member(session, present(idea.id), member_id)
    ballot = Ballot({emoji: Held(was_present, since) for emoji, was_present, since in kept})
    was_vote = ballot.is_vote(voting.emoji)
    if not ballot.apply(name, is_present=gesture.is_present, at=gesture.at):
        return False
    _keep(session, idea, member_id, name, ballot.held[name])
    change = ballot.is_vote(voting.emoji) - was_vote
    if not change or not voting.is_fitting(idea.author_id, member_id):
        return False
    ideas.count_support(session, present(idea.id), change)
    announcing.idea_card(session, idea, now)
    return True


def _keep(session: Session, idea: AnyIdea, member_id: str, name: str, held: Held) -> None:
    gestures.keep(session, idea.workspace_id, present(idea.id), member_id, name, held.at, is_present=held.is_present)


def _ballots(session: Session, idea_id: int) -> dict[str, Ballot]:
    ballots: dict[str, Ballot] = {}
    for gesture in gestures.of_idea(session, idea_id):
        held = ballots.setdefault(gesture.member_id, Ballot()).held
        held[gesture.emoji] = Held(gesture.is_present, gesture.at)
    return ballots


def _recount(session: Session, idea: Idea, ballots: Mapping[str, Ballot], voting: Voting, now: datetime) -> bool:
    supporters = len(voters(ballots, idea.author_id, voting))
    if supporters == idea.supporters:
        return False
    idea.supporters = supporters
    announcing.idea_card(session, idea, now)
    return True
