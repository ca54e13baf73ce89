"""Posts: once, within the server's limits, and found, changed and told apart whatever the server does."""

from dataclasses import replace
from itertools import count

import pytest

from bot.errors import ChatRefused, ChatUnavailable, MessageGone, NeedsMending
from bot.views.cards import Actions, Block, Button, Card, Heading, Items, Link, Paragraph, Quotation
from tests.fakes.mattermost import reading
from tests.mattermost.rig import MattermostRig

LIMIT = 16_383


def card(text: str = "Un guichet unique", reaction: str | None = None) -> Card:
    """A small one with a button."""
    blocks = (Heading("Idée"), Quotation("Besoin", text), Actions((Button("Approuver", "approve", "1"),)))
    return Card("Idée", blocks, reaction=reaction)


def digest(lines: int) -> Card:
    """A long one."""
    items = tuple((Link(f"Idée {number} {'mot ' * 40}", f"https://example.org/{number}"),) for number in range(lines))
    return Card("Digest", (Heading("Digest"), Items(items, numbered=True), Paragraph(("La fin.",))))


async def test_a_long_digest_goes_on_in_its_thread(rig: MattermostRig) -> None:
    ref = await rig.platform.post("digest", digest(150), "digest:1")
    parts = [post for post in rig.posts_in(rig.ideas) if ref.id in (post["id"], post["root_id"])]
    assert len(parts) >= 2
    assert all(len(part["message"]) <= LIMIT for part in parts)
    text = await rig.shown(ref)
    assert [text.count(f"Idée {number} mot") for number in range(150)] == [1] * 150
    assert "La fin." in text


async def test_a_long_post_shrinks_and_grows_in_place(rig: MattermostRig) -> None:
    ref = await rig.platform.post("digest", digest(150), "digest:1")
    assert await rig.platform.update(ref.id, digest(3)) == ref
    assert len(rig.posts_in(rig.ideas)) == 1
    await rig.platform.update(ref.id, digest(200))
    text = await rig.shown(ref)
    assert [text.count(f"Idée {number} mot") for number in range(200)] == [1] * 200
    assert await rig.platform.find_posted("digest", None, "digest:1") == ref


async def test_the_longest_idea_and_all_its_buttons_fit_old_servers(rig: MattermostRig) -> None:
    """Props hold 8,000 characters on servers of 5.37, a message 16,383: markup and escapes included."""
    buttons = Actions(tuple(Button(f"Bouton {n}", "withdraw", "v" * 100, confirm="c" * 150) for n in range(6)))
    quotations: list[Block] = [Quotation(name, "a*_" * 1000) for name in ("Besoin", "Proposition", "Apport")]
    idea = Card("Idée", (Heading("*" * 120), *quotations, buttons))
    ref = await rig.platform.post("review", idea, "card:1:review")
    assert (await rig.shown(ref)).count("a*_") == 3000


@pytest.mark.parametrize(
    "status, headers, pause",
    [
        (429, {"Retry-After": "7"}, 7.0),
        (429, {"X-RateLimit-Reset": "3"}, 3.0),
        (503, {}, None),
        (503, {"X-RateLimit-Reset": "1"}, None),
        (502, {"Retry-After": "9"}, 9.0),
        (429, {"Retry-After": "3600"}, 3600.0),
        (429, {"X-RateLimit-Reset": "1795507200"}, 300.0),
    ],
)
async def test_a_server_that_asks_for_a_pause_gets_it(
    rig: MattermostRig, status: int, headers: dict[str, str], pause: float | None
) -> None:
    rig.server.failures.append(("POST /api/v4/posts", status, headers))
    with pytest.raises(ChatUnavailable) as unavailable:
        await rig.platform.post("ideas", card(), "card:1")
    assert unavailable.value.retry_after == pause
    assert unavailable.value.is_uncertain is (status >= 500)
    await rig.platform.post("ideas", card(), "card:1")
    assert len(rig.posts_in(rig.ideas)) == 1


@pytest.mark.parametrize("status", [302, 401, 403, 404])
async def test_the_page_of_a_proxy_says_nothing_of_posts(rig: MattermostRig, status: int) -> None:
    """Only Mattermost's own word for it counts as never, or as gone: anything else would be given up, or doubled."""
    ref = await rig.platform.post("ideas", card(), "card:1")
    rig.server.meets = lambda _request, _body: f"page:{status}"
    for attempt in (
        rig.platform.post("ideas", card(), "card:2"),
        rig.platform.update(ref.id, card("anders")),
        rig.platform.find_posted("ideas", None, "card:1"),
        rig.platform.reactions([ref.id]),
        rig.platform.is_moderator(rig.moderator),
        rig.platform.direct(rig.agent, card(), "notice:1"),
    ):
        with pytest.raises(NeedsMending) as failed:
            await attempt
        assert (failed.value.reason, failed.value.retry_after) == (f"HTTP {status}", None)
    rig.server.meets = lambda _request, _body: ""
    assert await rig.platform.update(ref.id, card("anders")) == ref


