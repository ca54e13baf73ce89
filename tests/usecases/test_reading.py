"""Looking things up: everybody sees what they may, all of it, and nothing else."""

import pytest
from sqlmodel import Session

from bot.domain.draft import Draft
from bot.domain.permissions import Caller
from bot.domain.voting import Voting
from bot.errors import IdeaNotFound, NothingToShow, NotPermitted
from bot.usecases import digesting, moderation, reading, submission, voting
from bot.usecases.reading import Listing, Page
from bot.usecases.voting import Reaction
from storage import workspaces
from storage.tables import Idea, Status, present
from tests.usecases.builders import NOW, OWN_COUNTS, SIZES, VOTING, WEEKLY, World

HIDDEN = [Status.PENDING, Status.REFUSED, Status.WITHDRAWN]


def numbers(page: Page) -> list[int]:
    """The page's ideas."""
    return [idea.number for idea in page.ideas]


@pytest.fixture
def one_of_each(world: World) -> dict[Status, Idea]:
    """An idea of Camille's in each status."""
    return {status: world.in_status(status) for status in Status}


# Lists


def test_the_list_has_what_is_public_newest_first(
    session: Session, world: World, elsewhere: World, one_of_each: dict[Status, Idea]
) -> None:
    elsewhere.publish()
    public = [idea.number for status, idea in one_of_each.items() if status not in HIDDEN]
    for caller in (world.camille, world.sam, world.nadia):
        page = reading.list_ideas(session, caller, None)
        assert (page.listing, page.status, page.next_before) == (Listing.ALL, None, None)
        assert numbers(page) == sorted(public, reverse=True)


@pytest.mark.parametrize("status", list(Status))
def test_a_list_of_a_hidden_status_is_whole_for_moderators_and_ones_own_for_others(
    session: Session, world: World, one_of_each: dict[Status, Idea], status: Status
) -> None:
    expected = [one_of_each[status].number]
    assert numbers(reading.list_ideas(session, world.nadia, status)) == expected
    assert numbers(reading.list_ideas(session, world.camille, status)) == expected
    assert numbers(reading.list_ideas(session, world.sam, status)) == ([] if status in HIDDEN else expected)
    for caller in (world.camille, world.sam):
        assert reading.list_ideas(session, caller, status).is_own is (status in HIDDEN), "and says so"
    assert not reading.list_ideas(session, world.nadia, status).is_own


def test_a_list_offers_what_else_can_be_listed_in_the_order_of_an_ideas_life(session: Session, world: World) -> None:
    public = (
        *(Status.PUBLISHED, Status.SHORTLISTED, Status.RETAINED),
        *(Status.IN_PROGRESS, Status.DELIVERED, Status.DECLINED),
    )
    assert reading.list_ideas(session, world.sam, None).choices == public
    assert reading.list_ideas(session, world.sam, Status.RETAINED).choices == public
    assert reading.list_ideas(session, world.nadia, None).choices == (Status.PENDING, Status.REFUSED, *public)


@pytest.mark.parametrize("status", HIDDEN)
def test_what_is_listed_now_is_one_of_the_choices(session: Session, world: World, status: Status) -> None:
    """A member may list their own ideas of a hidden status, and has to find the way back."""
    assert status in reading.list_ideas(session, world.sam, status).choices


def test_my_list_has_all_of_mine_whatever_their_status_and_none_of_others(
    session: Session, world: World, one_of_each: dict[Status, Idea]
) -> None:
    sams = world.propose(author=world.sam)
    assert numbers(reading.mine(session, world.sam)) == [sams.number]
    page = reading.mine(session, world.camille)
    assert page.listing is Listing.MINE
    more = reading.mine(session, world.camille, page.next_before)
    assert numbers(page) + numbers(more) == sorted((idea.number for idea in one_of_each.values()), reverse=True)


@pytest.mark.parametrize("count", [0, 1, 7, 8, 9, 16, 17])
def test_paging_reaches_every_idea_once(session: Session, world: World, count: int) -> None:
    expected = [world.publish(f"Idée {number}").number for number in range(count)]

    def turn(before: int | None) -> Page:
        return reading.list_ideas(session, world.sam, None, before)

    def turn_mine(before: int | None) -> Page:
        return reading.mine(session, world.camille, before)

    for pages in (turn, turn_mine):
        found: list[int] = []
        page = pages(None)
        while page.next_before is not None:
            assert len(page.ideas) == reading.PAGE
            found += numbers(page)
            page = pages(page.next_before)
        found += numbers(page)
        assert found == sorted(expected, reverse=True)
        assert count == 0 or page.ideas


