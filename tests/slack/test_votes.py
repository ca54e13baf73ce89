"""Votes by reaction in Slack: once each, in any order, and found again after an absence."""

import itertools
from functools import partial

import pytest
from sqlmodel import Session

from bot.chat.slack.api import PAUSES_AT_MOST
from bot.domain.draft import Draft
from bot.domain.permissions import Caller
from bot.errors import ChatUnavailable, NeedsMending
from bot.usecases import moderation, submission
from tests.contract.slack_rig import platform_before
from tests.fakes.slack.reading import shown
from tests.fakes.slack.state import BOT, IDEAS
from tests.fakes.slack.web_api import TIERS
from tests.fakes.slack.workspace import CAMILLE, NADIA, OMAR, SAM, FakeSlack
from tests.slack.installation import Installation

TITLE = "Des vélos entre les deux sites"


@pytest.fixture
async def published(slack: FakeSlack, butine: Installation) -> None:
    """One idea that is open to votes."""
    await butine.publish(1, TITLE)


async def supporters(butine: Installation, number: int = 1) -> int:
    return (await butine.ideas())[number - 1].supporters


@pytest.mark.usefixtures("published")
async def test_aliases_and_skin_tones_are_one_vote(slack: FakeSlack, butine: Installation) -> None:
    card = slack.card(IDEAS, TITLE)
    for emoji in ("+1", "thumbsup", "+1::skin-tone-3", "heart"):
        await slack.react(SAM, card, emoji)
    assert await supporters(butine) == 1
    for emoji in ("+1", "thumbsup", "+1::skin-tone-3"):
        await slack.unreact(SAM, card, emoji)
    assert await supporters(butine) == 1
    await slack.unreact(SAM, card, "heart")
    assert await supporters(butine) == 0


@pytest.mark.usefixtures("published")
async def test_other_emoji_and_other_messages_cost_nothing(slack: FakeSlack, butine: Installation) -> None:
    """Once it is known that it is a person who reacts."""
    await butine.platform.profile(SAM)
    calls = len(slack.api.calls)
    await slack.react(SAM, slack.card(IDEAS, TITLE), "tada")
    await slack.react(SAM, slack.write(OMAR, "Bonjour"), "+1")
    assert await supporters(butine) == 0
    assert len(slack.api.calls) == calls


@pytest.mark.usefixtures("published")
@pytest.mark.parametrize(
    "what",
    [
        {"is_bot": True},
        {"is_workflow_bot": True},
        {"is_bot": True, "deleted": True},
        {"is_stranger": True},
        {"team_id": "T0ELSEWHERE"},
    ],
    ids=str,
)
async def test_a_reaction_of_a_bot_or_of_another_organisations_person_is_no_vote(
    slack: FakeSlack, butine: Installation, what: dict[str, object]
) -> None:
    """Neither at once nor when reactions are read again: a workflow reacts to each card, or the channel is shared."""
    other = slack.state.add_user("U0OTHER000", "Quelqu’un", **what)  # type: ignore[arg-type]
    card = slack.card(IDEAS, TITLE)
    await slack.react(other, card, "+1")
    await slack.react(SAM, card, "+1")
    assert await supporters(butine) == 1
    await butine.reconcile()
    assert await supporters(butine) == 1
    assert slack.api.counted("users.info") == len({CAMILLE, NADIA, SAM, other}), "each is looked up once"


@pytest.mark.usefixtures("published")
@pytest.mark.parametrize("what", [{"is_restricted": True}, {"is_ultra_restricted": True}], ids=str)
async def test_a_guest_votes(slack: FakeSlack, butine: Installation, what: dict[str, object]) -> None:
    """They are people of this workspace."""
    guest = slack.state.add_user("U0GUEST000", "Une invitée", **what)  # type: ignore[arg-type]
    await slack.react(guest, slack.card(IDEAS, TITLE), "+1")
    assert await supporters(butine) == 1
    await butine.reconcile()
    assert await supporters(butine) == 1


@pytest.mark.usefixtures("published")
@pytest.mark.parametrize("how", ["500", "429:60", "reset_before", "user_not_found"])
async def test_who_cant_be_looked_up_is_taken_for_a_person_until_they_can(
    slack: FakeSlack, butine: Installation, how: str
) -> None:
    """No vote is lost because Slack is slow; a bot's is taken away later."""
    robot = slack.state.add_user("U0ROBOT000", "Robot", is_bot=True)
    slack.api.meets = lambda method, _: how if method == "users.info" else ""
    card = slack.card(IDEAS, TITLE)
    for member in (SAM, OMAR, robot):
        await slack.react(member, card, "+1", is_told=member != OMAR)
    await butine.reconcile()
    assert await supporters(butine) == 3
    slack.api.meets = lambda *_: ""
    slack.clock.advance(61)
    await butine.reconcile()
    assert await supporters(butine) == 2