@pytest.mark.parametrize("failing", ["POST /api/v4/reactions", "POST /api/v4/posts"])
async def test_a_card_of_which_a_part_stands_there_is_looked_for_before_it_is_sent_again(
    rig: MattermostRig, failing: str
) -> None:
    """Its reaction or its second page met a limit: the server forgets the pending id long before that is over."""
    long = replace(digest(150), reaction="+1")
    met = count()
    rig.server.meets = lambda request, _body: (
        "429:60" if request == failing and next(met) == (1 if failing.endswith("posts") else 0) else ""
    )
    with pytest.raises(ChatUnavailable) as unavailable:
        await rig.platform.post("ideas", long, "card:1")
    assert (unavailable.value.retry_after, unavailable.value.is_uncertain) == (60.0, True)
    found = await rig.platform.find_posted("ideas", None, "card:1")
    assert found
    await rig.platform.update(found.id, long)
    text = await rig.shown(found)
    assert [text.count(f"Idée {number} mot") for number in range(150)] == [1] * 150


async def test_an_answer_that_is_cut_off_is_no_surprise_of_the_caller(rig: MattermostRig) -> None:
    """Reading as well as writing: the server may do better later."""
    rig.server.meets = lambda _request, _body: "garbled"
    for attempt in (
        rig.platform.find_posted("ideas", None, "card:1"),
        rig.platform.post("ideas", card(), "card:1"),
        rig.platform.profile(rig.agent),
    ):
        with pytest.raises(ChatUnavailable):
            await attempt


async def test_an_answer_that_got_lost_makes_no_second_post(rig: MattermostRig) -> None:
    """The server knows the pending id for a while; after that the marker in the props tells."""
    rig.server.swallowed.append("POST /api/v4/posts")
    with pytest.raises(ChatUnavailable) as unavailable:
        await rig.platform.post("ideas", card(), "card:1")
    assert unavailable.value.is_uncertain
    found = await rig.platform.find_posted("ideas", None, "card:1")
    assert found
    assert await rig.platform.post("ideas", card(), "card:1") == found
    assert len(rig.posts_in(rig.ideas)) == 1


async def test_only_butines_own_posts_are_found(rig: MattermostRig) -> None:
    """A member can put any marker into a post of their own."""
    rig.world.post(rig.agent, {"channel_id": rig.ideas, "message": "x", "props": {"butine": {"key": "card:1"}}})
    assert await rig.platform.find_posted("ideas", None, "card:1") is None


async def test_a_deleted_post_is_gone(rig: MattermostRig) -> None:
    ref = await rig.platform.post("ideas", card(), "card:1")
    rig.world.delete(ref.id)
    with pytest.raises(MessageGone):
        await rig.platform.update(ref.id, card("anders"))


async def test_somebody_elses_post_is_never_changed(rig: MattermostRig) -> None:
    post = rig.world.post(rig.agent, {"channel_id": rig.ideas, "message": "à moi"})
    with pytest.raises(MessageGone):
        await rig.platform.update(post["id"], card())
    assert rig.world.posts[post["id"]]["message"] == "à moi"


async def test_a_card_whose_post_was_deleted_is_posted_anew(rig: MattermostRig) -> None:
    """Even at once, when the server still remembers the pending id of the post that is gone."""
    first = await rig.platform.post("ideas", card(), "card:1")
    rig.world.delete(first.id)
    assert (await rig.platform.post("ideas", card(), "card:1")).id != first.id


async def test_a_card_that_may_not_be_edited_any_more_waits_until_it_may(rig: MattermostRig) -> None:
    """A limit to the time for which messages may be edited is a setting, and can be lifted."""
    ref = await rig.platform.post("ideas", card(), "card:1")
    rig.world.edit_seconds = 300
    rig.clock.move(minutes=6)
    with pytest.raises(NeedsMending):
        await rig.platform.update(ref.id, card("anders"))
    rig.world.edit_seconds = -1
    assert await rig.platform.update(ref.id, card("anders")) == ref


