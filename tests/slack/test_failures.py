"""What Slack's Web API is known to do wrong: nothing is lost, nothing is posted twice, pauses are kept."""

import json
from itertools import pairwise
from pathlib import Path

import pytest

from bot.errors import ChatRefused, ChatUnavailable, MessageGone
from bot.views.cards import Card, Heading, Items, Quotation
from tests.contract.slack_rig import SlackRig, platform_before
from tests.contract.test_platform import idea
from tests.fakes.slack import blockkit
from tests.fakes.slack.reading import shown
from tests.fakes.slack.state import BOT, IDEAS, REVIEW
from tests.fakes.slack.workspace import CAMILLE, NADIA, OMAR, FakeSlack, Json, labels
from tests.slack.installation import Installation

LONGER = Card("Long", (Quotation("Besoin", "mot " * 4000),), reaction="+1")


@pytest.mark.parametrize(
    "how, is_uncertain, arrives",
    [
        ("429:7", False, 0),
        ("500", True, 0),
        ("internal_error", True, 0),
        ("reset_before", True, 0),
        ("reset_after", True, 1),
        ("invalid_auth", False, 0),
        ("missing_scope", False, 0),
        ("not_in_channel", False, 0),
        ("restricted_action", False, 0),
        ("restricted_action_read_only_channel", False, 0),
        ("restricted_action_thread_only_channel", False, 0),
        ("restricted_action_non_threadable_channel", False, 0),
        ("messages_tab_disabled", False, 0),
        ("team_access_not_granted", False, 0),
        ("accesslimited", False, 0),
        ("enterprise_is_restricted", False, 0),
        ("two_factor_setup_required", False, 0),
        ("external_channel_migrating", True, 0),
        ("message_limit_exceeded", True, 0),
        ("org_login_required", True, 0),
    ],
)
async def test_a_post_that_failed_may_work_later(rig: SlackRig, how: str, arrives: int, *, is_uncertain: bool) -> None:
    """`is_uncertain` says that it may have arrived all the same; the SDK sends nothing again by itself."""
    rig.slack.api.fail("chat.postMessage", how)
    with pytest.raises(ChatUnavailable) as failed:
        await rig.platform.post("ideas", idea(), "card:1")
    assert failed.value.is_uncertain is is_uncertain
    assert failed.value.retry_after == (7.0 if how.startswith("429") else None)
    assert len(rig.slack.messages(IDEAS)) == arrives
    assert rig.slack.api.counted("chat.postMessage") == 1


@pytest.mark.parametrize("method", ["chat.update", "chat.delete"])
@pytest.mark.parametrize(
    "how, is_uncertain",
    [
        ("429:7", False),
        ("500", True),
        ("reset_before", True),
        ("reset_after", True),
        ("update_failed", True),
        ("external_channel_migrating", True),
        ("not_in_channel", False),
        ("is_inactive", False),
        ("edit_window_closed", False),
    ],
)
async def test_an_edit_whose_answer_is_lost_may_still_arrive(
    rig: SlackRig, method: str, how: str, *, is_uncertain: bool
) -> None:
    """So may the end of a message that a shorter card has no use for: a longer one may need it again."""
    posted = await rig.platform.post("ideas", LONGER, "card:1")
    rig.slack.api.fail(method, how)
    with pytest.raises(ChatUnavailable) as failed:
        await rig.platform.update(posted.id, idea())
    assert failed.value.is_uncertain is is_uncertain
    assert rig.slack.api.counted(method) == 1


@pytest.mark.parametrize("how", ["invalid_blocks", "msg_blocks_too_long", "msg_too_long", "too_many_attachments"])
async def test_a_post_that_can_never_work_is_refused(rig: SlackRig, how: str) -> None:
    rig.slack.api.fail("chat.postMessage", how)
    with pytest.raises(ChatRefused):
        await rig.platform.post("ideas", idea(), "card:1")


async def test_a_call_that_hangs_is_given_up(slack: FakeSlack) -> None:
    platform = platform_before(slack, "http", call_seconds=0.2)
    await platform.start(SlackRig("http").listener)
    slack.api.fail("chat.postMessage", "hang")
    with pytest.raises(ChatUnavailable) as failed:
        await platform.post("ideas", idea(), "card:1")
    assert failed.value.is_uncertain
    await platform.close()