@pytest.mark.usefixtures("published")
async def test_lookups_of_voters_leave_room_for_who_type_and_a_reading_ends(
    slack: FakeSlack, butine: Installation
) -> None:
    """Who holds most is looked up first: a bot that reacts to each card, of so many people."""
    await butine.publish(2, "Une autre idée")
    robot = slack.state.add_user("U0ROBOT000", "Robot", is_bot=True)
    cards = slack.messages(IDEAS)
    for number in range(300):
        member = slack.state.add_user(f"U0AGENT{number:03}", f"Agent {number}")
        await slack.react(member, cards[number % 2], "+1", is_told=False)
    for card in cards:
        await slack.react(robot, card, "+1", is_told=False)
    slack.clock.advance(60)
    slack.api.calls.clear()
    began = slack.clock.seconds()
    await butine.reconcile()
    assert [await supporters(butine, number) for number in (1, 2)] == [150, 150]
    assert slack.clock.seconds() - began < 10
    assert slack.api.busiest_minute("users.info") <= TIERS["users.info"]


async def test_where_the_app_was_made_anew_votes_stay_and_the_former_butines_own_reaction_is_none(
    slack: FakeSlack, socket_butine: Installation
) -> None:
    """Its cards can't be edited any more, so one that changes is posted anew, and then goes on from there."""
    await socket_butine.publish(1, TITLE)
    old = slack.card(IDEAS, TITLE)
    await slack.react(SAM, old, "+1")
    await socket_butine.settle()
    await socket_butine.platform.close()
    former = slack.state.make_app_anew()
    socket_butine.platform = platform_before(slack, "socket")
    await socket_butine.start()
    assert await socket_butine.reconcile() == 0
    await socket_butine.settle()
    assert slack.messages(IDEAS) == [old]
    await slack.react(OMAR, old, "+1")
    await socket_butine.reconcile()
    await socket_butine.settle()
    assert await supporters(socket_butine) == 2
    _, new = slack.messages(IDEAS)
    assert "2 soutiens" in shown(new)
    assert (old["user"], new["user"], new["reactions"]) == (former, BOT, {"+1": [BOT]})
    await slack.react(NADIA, new, "+1")
    await socket_butine.settle()
    assert slack.messages(IDEAS) == [old, new]
    await socket_butine.reconcile()
    assert await supporters(socket_butine) == 3


@pytest.mark.usefixtures("published")
async def test_many_votes_at_once_are_few_edits(slack: FakeSlack, butine: Installation) -> None:
    for number in range(30):
        member = slack.state.add_user(f"U0AGENT{number:03}", f"Agent {number}")
        await slack.react(member, slack.card(IDEAS, TITLE), "+1")
    await butine.settle()
    assert slack.api.counted("chat.update") <= 2
    assert "30 soutiens" in shown(slack.card(IDEAS, TITLE))


@pytest.mark.parametrize("order", list(itertools.permutations(range(3)))[:4])
async def test_each_event_three_times_in_any_order_over_two_sockets_has_one_effect(
    slack: FakeSlack, socket_butine: Installation, order: tuple[int, ...]
) -> None:
    """Two processes would share a database; here two connections of the app share one Butine's router."""
    other = platform_before(slack, "socket")
    await other.start(socket_butine.router)
    assert len(slack.sockets.open) == 2
    command = slack.command(CAMILLE, TITLE)
    for _ in order:
        assert await slack.hand_on(command) is not None
    await slack.until(lambda: slack.private(CAMILLE, "est enregistrée"))
    await socket_butine.settle()
    (waiting,) = slack.messages("G0MODERER01")
    approval = slack.clicked(NADIA, waiting, "Approuver")
    for _ in order:
        assert await slack.transport.deliver("interactive", approval) is not None
    await socket_butine.settle()
    (card,) = slack.messages(IDEAS)
    await slack.react(SAM, card, "+1", is_told=False)
    gestures = [
        slack.reaction(SAM, card, "+1", "reaction_added"),
        slack.reaction(SAM, card, "+1", "reaction_removed"),
        slack.reaction(SAM, card, "+1", "reaction_added"),
    ]
    for position in (*order, *reversed(order), *order):
        assert await slack.tell(gestures[position])
    await socket_butine.settle()
    assert len(await socket_butine.ideas()) == 1
    assert await supporters(socket_butine) == 1
    assert "1 soutien" in shown(card)
    assert len(slack.messages(IDEAS)) == len(slack.messages("G0MODERER01")) == 1
    assert len(slack.messages(slack.state.direct(CAMILLE).id)) == 1
    await other.close()


def two_hundred_published(butine: Installation, session: Session) -> None:
    """As if they had been typed and approved."""
    now = butine.slack.clock.now()
    camille, nadia = (Caller(butine.workspace_id, member, member == NADIA) for member in (CAMILLE, NADIA))
    for number in range(1, 201):
        submission.submit(session, camille, Draft(f"Idée numéro {number:03} de la journée"), now)
        moderation.approve(session, nadia, number, now)


