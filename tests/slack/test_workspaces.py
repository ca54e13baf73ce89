"""What comes from another workspace than Butine's: an app installed in several, or tokens of two apps."""

from collections.abc import AsyncIterator

import pytest

from tests.contract.slack_rig import SlackRig
from tests.contract.test_platform import idea
from tests.fakes.slack.reading import shown
from tests.fakes.slack.state import IDEAS, REVIEW, TEAM
from tests.fakes.slack.web_api import WebApi
from tests.fakes.slack.workspace import CAMILLE, NADIA, SAM, FakeSlack, Json
from tests.slack.installation import Installation

ELSEWHERE, ORGANISATION = "T0ELSEWHERE", "E0DEPARTEMENT"
TITLE = "Des vélos entre les deux sites"
TURNED_AWAY = "d’un autre espace de travail Slack"


@pytest.fixture
async def published(butine: Installation) -> Installation:
    """One idea that is open to votes."""
    await butine.publish(1, TITLE)
    return butine


def from_elsewhere(payload: Json) -> Json:
    """The same delivery, of another workspace."""
    named: Json = {"team": {"id": ELSEWHERE}, "user": payload.get("user") and payload["user"] | {"team_id": ELSEWHERE}}
    if "user_id" in payload or "event" in payload:
        named = {"team_id": ELSEWHERE}
    if "event" in payload:
        named["authorizations"] = [{"team_id": ELSEWHERE, "user_id": "U0OTHERBOT", "is_bot": True}]
    return payload | named


async def test_a_command_is_turned_away_and_its_text_comes_back(slack: FakeSlack, butine: Installation) -> None:
    assert await slack.hand_on(from_elsewhere(slack.command(CAMILLE, "Des navettes"))) == {}
    told = await slack.until(lambda: slack.private(CAMILLE, TURNED_AWAY))
    assert "Des navettes" in shown(told)
    assert await butine.ideas() == []


async def test_a_click_and_a_chosen_message_are_turned_away(slack: FakeSlack, butine: Installation) -> None:
    await slack.type_command(CAMILLE, TITLE)
    await butine.settle()
    for payload in (
        slack.clicked(NADIA, slack.card(REVIEW, TITLE), "Approuver"),
        slack.chosen(NADIA, slack.write(SAM, "Bonjour")),
    ):
        assert await slack.transport.deliver("interactive", from_elsewhere(payload)) == {}
        assert await slack.until(lambda: slack.private(NADIA, TURNED_AWAY))
        del slack.state.private[NADIA]
    await butine.settle()
    assert [message["user"] for message in slack.messages(IDEAS)] == [SAM]
    assert slack.state.views == {}


async def test_a_form_stays_open_below_what_is_said(slack: FakeSlack, butine: Installation) -> None:
    await slack.type_command(CAMILLE, "")
    form = await slack.until(lambda: slack.form_of(CAMILLE))
    sent = from_elsewhere(slack.submitted(CAMILLE, form, {"title": "Des navettes"}))
    answer = await slack.transport.deliver("interactive", sent)
    assert answer
    assert answer["response_action"] == "push"
    assert TURNED_AWAY in shown(answer["view"])
    assert await butine.ideas() == []


async def test_reactions_are_acknowledged_without_effect_and_the_operator_is_told_once(
    slack: FakeSlack, published: Installation, caplog: pytest.LogCaptureFixture
) -> None:
    (card,) = slack.messages(IDEAS)
    for emoji in ("+1", "heart"):
        assert await slack.tell(from_elsewhere(slack.reaction(SAM, card, emoji, "reaction_added")))
    assert (await published.ideas())[0].supporters == 0
    (line,) = [record.getMessage() for record in caplog.records if ELSEWHERE in record.getMessage()]
    assert f"the bot token is of {TEAM}" in line


@pytest.mark.parametrize(
    "named",
    [
        {"team_id": ELSEWHERE},
        {"authorizations": [{"team_id": ELSEWHERE, "user_id": "U0OTHERBOT", "is_bot": True}]},
        {"team_id": None, "authorizations": None},
    ],
    ids=["where it happened", "an installation that sees it", "nothing"],
)
async def test_a_reaction_counts_where_either_place_or_none_names_butines_workspace(
    slack: FakeSlack, published: Installation, named: Json
) -> None:
    """In a channel that is shared with another organisation they may differ."""
    (card,) = slack.messages(IDEAS)
    assert await slack.tell(slack.reaction(SAM, card, "+1", "reaction_added") | named)
    assert (await published.ideas())[0].supporters == 1


class Organisation(WebApi):
    """Of a workspace that is one of an organisation's."""

    def auth_test(self, given: Json) -> Json:
        return super().auth_test(given) | {"enterprise_id": ORGANISATION}


@pytest.fixture
async def large() -> AsyncIterator[SlackRig]:
    """The adapter in such a workspace."""
    rig = SlackRig("http", Organisation)
    await rig.start()
    yield rig
    await rig.stop()


@pytest.mark.parametrize(
    "named, is_taken",
    [
        ({"enterprise_id": ORGANISATION}, True),
        ({"team_id": ORGANISATION}, True),
        ({"enterprise_id": "E0ELSEWHERE"}, False),
        ({}, False),
    ],
)
async def test_another_workspace_of_the_same_organisation_is_no_other(
    large: SlackRig, named: Json, *, is_taken: bool
) -> None:
    await large.slack.hand_on(from_elsewhere(large.slack.command(CAMILLE, "Des navettes")) | named)
    assert bool(large.listener.events) is is_taken


@pytest.mark.parametrize("organisation, votes", [(ORGANISATION, True), ("E0ELSEWHERE", False)])
async def test_people_of_the_same_organisation_vote(large: SlackRig, organisation: str, *, votes: bool) -> None:
    of_it = {"team_id": ELSEWHERE, "enterprise_user": {"enterprise_id": organisation}}
    other = large.slack.state.add_user("U0OTHER000", "Quelqu’un", **of_it)  # type: ignore[arg-type]
    posted = await large.platform.post("ideas", idea(), "card:1")
    await large.react(other, posted, "+1")
    assert bool(large.listener.events) is votes
    assert await large.platform.reactions([posted.id]) == {posted.id: {"+1": [other]} if votes else {}}