def test_an_idea_that_comes_while_one_pages_shifts_nothing(session: Session, world: World) -> None:
    for _ in range(12):
        world.publish()
    first = reading.list_ideas(session, world.sam, None)
    world.publish()
    second = reading.list_ideas(session, world.sam, None, first.next_before)
    assert numbers(first) + numbers(second) == list(range(12, 0, -1))


def test_a_page_has_names_and_links(session: Session, world: World) -> None:
    idea, unposted = world.publish(), world.publish()
    world.posted(idea, "m1")
    page = reading.list_ideas(session, world.sam, None)
    assert page.names == {"camille": "Camille Martin"}
    assert page.links == {present(idea.id): "https://chat.example/m1"}
    assert unposted.number in numbers(page)


@pytest.mark.parametrize("waiting, left_out", [(8, 0), (9, 1), (20, 12)])
def test_the_queue_says_how_many_more_wait_than_it_names(
    session: Session, world: World, elsewhere: World, waiting: int, left_out: int
) -> None:
    for _ in range(waiting):
        world.propose()
    world.publish()
    elsewhere.propose()
    page = reading.queue(session, world.nadia)
    assert (len(page.ideas), page.left_out, page.next_before) == (8, left_out, None)


def test_the_queue_is_for_moderators_longest_wait_first(session: Session, world: World) -> None:
    waiting = [world.propose(), world.propose()]
    world.publish()
    page = reading.queue(session, world.nadia)
    assert (page.listing, list(page.ideas)) == (Listing.QUEUE, waiting)
    for caller in (world.sam, world.camille):
        with pytest.raises(NotPermitted):
            reading.queue(session, caller)


def test_a_refused_idea_that_is_proposed_again_waits_since_then(session: Session, world: World) -> None:
    """What its author did not do for eighty days, no moderator has let wait."""
    again, other = world.refuse(), world.propose()
    submission.edit(session, world.camille, again.number, Draft("Des vélos"), world.later(days=80))
    page = reading.queue(session, world.nadia)
    assert list(page.ideas) == [other, again]
    assert page.since == {present(other.id): NOW, present(again.id): world.now}


def test_a_moderators_way_to_what_waits_leads_to_where_it_is_decided_on(session: Session, world: World) -> None:
    """In every list, and where the idea is shown; nobody else has a link into the review channel, nor its author."""
    idea, published = world.propose("Des vélos", world.nadia), world.publish("Des vélos partagés")
    world.posted(published)
    world.posted(published, "m8", channel="review")
    world.posted(idea, "m9", channel="review")
    link, public = "https://chat.example/m9", "https://chat.example/m2"
    key = present(idea.id)

    def ways(caller: Caller) -> list[str | None]:
        pages = [
            reading.list_ideas(session, caller, Status.PENDING),
            reading.find(session, caller, "velo", ""),
            reading.mine(session, caller),
        ]
        return [*(page.links.get(key) for page in pages), reading.show(session, caller, idea.number).link]

    assert ways(world.nadia) == [link] * 4
    assert ways(world.member("nadia")) == [None] * 4
    assert reading.queue(session, world.nadia).links == {key: link}
    home = reading.home(session, world.nadia).queue
    assert home
    assert home.links == {key: link}
    assert reading.find(session, world.nadia, "velo", "").links == {key: link, present(published.id): public}
    assert reading.show(session, world.nadia, published.number).link == public


# Search


def test_a_search_finds_what_one_may_see_in_any_form_of_its_words(
    session: Session, world: World, elsewhere: World
) -> None:
    published = world.publish("Des vélos partagés")
    pending = world.propose("Un vélo électrique")
    elsewhere.publish("Des vélos partagés")
    for words in ("vélo", "VELOS", "les vélos"):
        page = reading.find(session, world.sam, words, f"chercher {words}")
        assert list(page.ideas) == [published]
        assert (page.listing, page.words, page.typed) == (Listing.FOUND, words, f"chercher {words}")
    for caller in (world.camille, world.nadia):
        assert {idea.number for idea in reading.find(session, caller, "velo", "").ideas} == {
            published.number,
            pending.number,
        }


@pytest.mark.parametrize("words", ["introuvable", "le la les", "?!", '"', "vélo OR soupe", "NEAR(", "*"])
def test_a_search_that_finds_nothing_says_so(session: Session, world: World, words: str) -> None:
    world.publish("Des vélos")
    page = reading.find(session, world.sam, words, words)
    assert (page.ideas, page.has_more) == ((), False)