def within_tiers(slack: FakeSlack) -> bool:
    """Whether no method was called more often within any minute than its tier allows."""
    return all(slack.api.busiest_minute(method) <= most for method, most in TIERS.items())


async def test_after_an_absence_200_cards_are_right_again_within_the_tier(
    slack: FakeSlack, socket_butine: Installation
) -> None:
    """30 % of the votes changed while nobody listened; reactions.get is called 50 times a minute at most."""
    await socket_butine.database.write(partial(two_hundred_published, socket_butine))
    await socket_butine.settle()
    cards = slack.messages(IDEAS)
    assert len(cards) == 200
    for number, card in enumerate(cards):
        await slack.react(SAM, card, "+1")
        if number % 2:
            await slack.react(OMAR, card, "heart")
    await socket_butine.settle()
    slack.clock.advance(3600)
    for number, card in enumerate(cards):
        if number % 10 in (0, 3, 6):
            await slack.unreact(SAM, card, "+1", is_told=False)
        if number % 10 == 3:
            await slack.react(NADIA, card, "bulb", is_told=False)
    assert within_tiers(slack)
    slack.api.calls.clear()
    started = slack.clock.seconds()
    assert await socket_butine.reconcile() == 40  # the other 20 lost one vote and won another
    expected = [len({user for users in card["reactions"].values() for user in users} - {BOT}) for card in cards]
    assert [idea.supporters for idea in await socket_butine.ideas()] == expected
    assert slack.api.counted("reactions.get") == 200
    assert slack.clock.seconds() - started < 60 * 5
    await socket_butine.settle()
    assert slack.api.counted("chat.update") == 40
    assert within_tiers(slack)


@pytest.mark.parametrize("has_thread", [False, True])
@pytest.mark.usefixtures("published")
async def test_a_card_that_was_deleted_takes_no_votes_with_it(
    slack: FakeSlack, butine: Installation, *, has_thread: bool
) -> None:
    """Above a thread, what stays in its place can be read and has no reactions."""
    card = slack.card(IDEAS, TITLE)
    await slack.react(SAM, card, "+1")
    if has_thread:
        slack.write(SAM, "Et pour les agents de nuit ?", below=card)
    slack.state.delete(card)
    assert await butine.reconcile() == 0
    assert await supporters(butine) == 1
    await butine.settle()
    assert slack.card(IDEAS, TITLE)["ts"] > card["ts"]
    assert await butine.reconcile() == 0


@pytest.mark.parametrize("how", ["channel_not_found", "not_in_channel", "is_archived"])
@pytest.mark.usefixtures("published")
async def test_a_card_whose_channel_is_out_of_reach_keeps_its_votes_and_the_others_are_read(
    slack: FakeSlack, butine: Installation, how: str
) -> None:
    """The ideas channel was moved, and Butine is not in the former one any more."""
    old = slack.card(IDEAS, TITLE)
    await slack.react(SAM, old, "+1")
    await butine.publish(2, "Une idée nouvelle")
    await slack.react(SAM, slack.card(IDEAS, "Une idée nouvelle"), "+1", is_told=False)
    slack.api.meets = lambda method, given: how if method == "reactions.get" and given["timestamp"] == old["ts"] else ""
    assert await butine.reconcile() == 1
    assert [await supporters(butine, number) for number in (1, 2)] == [1, 1]


@pytest.mark.parametrize("how", ["invalid_auth", "token_revoked", "missing_scope"])
@pytest.mark.usefixtures("published")
async def test_reactions_that_no_token_may_read_are_no_message_out_of_reach(
    slack: FakeSlack, butine: Installation, how: str
) -> None:
    slack.api.fail("reactions.get", how)
    with pytest.raises(NeedsMending):
        await butine.platform.reactions([f"{IDEAS}:{slack.card(IDEAS, TITLE)['ts']}"])


@pytest.mark.usefixtures("published")
async def test_a_pause_that_slack_asks_for_while_reading_reactions_is_kept(
    slack: FakeSlack, butine: Installation
) -> None:
    await slack.react(SAM, slack.card(IDEAS, TITLE), "+1", is_told=False)
    slack.api.fail("reactions.get", "429:30")
    before = slack.clock.seconds()
    assert await butine.reconcile() == 1
    assert slack.clock.seconds() - before >= 29.9
    assert slack.api.counted("reactions.get") == 2


@pytest.mark.usefixtures("published")
async def test_where_slack_asks_for_pause_after_pause_the_reading_ends(slack: FakeSlack, butine: Installation) -> None:
    """A few are kept; then it is left for the next time, and what else waits has its turn."""
    slack.api.meets = lambda method, _: "429:30" if method == "reactions.get" else ""
    with pytest.raises(ChatUnavailable):
        await butine.platform.reactions([f"{IDEAS}:{slack.card(IDEAS, TITLE)['ts']}"])
    assert slack.api.counted("reactions.get") == PAUSES_AT_MOST + 1
    assert await butine.reconcile() == 0
