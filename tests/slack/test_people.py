"""Who may moderate, in which language one is answered, and what a change of either does."""

import asyncio

import pytest

from bot.chat.slack.people import LOOKUP_SECONDS
from bot.errors import ChatRefused, ChatUnavailable
from storage import outbox
from tests.contract.slack_rig import SlackRig
from tests.fakes.slack.reading import shown
from tests.fakes.slack.state import IDEAS, REVIEW
from tests.fakes.slack.workspace import CAMILLE, NADIA, SAM, FakeSlack
from tests.slack.installation import Installation


@pytest.mark.parametrize(
    "what",
    [
        {"is_bot": True},
        {"is_restricted": True},
        {"is_ultra_restricted": True},
        {"is_stranger": True},
        {"team_id": "T0ELSEWHERE"},
        {"deleted": True},
    ],
    ids=str,
)
async def test_a_bot_a_guest_or_somebody_from_elsewhere_does_not_moderate(
    rig: SlackRig, what: dict[str, object]
) -> None:
    """Even as a member of the review channel."""
    other = rig.slack.state.add_user("U0OTHER000", "Quelqu’un", **what)  # type: ignore[arg-type]
    rig.slack.state.channels[REVIEW].members.add(other)
    assert not await rig.platform.is_moderator(other)
    assert await rig.platform.is_moderator(NADIA)


async def test_slacks_own_bot_does_not_moderate(rig: SlackRig) -> None:
    rig.slack.state.channels[REVIEW].members.add(rig.slack.state.add_user("USLACKBOT", "Slackbot"))
    assert not await rig.platform.is_moderator("USLACKBOT")


async def test_joining_and_leaving_the_review_channel_counts_at_once(rig: SlackRig) -> None:
    assert not await rig.platform.is_moderator(SAM)
    calls = rig.slack.api.counted("conversations.members")
    for kind, expected in (("member_joined_channel", True), ("member_left_channel", False)):
        event = {"type": kind, "user": SAM, "channel": REVIEW, "channel_type": "G", "team": "T0VALDOISE"}
        await rig.slack.tell(rig.slack.event(event))
        assert await rig.platform.is_moderator(SAM) is expected
    await rig.slack.tell(rig.slack.event({"type": "member_joined_channel", "user": SAM, "channel": "C0IDEES0001"}))
    assert not await rig.platform.is_moderator(SAM)
    assert rig.slack.api.counted("conversations.members") == calls


async def test_who_left_while_no_event_came_is_noticed_within_a_minute(rig: SlackRig) -> None:
    assert await rig.platform.is_moderator(NADIA)
    rig.slack.state.channels[REVIEW].members.remove(NADIA)
    rig.slack.clock.advance(61)
    assert not await rig.platform.is_moderator(NADIA)


async def test_while_slack_does_not_answer_moderators_stay_moderators_for_ten_minutes(rig: SlackRig) -> None:
    assert await rig.platform.is_moderator(NADIA)
    rig.slack.api.fail("conversations.members", "500", times=3)
    rig.slack.clock.advance(500)
    assert await rig.platform.is_moderator(NADIA)
    rig.slack.clock.advance(500)
    for member in (NADIA, SAM):
        with pytest.raises(ChatUnavailable):
            await rig.platform.is_moderator(member)
    assert await rig.platform.is_moderator(NADIA)


async def test_a_moderator_about_whom_slack_is_slow_is_told_so_and_moderates_with_the_next_click(
    slack: FakeSlack, socket_butine: Installation
) -> None:
    """After a quiet while. The answer that nobody could wait for is kept for the next who ask."""
    await slack.type_command(CAMILLE, "Des vélos")
    await socket_butine.settle()
    slack.clock.advance(660)
    slack.api.fail("conversations.members", "slow")
    await slack.click(NADIA, slack.card(REVIEW, "Des vélos"), "Approuver")
    assert await slack.until(lambda: slack.private(NADIA, "ne répond pas pour le moment"))
    slack.api.may_answer.set()
    await slack.click(NADIA, slack.card(REVIEW, "Des vélos"), "Approuver")
    await socket_butine.settle()
    assert slack.card(IDEAS, "Des vélos")
    assert len(slack.state.private[NADIA]) == 1
    assert slack.api.counted("conversations.members") == 2