async def test_a_message_that_somebody_deleted_is_gone(rig: SlackRig) -> None:
    posted = await rig.platform.post("ideas", idea(), "card:1")
    rig.slack.state.channels[IDEAS].messages.clear()
    with pytest.raises(MessageGone):
        await rig.platform.update(posted.id, idea())
    assert await rig.platform.reactions([posted.id]) == {}


@pytest.mark.parametrize("how", ["reset_after", "reset_before", "500", "429:5"])
async def test_after_an_uncertain_send_the_card_is_there_once(
    slack: FakeSlack, socket_butine: Installation, how: str
) -> None:
    """It is looked for by its metadata before it is sent again."""
    slack.api.fail("chat.postMessage", how)
    await slack.type_command(CAMILLE, "Une seule carte")
    for _ in range(4):
        await socket_butine.settle()
        slack.clock.advance(60)
    assert len(slack.messages(REVIEW)) == 1


async def test_an_edit_that_slack_carries_out_late_is_not_what_stays(slack: FakeSlack, tmp_path: Path) -> None:
    """Nobody waited for it any more, and the idea has won another vote meanwhile."""
    butine = Installation(slack, "http", tmp_path)
    butine.platform = platform_before(slack, "http", call_seconds=0.2)
    await butine.start()
    await butine.publish(1, "Une idée qui plaît")
    (card,) = slack.messages(IDEAS)
    await slack.react(NADIA, card, "+1")
    slack.api.fail("chat.update", "late")
    await butine.settle()
    await slack.react(OMAR, card, "+1")
    for _ in range(30):
        slack.clock.advance(2)
        await butine.settle()
        await slack.api.held.catch_up()
    assert "2 soutiens" in shown(card)
    await butine.stop()


@pytest.mark.parametrize("how", ["429:5", "500", "reset_after"])
async def test_where_butines_own_reaction_failed_the_card_is_there_once_and_gets_it_later(
    slack: FakeSlack, socket_butine: Installation, how: str
) -> None:
    await slack.type_command(CAMILLE, "Une seule carte")
    await socket_butine.settle()
    slack.api.fail("reactions.add", how)
    await slack.click(NADIA, slack.card(REVIEW, "Une seule carte"), "Approuver")
    for _ in range(3):
        await socket_butine.settle()
        slack.clock.advance(60)
    (card,) = slack.messages(IDEAS)
    assert card["reactions"] == {"+1": [BOT]}


@pytest.mark.parametrize("how", ["invalid_name", "too_many_emoji", "too_many_reactions"])
async def test_where_butines_own_reaction_is_refused_for_good_the_card_is_there_once_and_goes_on(
    slack: FakeSlack, socket_butine: Installation, how: str
) -> None:
    slack.api.meets = lambda method, _: how if method == "reactions.add" else ""
    await socket_butine.publish(1, "Une seule carte")
    (card,) = slack.messages(IDEAS)
    await slack.react(NADIA, card, "heart")
    await socket_butine.settle()
    assert slack.messages(IDEAS) == [card]
    assert "1 soutien" in shown(card)


@pytest.mark.parametrize("how", ["restricted_action_read_only_channel", "messages_tab_disabled", "org_login_required"])
async def test_what_slack_forbids_for_a_while_is_sent_without_a_restart_once_it_may(
    slack: FakeSlack, socket_butine: Installation, how: str
) -> None:
    """An administrator makes a channel read-only, and opens it again."""
    slack.api.meets = lambda method, _: how if method == "chat.postMessage" else ""
    await slack.type_command(CAMILLE, "Une carte qui attend")
    await socket_butine.settle()
    assert slack.messages(REVIEW) == []
    slack.api.meets = lambda *_: ""
    slack.clock.advance(3600)
    await socket_butine.settle()
    assert len(slack.messages(REVIEW)) == 1


async def test_a_card_in_an_archived_channel_is_brought_up_to_date_without_a_restart_once_it_is_open_again(
    slack: FakeSlack, socket_butine: Installation
) -> None:
    """Slack says so of an edit by another code than of a post."""
    await slack.type_command(CAMILLE, "Une idée retirée")
    await socket_butine.settle()
    (card,) = slack.messages(REVIEW)
    slack.state.channels[REVIEW].is_archived = True
    await slack.type_command(CAMILLE, "withdraw 1")
    await socket_butine.settle()
    assert ("chat.update", "is_inactive") in slack.api.refused
    assert "Approuver" in labels(card)
    slack.state.channels[REVIEW].is_archived = False
    slack.clock.advance(3600)
    await socket_butine.settle()
    assert "Approuver" not in labels(card)