@pytest.mark.parametrize("words, is_searchable", [("pour tous", False), ("🚲", False), ("?", False), ("gare", True)])
def test_a_search_without_a_word_to_look_for_denies_nothing(
    session: Session, world: World, words: str, *, is_searchable: bool
) -> None:
    """The words are in the idea, and yet can't be found."""
    world.publish("Une crèche pour tous 🚲 ?")
    assert reading.find(session, world.sam, words, words).is_searchable is is_searchable
    assert reading.find(session, world.sam, "crèche pour tous 🚲", "").is_searchable


@pytest.mark.parametrize("matching, has_more", [(1, False), (10, False), (11, True), (14, True)])
def test_a_search_says_that_there_are_more_than_it_shows(
    session: Session, world: World, matching: int, *, has_more: bool
) -> None:
    for _ in range(matching):
        world.publish("Un parking")
    page = reading.find(session, world.sam, "parking", "")
    assert (len(page.ideas), page.has_more) == (min(matching, 10), has_more)


# Ranking and one idea


def test_the_ranking_is_that_of_the_shortlist(session: Session, world: World) -> None:
    few, many, none, old = (world.publish() for _ in range(4))
    few.published_at = world.later(hours=1)
    world.support(few, "sam")
    world.support(many, "sam", "ines")
    world.support(old, "ines")
    world.session.flush()
    page = reading.ranking(session, world.sam)
    assert page.listing is Listing.TOP
    assert list(page.ideas) == [many, old, few]
    assert none not in page.ideas


def test_an_idea_is_shown_with_its_history_and_names(session: Session, world: World) -> None:
    idea = world.publish()
    world.posted(idea, "m1")
    shown = reading.show(session, world.sam, idea.number)
    assert (shown.idea, shown.link, shown.is_own) == (idea, "https://chat.example/m1", False)
    assert [line.step.value for line in shown.history] == ["submitted", "approved"]
    assert shown.names == {"camille": "Camille Martin", "nadia": "Nadia Benali"}
    assert reading.show(session, world.camille, idea.number).is_own


def test_what_moderators_wrote_to_the_author_is_read_by_them_alone(session: Session, world: World) -> None:
    """The question and the reason of a former refusal; that there were any is no secret."""
    idea = world.propose()
    moderation.ask(session, world.nadia, idea.number, "Qui paierait ?", world.later(hours=1))
    moderation.refuse(session, world.nadia, idea.number, "Trop vague", world.later(hours=1))
    submission.edit(session, world.camille, idea.number, Draft(idea.title, "Un besoin"), world.later(hours=1))
    moderation.approve(session, world.nadia, idea.number, world.later(hours=1))
    session.flush()
    whole = [
        *(("submitted", "camille", ""), ("questioned", "nadia", "Qui paierait ?"), ("refused", "nadia", "Trop vague")),
        *(("resubmitted", "camille", ""), ("approved", "nadia", "")),
    ]
    withheld = [(step, member, "") for step, member, _ in whole]
    for caller, expected in ((world.sam, withheld), (world.camille, whole), (world.nadia, whole)):
        shown = reading.show(session, caller, idea.number)
        assert [(line.step.value, line.member_id, line.detail) for line in shown.history] == expected
        assert [line.at for line in shown.history] == sorted(line.at for line in shown.history)
    assert not session.dirty
    assert not session.new
    assert world.steps(idea) == whole


@pytest.mark.parametrize("status", list(Status))
def test_what_is_not_public_is_shown_to_its_author_and_moderators_alone(
    session: Session, world: World, one_of_each: dict[Status, Idea], status: Status
) -> None:
    number = one_of_each[status].number
    for caller in (world.camille, world.nadia):
        assert reading.show(session, caller, number).link is None
    if status in HIDDEN:
        with pytest.raises(IdeaNotFound):
            reading.show(session, world.sam, number)
    else:
        assert reading.show(session, world.sam, number).idea.number == number


def test_a_number_of_another_workspace_is_unknown_here(session: Session, world: World, elsewhere: World) -> None:
    elsewhere.publish()
    with pytest.raises(IdeaNotFound):
        reading.show(session, world.nadia, 1)


# Shortlist and figures


def test_without_a_digest_there_is_no_shortlist(session: Session, world: World) -> None:
    with pytest.raises(NothingToShow) as nothing:
        reading.last_shortlist(session, world.sam)
    assert nothing.value.what == "shortlist"