async def test_however_slow_slack_is_at_the_start_moderators_are_known_after_it() -> None:
    """Nobody waits there."""
    rig = SlackRig("http")
    rig.slack.api.fail("conversations.members", "slow")
    starting = asyncio.create_task(rig.start())
    await rig.slack.until(lambda: rig.slack.api.counted("conversations.members"))
    done, _ = await asyncio.wait({starting}, timeout=LOOKUP_SECONDS + 0.2)
    assert not done
    rig.slack.api.may_answer.set()
    await starting
    assert await rig.platform.is_moderator(NADIA)
    assert rig.slack.api.counted("conversations.members") == 1
    await rig.stop()


async def test_while_a_moderators_profile_is_not_to_be_had_it_is_not_known_whether_they_moderate(rig: SlackRig) -> None:
    """They might be a guest; who is not in the review channel is no moderator all the same."""
    rig.slack.api.fail("users.info", "429:60")
    with pytest.raises(ChatUnavailable):
        await rig.platform.is_moderator(NADIA)
    assert not await rig.platform.is_moderator(SAM)
    rig.slack.clock.advance(61)
    assert await rig.platform.is_moderator(NADIA)


async def test_a_pause_that_slack_asks_for_before_the_moderators_is_kept_by_everybody(rig: SlackRig) -> None:
    rig.slack.clock.advance(660)
    calls = rig.slack.api.counted("conversations.members")
    rig.slack.api.fail("conversations.members", "429:60")
    for _ in range(20):
        with pytest.raises(ChatUnavailable):
            await rig.platform.is_moderator(NADIA)
        rig.slack.clock.advance(2.9)
    assert rig.slack.api.counted("conversations.members") == calls + 1
    rig.slack.clock.advance(3)
    assert await rig.platform.is_moderator(NADIA)


async def test_who_leaves_the_review_channel_while_it_is_being_read_is_no_moderator_afterwards(rig: SlackRig) -> None:
    """What was read may be older than the event."""
    assert await rig.platform.is_moderator(NADIA)
    rig.slack.clock.advance(61)
    rig.slack.api.fail("conversations.members", "slow")
    asking = asyncio.create_task(rig.platform.is_moderator(NADIA))
    await rig.slack.until(lambda: rig.slack.api.counted("conversations.members") == 2)
    event = {"type": "member_left_channel", "user": NADIA, "channel": REVIEW, "channel_type": "G", "team": "T0VALDOISE"}
    await rig.slack.tell(rig.slack.event(event))
    rig.slack.api.may_answer.set()
    assert not await asking
    assert not await rig.platform.is_moderator(NADIA)


async def test_a_profile_that_changes_while_it_is_being_read_is_read_again(rig: SlackRig) -> None:
    rig.slack.api.fail("users.info", "slow")
    asking = asyncio.create_task(rig.platform.profile(SAM))
    await rig.slack.until(lambda: rig.slack.api.counted("users.info"))
    await rig.slack.tell(rig.slack.event({"type": "user_change", "user": rig.slack.state.users[SAM]}))
    rig.slack.api.may_answer.set()
    await asking
    await rig.platform.profile(SAM)
    assert rig.slack.api.counted("users.info") == 2


async def test_who_ask_for_the_same_profile_at_once_ask_slack_once(rig: SlackRig) -> None:
    await asyncio.gather(*(rig.platform.profile(SAM) for _ in range(5)))
    assert rig.slack.api.counted("users.info") == 1


async def test_closing_does_not_wait_for_what_slack_does_not_answer(rig: SlackRig) -> None:
    rig.slack.api.fail("users.info", "hang")
    asking = asyncio.create_task(rig.platform.profile(SAM))
    await rig.slack.until(lambda: rig.slack.api.counted("users.info"))
    await rig.platform.close()
    with pytest.raises(ChatUnavailable):
        await asking


async def test_profiles_are_read_once_and_again_after_they_changed(rig: SlackRig) -> None:
    for _ in range(5):
        assert (await rig.platform.profile(SAM)).locale == "en-GB"
    assert rig.slack.api.counted("users.info") == 1
    rig.slack.state.users[SAM] |= {"locale": "fr-FR", "tz": "America/Cayenne"}
    await rig.slack.tell(rig.slack.event({"type": "user_change", "user": rig.slack.state.users[SAM]}))
    profile = await rig.platform.profile(SAM)
    assert (profile.locale, profile.time_zone) == ("fr-FR", "America/Cayenne")


async def test_a_known_profile_serves_while_slack_does_not_answer(rig: SlackRig) -> None:
    await rig.platform.profile(SAM)
    rig.slack.clock.advance(4000)
    rig.slack.api.fail("users.info", "500")
    assert (await rig.platform.profile(SAM)).name == "Sam Taylor"