async def test_a_pause_that_slack_asks_for_is_kept(slack: FakeSlack, socket_butine: Installation) -> None:
    slack.api.fail("chat.postMessage", "429:120")
    await slack.type_command(CAMILLE, "Une carte qui attend")
    await socket_butine.settle()
    slack.clock.advance(100)
    await socket_butine.settle()
    assert slack.api.counted("chat.postMessage") == 1
    slack.clock.advance(30)
    await socket_butine.settle()
    assert len(slack.messages(REVIEW)) == 1


async def test_a_channel_takes_one_post_a_second(slack: FakeSlack, socket_butine: Installation) -> None:
    for number in range(8):
        await slack.type_command(CAMILLE, f"Une idée de plus, la {number}")
    await socket_butine.settle()
    moments = [moment for method, moment, given in slack.api.calls if method == "chat.postMessage"]
    assert len(moments) == 8
    assert all(later - earlier >= 0.99 for earlier, later in pairwise(moments))


def long_digest(lines: int) -> Card:
    """More than a message holds."""
    items = tuple((f"nº {number} · {'Une idée au titre assez long ' * 3}", " · 14 votes") for number in range(lines))
    return Card("Sélection", (Heading("Sélection"), Items(items, numbered=True)))


async def test_a_long_digest_is_several_messages_in_order(rig: SlackRig) -> None:
    posted = await rig.platform.post("digest", long_digest(300), "digest:1")
    messages = rig.slack.messages(IDEAS)
    assert len(messages) > 2
    text = "\n".join(map(shown, messages))
    places = [text.index(f"nº {number} ·") for number in range(300)]
    assert places == sorted(places)
    assert all(blockkit.size(message["blocks"]) <= blockkit.MESSAGE_SIZE for message in messages)
    assert await rig.platform.find_posted("digest", None, "digest:1") == posted


async def test_a_long_card_whose_send_broke_off_is_completed(rig: SlackRig) -> None:
    """What has arrived is found, and the rest is added."""
    await rig.platform.post("digest", long_digest(300), "digest:1")
    messages = rig.slack.state.channels[IDEAS].messages
    whole = len(messages)
    for ts in list(messages)[1:]:
        del messages[ts]
    found = await rig.platform.find_posted("digest", None, "digest:1")
    assert found
    completed = await rig.platform.update(found.id, long_digest(300))
    assert len(rig.slack.messages(IDEAS)) == whole
    text = "\n".join(map(shown, rig.slack.messages(IDEAS)))
    assert all(f"nº {number} ·" in text for number in range(300))
    assert completed.permalink == found.permalink


async def test_a_card_may_become_longer_and_shorter(rig: SlackRig) -> None:
    """A vote on any of its messages is a vote for the card."""
    posted = await rig.platform.post("ideas", idea(), "card:1")
    longer = await rig.platform.update(posted.id, Card("Long", (Quotation("Besoin", "mot " * 6000),)))
    assert len(rig.slack.messages(IDEAS)) > 1
    last = rig.slack.messages(IDEAS)[-1]
    await rig.slack.react(CAMILLE, last, "heart")
    assert rig.listener.events[-1].message == longer.id  # type: ignore[attr-defined]
    assert await rig.platform.reactions([longer.id]) == {longer.id: {"heart": [CAMILLE]}}
    shorter = await rig.platform.update(longer.id, idea())
    assert len(rig.slack.messages(IDEAS)) == 1
    assert shorter == posted
    await rig.slack.react(NADIA, rig.slack.messages(IDEAS)[0], "heart")
    assert rig.listener.events[-1].message == posted.id  # type: ignore[attr-defined]


@pytest.mark.parametrize("method", ["chat.postMessage", "reactions.add"])
@pytest.mark.parametrize("how", ["429:5", "500", "reset_after"])
async def test_what_makes_a_card_longer_is_added_once_although_it_failed_at_first(
    rig: SlackRig, method: str, how: str
) -> None:
    posted = await rig.platform.post("ideas", idea(), "card:1")
    rig.slack.write(CAMILLE, "Bonjour")
    rig.slack.api.fail(method, how)
    if method == "chat.postMessage":
        with pytest.raises(ChatUnavailable):
            await rig.platform.update(posted.id, LONGER)
    await rig.platform.update(posted.id, LONGER)
    longer = await rig.platform.update(posted.id, LONGER)
    ours = [message for message in rig.slack.messages(IDEAS) if message["user"] == BOT]
    assert longer.id == f"{IDEAS}:{'+'.join(message['ts'] for message in ours)}"
    assert len(ours) == 2
    assert ours[-1]["reactions"] == {"+1": [BOT]}