def test_the_last_shortlist_has_votes_as_they_were_and_ideas_as_they_are(session: Session, world: World) -> None:
    first, second, late = world.publish(), world.publish(), world.publish()
    world.support(first, "sam")
    world.support(second, "sam", "ines")
    digesting.publish(session, world.workspace_id, WEEKLY.coming(NOW), SIZES, NOW)
    second.status, second.title = Status.RETAINED, "Nouveau titre"
    shortlist = reading.last_shortlist(session, world.sam)
    assert [(entry.rank, entry.votes, idea) for entry, idea in shortlist.entries] == [(1, 2, second), (2, 1, first)]
    assert late not in [idea for _, idea in shortlist.entries]


def test_a_missed_week_does_not_hide_the_shortlist_before_it(session: Session, world: World) -> None:
    idea = world.publish()
    world.support(idea, "sam")
    digesting.publish(session, world.workspace_id, WEEKLY.coming(NOW), SIZES, NOW)
    world.later(days=8)
    digesting.note_missed(session, world.workspace_id, WEEKLY.coming(world.now), world.now)
    assert [each.number for _, each in reading.last_shortlist(session, world.sam).entries] == [idea.number]


def test_quiet_weeks_do_not_hide_the_shortlist_before_them(session: Session, world: World) -> None:
    idea = world.publish()
    digesting.publish(session, world.workspace_id, WEEKLY.coming(world.later(days=7)), SIZES, world.now)
    with pytest.raises(NothingToShow):
        reading.last_shortlist(session, world.sam)
    world.support(idea, "sam")
    shortlisted_at = world.later(days=7)
    for _ in range(3):
        digesting.publish(session, world.workspace_id, WEEKLY.coming(world.now), SIZES, world.now)
        shortlist = reading.last_shortlist(session, world.sam)
        assert [each.number for _, each in shortlist.entries] == [idea.number]
        assert shortlist.digest.until == shortlisted_at
        world.later(days=7)


def test_figures_count_how_far_ideas_have_come(
    session: Session, world: World, elsewhere: World, one_of_each: dict[Status, Idea]
) -> None:
    elsewhere.publish()
    world.propose(author=world.sam)
    idea = one_of_each[Status.PUBLISHED]
    world.support(idea, "sam", "ines")
    own = Reaction(world.posted(idea), "camille", "+1", NOW, is_present=True)
    voting.react(session, world.workspace_id, own, VOTING, NOW)
    stats = reading.stats(session, world.sam)
    assert (stats.proposed, stats.published, stats.shortlisted) == (10, 6, 5)
    assert (stats.retained, stats.delivered) == (3, 1)
    assert (stats.authors, stats.voters) == (2, 2)


@pytest.mark.parametrize("rules, voters", [(VOTING, 1), (OWN_COUNTS, 2)], ids=["not_counted", "counted"])
def test_who_supports_their_own_idea_is_a_voter_where_that_counts(
    session: Session, world: World, rules: Voting, voters: int
) -> None:
    """As on the idea's card."""
    voting.recount_if_rules_changed(session, world.workspace_id, rules, NOW)
    idea = world.publish()
    world.support(idea, "sam")
    own = Reaction(world.posted(idea), "camille", "+1", NOW, is_present=True)
    voting.react(session, world.workspace_id, own, rules, NOW)
    session.refresh(idea)
    assert reading.stats(session, world.sam).voters == idea.supporters == voters


def test_a_vote_for_an_idea_that_was_withdrawn_is_in_no_figure(session: Session, world: World) -> None:
    idea = world.publish()
    world.support(idea, "sam")
    submission.withdraw(session, world.camille, idea.number, NOW)
    stats = reading.stats(session, world.sam)
    assert (stats.published, stats.voters) == (0, 0)


def test_figures_of_an_empty_workspace_are_nought(session: Session, world: World) -> None:
    stats = reading.stats(session, world.sam)
    assert [stats.proposed, stats.published, stats.authors, stats.voters] == [0, 0, 0, 0]


def test_nothing_of_this_changes_anything(session: Session, world: World, one_of_each: dict[Status, Idea]) -> None:
    session.flush()
    caller = Caller(world.workspace_id, "nadia", is_moderator=True)
    reading.list_ideas(session, caller, None)
    reading.find(session, caller, "azur", "")
    reading.show(session, caller, 1)
    reading.stats(session, caller)
    assert not session.dirty
    assert not session.new


def test_a_member_who_was_never_seen_has_no_name(session: Session, world: World) -> None:
    idea = submission.submit(session, world.member("ghost"), Draft("Sans nom"), NOW).idea
    assert reading.show(session, world.nadia, idea.number).names == {}
    workspaces.saw(session, world.workspace_id, "ghost", "Fantôme", None)
    assert reading.show(session, world.nadia, idea.number).names == {"ghost": "Fantôme"}