async def test_a_pause_that_slack_asks_for_before_the_next_profile_is_kept_without_waiting(rig: SlackRig) -> None:
    """Whoever typed is to be answered within three seconds, with or without it."""
    rig.slack.api.fail("users.info", "429:60")
    for pause in (0, 30, 29):
        rig.slack.clock.advance(pause)
        began = rig.slack.clock.seconds()
        with pytest.raises(ChatUnavailable):
            await rig.platform.profile(SAM)
        assert rig.slack.clock.seconds() == began
    assert rig.slack.api.counted("users.info") == 1
    rig.slack.clock.advance(2)
    assert (await rig.platform.profile(SAM)).name == "Sam Taylor"


async def test_somebody_who_is_not_there_has_no_profile(rig: SlackRig) -> None:
    with pytest.raises(ChatRefused):
        await rig.platform.profile("U0NOBODY00")


async def test_each_is_answered_in_their_own_language_and_channels_in_theirs(
    slack: FakeSlack, socket_butine: Installation
) -> None:
    for member, words in ((CAMILLE, "est enregistrée"), (SAM, "is saved")):
        await slack.type_command(member, f"Une idée de {member}")
        assert await slack.until(lambda member=member, words=words: slack.private(member, words))  # type: ignore[misc]
    await socket_butine.settle()
    assert all("Approuver" in shown(message) for message in slack.messages(REVIEW))


async def test_names_are_shown_as_they_were_typed(slack: FakeSlack, socket_butine: Installation) -> None:
    """Slack escapes what it keeps, and has emoji by their names."""
    slack.state.users[CAMILLE]["profile"]["display_name"] = "Camille (RH &amp; QVT) :seedling:"
    await slack.type_command(CAMILLE, "Des vélos")
    await socket_butine.settle()
    assert "Camille (RH & QVT) 🌱" in shown(slack.card(REVIEW, "Des vélos"))


async def deactivate(slack: FakeSlack, member: str, *, is_deleted: bool = True) -> None:
    """Their account, or the other way round."""
    slack.state.users[member]["deleted"] = is_deleted
    await slack.tell(slack.event({"type": "user_change", "user": slack.state.users[member]}))


async def test_a_deactivated_members_ideas_stay(slack: FakeSlack, socket_butine: Installation) -> None:
    await socket_butine.publish(1, "L’idée de Camille")
    await deactivate(slack, CAMILLE)
    await slack.react(SAM, slack.card("C0IDEES0001", "L’idée de Camille"), "+1")
    await socket_butine.settle()
    card = slack.card("C0IDEES0001", "L’idée de Camille")
    assert "Camille Martin" in shown(card)
    assert "1 soutien" in shown(card)


@pytest.mark.parametrize("has_conversation", [False, True])
async def test_the_words_of_somebody_who_has_left_are_not_waited_for(
    slack: FakeSlack, socket_butine: Installation, *, has_conversation: bool
) -> None:
    """Whoever would have proposed them is told. Slack takes a message for them all the same where they ever had one."""
    message = slack.write(SAM, "We lose an hour a week")
    if has_conversation:
        slack.state.direct(SAM)
    await deactivate(slack, SAM)
    await slack.use_shortcut(CAMILLE, message)
    await slack.until(lambda: slack.form_of(CAMILLE))
    await slack.submit(CAMILLE, {})
    await socket_butine.settle()
    assert "We lose an hour a week" in shown(slack.direct(CAMILLE, "ne peut pas être jointe"))


async def test_what_is_for_somebody_who_has_left_waits_for_their_return_and_troubles_nobody(
    slack: FakeSlack, socket_butine: Installation
) -> None:
    await slack.type_command(CAMILLE, "L’idée de Camille")
    await deactivate(slack, CAMILLE)
    await socket_butine.settle()
    await slack.click(NADIA, slack.card(REVIEW, "L’idée de Camille"), "Approuver")
    await socket_butine.settle()
    assert await socket_butine.database.read(outbox.count_parked) == 0
    assert await socket_butine.database.read(lambda session: outbox.parked(session, 1)) == []
    assert not slack.state.has_direct(CAMILLE)
    await deactivate(slack, CAMILLE, is_deleted=False)
    await socket_butine.database.write(lambda session: outbox.try_parked(session, slack.clock.now()))
    await socket_butine.settle()
    assert slack.direct(CAMILLE, "L’idée de Camille")