async def test_a_card_that_became_shorter_may_become_longer_again(rig: SlackRig) -> None:
    """What was taken away is not looked for."""
    posted = await rig.platform.post("ideas", idea(), "card:1")
    for _ in range(2):
        longer = await rig.platform.update(posted.id, LONGER)
        assert len(rig.slack.messages(IDEAS)) == 2
        assert await rig.platform.find_posted("ideas", None, "card:1") == longer
        assert await rig.platform.update(longer.id, idea()) == posted
    assert len(rig.slack.messages(IDEAS)) == 1


# Answers


async def test_a_form_that_slack_did_not_open_in_time_is_explained(
    slack: FakeSlack, socket_butine: Installation
) -> None:
    slack.api.fail("views.open", "expired_trigger_id")
    await slack.type_command(CAMILLE, "")
    assert await slack.until(lambda: slack.private(CAMILLE, "n’a pas ouvert le formulaire à temps"))


async def test_an_answer_finds_another_way_when_the_response_url_is_used_up(
    slack: FakeSlack, socket_butine: Installation
) -> None:
    """Half an hour over the form: the receipt comes as a direct message."""
    await slack.type_command(CAMILLE, "")
    await slack.until(lambda: slack.form_of(CAMILLE))
    slack.clock.advance(1900)
    await slack.submit(CAMILLE, {"title": "Une idée mûrie"})
    assert await slack.until(lambda: slack.direct(CAMILLE, "est enregistrée"))
    assert slack.state.private == {}


@pytest.mark.parametrize("how", ["429:5", "500", "reset_before", "reset_after"])
async def test_a_form_sent_from_the_home_has_its_receipt_once_although_slack_hiccups(
    slack: FakeSlack, socket_butine: Installation, how: str
) -> None:
    """There is no other way to its author than a direct message."""
    await slack.tell(slack.event({"type": "app_home_opened", "user": CAMILLE, "tab": "home"}))
    home = await slack.until(lambda: slack.state.homes.get(CAMILLE))
    await slack.click_in_view(CAMILLE, home, labels(home)[0])
    await slack.until(lambda: slack.form_of(CAMILLE))
    slack.api.fail("chat.postMessage", how, times=2)
    before = slack.clock.seconds()
    await slack.submit(CAMILLE, {"title": "Depuis l’accueil"})
    assert await slack.until(lambda: slack.direct(CAMILLE, "est enregistrée"))
    await socket_butine.platform.close()
    assert len(slack.messages(slack.state.direct(CAMILLE).id)) == 1
    assert slack.clock.seconds() - before >= (10 if how.startswith("429") else 0)


async def test_a_form_that_comes_too_late_stays_open_below_what_is_said(
    slack: FakeSlack, socket_butine: Installation
) -> None:
    """Somebody else decided meanwhile: nothing of what was written is lost."""
    await slack.type_command(CAMILLE, "Une idée pour deux")
    await socket_butine.settle()
    waiting = slack.card(REVIEW, "Une idée pour deux")
    await slack.click(NADIA, waiting, "Refuser…")
    await slack.until(lambda: slack.form_of(NADIA))
    await slack.click("U0OMAR0000", waiting, "Approuver")
    answer = await slack.submit(NADIA, {"reason": "Un long motif"})
    assert answer
    assert answer["response_action"] == "push"
    assert "Omar Haddad" in json.dumps(answer["view"], ensure_ascii=False)
    assert slack.form_of(NADIA)


async def test_a_form_sent_twice_is_one_idea(slack: FakeSlack, socket_butine: Installation) -> None:
    """Slack says "trouble connecting" where an answer was lost, and the member presses the button again."""
    await slack.type_command(CAMILLE, "")
    view: Json = await slack.until(lambda: slack.form_of(CAMILLE))
    for _ in range(3):
        payload = slack.submitted(CAMILLE, view, {"title": "Une seule"})
        assert await slack.transport.deliver("interactive", payload) == {}
    assert len(await socket_butine.ideas()) == 1
    assert len(await slack.until(lambda: slack.state.private[CAMILLE])) == 1