@pytest.mark.parametrize("is_remembered", [True, False])
@pytest.mark.parametrize("way", ["archived", "hidden", "private", "public"])
async def test_a_channel_that_is_closed_to_butine_for_a_while_loses_and_doubles_nothing(
    rig: MattermostRig, way: str, *, is_remembered: bool
) -> None:
    """Archived, or Butine taken out of it: a moderator can undo both. A post that can't be read may still be there."""
    ref = await rig.platform.post("ideas", card(), "card:1")
    if not is_remembered:
        await rig.platform.close()
        await rig.platform.start(rig.listener)
    membership = rig.world.members[rig.ideas][rig.bot]
    if way in ("archived", "hidden"):
        rig.world.channels[rig.ideas]["delete_at"] = rig.world.now()
        rig.world.hides_archived = way == "hidden"
    else:
        del rig.world.members[rig.ideas][rig.bot]
        rig.world.reads_open = way == "public"
    for attempt in (rig.platform.post("ideas", card(), "card:2"), rig.platform.update(ref.id, card("anders"))):
        with pytest.raises(NeedsMending):
            await attempt
    if way in ("hidden", "private"):
        assert await rig.platform.reactions([ref.id]) == {}
        with pytest.raises(NeedsMending):
            await rig.platform.find_posted("ideas", None, "card:1")
    rig.world.channels[rig.ideas]["delete_at"] = 0
    rig.world.members[rig.ideas][rig.bot] = membership
    assert await rig.platform.update(ref.id, card("anders")) == ref
    await rig.platform.post("ideas", card(), "card:2")
    assert len(rig.posts_in(rig.ideas)) == 2


async def test_a_long_card_that_loses_its_channel_half_way_is_found_again(rig: MattermostRig) -> None:
    met = count()
    rig.server.meets = lambda request, _body: "403" if request == "POST /api/v4/posts" and next(met) == 1 else ""
    with pytest.raises(NeedsMending) as failed:
        await rig.platform.post("ideas", digest(150), "card:1")
    assert failed.value.is_uncertain


async def test_what_the_server_will_never_take_is_refused(rig: MattermostRig) -> None:
    rig.server.failures.append(("POST /api/v4/posts", 400, {}))
    with pytest.raises(ChatRefused):
        await rig.platform.post("ideas", card(), "card:1")


async def test_a_reaction_that_could_not_be_put_on_comes_with_the_next_change(rig: MattermostRig) -> None:
    rig.server.failures.append(("POST /api/v4/reactions", 503, {}))
    with pytest.raises(ChatUnavailable):
        await rig.platform.post("ideas", card(reaction="+1"), "card:1")
    found = await rig.platform.find_posted("ideas", None, "card:1")
    assert found
    await rig.platform.update(found.id, card(reaction="+1"))
    assert await rig.holders(found, "+1") == ["butine"]


async def test_a_token_that_was_withdrawn_may_be_mended(rig: MattermostRig) -> None:
    """Nothing is given up for good while the operator puts the token right."""
    user = rig.world.tokens.pop("butine-token")
    with pytest.raises(ChatUnavailable):
        await rig.platform.post("ideas", card(), "card:1")
    rig.world.tokens["butine-token"] = user
    await rig.platform.post("ideas", card(), "card:1")


HOSTILE = [
    "@channel",
    "@all",
    "@here",
    "> @channel",
    "\\@channel",
    "<!channel>",
    "<!here> <!all>",
    "@camille et @nadia",
    "![x](http://e.vil/x.png)",
    "[ici](http://e.vil/)",
    "[ici](javascript:alert(1))",
    "http://e.vil/ et www.e.vil",
    "<http://e.vil/|ici>",
    "HTTPS://E.VIL mailto:a@e.vil",
    "camille@valdoise.fr",
    "```\n@channel\n```",
    "`@channel`",
    "    @channel",
    "| a | b |\n| - | - |\n| @all | c |",
    "# @here",
    "1. @here",
    "- @here",
    "@\u200bchannel @channel",
    "\u202e@channel\u202c",
    "&commat;channel &lt;b&gt;",
    "~idees :smile: $x$ #tag",
    "**gras** _souligné_ ~~barré~~",
]


@pytest.mark.parametrize("text", HOSTILE)
async def test_a_members_text_notifies_nobody_and_loads_nothing(rig: MattermostRig, text: str) -> None:
    """Wherever it may stand: posts, direct messages, private answers and dialogs."""
    blocks = (
        Heading(text),
        Paragraph((text,)),
        Quotation(text, text),
        Items(((text,),)),
        Actions((Button(text, "approve", text[:300]),)),
    )
    posted = await rig.platform.post("ideas", Card(text, blocks), "card:1")
    sent = await rig.platform.direct(rig.agent, Card(text, blocks), "card:2")
    for ref in (posted, sent):
        assert await rig.harm(ref) == []
        read = reading.read(rig.world.posts[ref.id])
        assert {mark for mark in read.formatted if mark not in ("####", ">", "-", "strong")} == set()
        for line in text.translate({0x202A: None, 0x202C: None, 0x202E: None, 0x200B: None}).split("\n"):
            assert line.strip() in read.text
