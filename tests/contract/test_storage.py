"""What storage promises of workspaces, members and ideas, on both databases."""

import asyncio
from datetime import datetime, timedelta, timezone
from functools import partial
from itertools import count
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlmodel import Session

from bot.domain import shortlist
from storage import ideas, workspaces
from storage.database import Database
from storage.tables import Idea, Status, Step, present
from tests.contract.storage_rows import HOUR, NOW, adding, another_workspace, gesture, keep, key, new_idea

pytest_plugins = ["tests.contract.storage_fixtures"]


def numbers(found: list[Idea]) -> list[int]:
    """The ideas' numbers, in their order."""
    return [idea.number for idea in found]


# Workspaces and members


async def test_a_workspace_is_made_once(database: Database, workspace_id: int) -> None:
    assert await database.write(lambda s: workspaces.ensure(s, "web", "room")) == workspace_id


def ensure(session: Session, name: tuple[str, str]) -> int:
    """A workspace by platform and id there."""
    return workspaces.ensure(session, *name)


async def test_workspaces_differ_by_platform_and_by_their_id_there(database: Database, workspace_id: int) -> None:
    names = (("web", "x"), ("x", "room"))
    others = [await database.write(partial(ensure, name=name)) for name in names]
    assert len({workspace_id, *others}) == 3
    known = await database.read(workspaces.all_of)
    assert [(w.platform, w.external_id) for w in known] == [("web", "room"), ("web", "x"), ("x", "room")]


async def test_a_workspace_that_many_ask_for_at_once_is_made_once(database: Database) -> None:
    found = await asyncio.gather(*(database.write(lambda s: workspaces.ensure(s, "web", "new")) for _ in range(12)))
    assert len(set(found)) == 1


async def test_a_member_is_remembered_as_last_seen(database: Database, workspace_id: int) -> None:
    await database.write(lambda s: workspaces.saw(s, workspace_id, "camille", "Camille", "fr-FR"))
    await database.write(lambda s: workspaces.saw(s, workspace_id, "camille", "Camille M.", "en"))
    await database.write(lambda s: workspaces.saw(s, workspace_id, "camille", "Camille M.", "en"))
    await database.write(lambda s: workspaces.saw(s, workspace_id, "sam", "Sam", None))
    asked = ["camille", "sam", "nobody", None, "camille"]
    names = await database.read(lambda s: workspaces.names(s, workspace_id, asked))
    assert names == {"camille": "Camille M.", "sam": "Sam"}
    assert await database.read(lambda s: workspaces.locale_of(s, workspace_id, "camille")) == "en"
    assert await database.read(lambda s: workspaces.locale_of(s, workspace_id, "sam")) is None
    assert await database.read(lambda s: workspaces.locale_of(s, workspace_id, "nobody")) is None


async def test_a_new_member_may_do_many_things_at_once(database: Database, workspace_id: int) -> None:
    await asyncio.gather(
        *(database.write(lambda s: workspaces.saw(s, workspace_id, "camille", "Camille", "fr")) for _ in range(12))
    )
    assert await database.read(lambda s: workspaces.names(s, workspace_id, ["camille"])) == {"camille": "Camille"}


async def test_members_of_one_workspace_are_unknown_in_another(database: Database, workspace_id: int) -> None:
    other = await another_workspace(database)
    await database.write(lambda s: workspaces.saw(s, workspace_id, "camille", "Camille", "fr"))
    assert await database.read(lambda s: workspaces.names(s, other, ["camille"])) == {}


def test_only_a_row_that_was_kept_has_a_key() -> None:
    assert present(1) == 1
    with pytest.raises(ValueError, match="None"):
        present(None)


# Ideas


async def test_ideas_are_numbered_from_1_in_each_workspace(database: Database, workspace_id: int) -> None:
    other = await another_workspace(database)
    kept = [await keep(database, where) for where in (workspace_id, other, workspace_id, other, other)]
    assert numbers(kept) == [1, 1, 2, 2, 3]
    assert len({key(idea) for idea in kept}) == 5


async def test_numbers_have_no_gap_and_no_double_under_50_writes_at_once(database: Database, workspace_id: int) -> None:
    kept = await asyncio.gather(*(keep(database, workspace_id, f"Idée {n}") for n in range(50)))
    assert sorted(numbers(kept)) == list(range(1, 51))


async def test_an_idea_that_is_not_kept_takes_no_number(database: Database, workspace_id: int) -> None:
    def fail(session: Session) -> None:
        ideas.add(session, new_idea(workspace_id))
        raise LookupError

    with pytest.raises(LookupError):
        await database.write(fail)
    assert (await keep(database, workspace_id)).number == 1


async def test_an_idea_is_found_by_number_and_by_key(database: Database, workspace_id: int) -> None:
    other = await another_workspace(database)
    idea = await keep(database, workspace_id, "Des vélos")
    for is_for_change in (False, True):
        by_number = partial(ideas.by_number, workspace_id=workspace_id, number=1, for_change=is_for_change)
        by_id = partial(ideas.by_id, idea_id=key(idea), for_change=is_for_change)
        found = [await database.write(by_number), await database.write(by_id)]
        assert [one.title for one in found if one] == ["Des vélos"] * 2
    assert await database.read(lambda s: ideas.by_number(s, other, idea.number)) is None
    assert await database.read(lambda s: ideas.by_number(s, workspace_id, 2)) is None
    assert await database.read(lambda s: ideas.by_id(s, key(idea) + 1)) is None


async def test_two_changes_of_one_idea_at_once_take_turns(database: Database, workspace_id: int) -> None:
    idea = await keep(database, workspace_id)

    def support(session: Session) -> None:
        held = ideas.by_number(session, workspace_id, idea.number, for_change=True)
        assert held
        held.supporters += 1

    await asyncio.gather(*(database.write(support) for _ in range(40)))
    found = await database.read(lambda s: ideas.by_id(s, key(idea)))
    assert found
    assert found.supporters == 40


async def test_the_newest_come_first_page_by_page(database: Database, workspace_id: int) -> None:
    for _ in range(5):
        await keep(database, workspace_id)
    await keep(database, await another_workspace(database))

    async def page(before: int | None) -> list[int]:
        return numbers(
            await database.read(lambda s: ideas.newest(s, workspace_id, set(Status), before=before, limit=2))
        )

    assert [await page(before) for before in (None, 4, 2, 1)] == [[5, 4], [3, 2], [1], []]


async def test_a_list_holds_the_statuses_and_the_author_asked_for(database: Database, workspace_id: int) -> None:
    for author, status in (("a", Status.PENDING), ("a", Status.PUBLISHED), ("b", Status.PUBLISHED)):
        await keep(database, workspace_id, author_id=author, status=status)

    async def listed(statuses: set[Status], author: str | None) -> list[int]:
        return numbers(await database.read(lambda s: ideas.newest(s, workspace_id, statuses, author, limit=9)))

    assert await listed(set(Status), None) == [3, 2, 1]
    assert await listed({Status.PUBLISHED}, None) == [3, 2]
    assert await listed({Status.PUBLISHED, Status.PENDING}, "a") == [2, 1]
    assert await listed(set(Status), "b") == [3]
    assert await listed(set(), None) == []


async def test_all_ideas_can_be_gone_through_in_order(database: Database, workspace_id: int) -> None:
    for _ in range(5):
        await keep(database, workspace_id)
    await keep(database, await another_workspace(database))
    after = [partial(ideas.after, workspace_id=workspace_id, number=number, limit=2) for number in (0, 2, 4, 5)]
    pages = [await database.read(page) for page in after]
    assert [numbers(page) for page in pages] == [[1, 2], [3, 4], [5], []]


@pytest.mark.parametrize(
    "author, title, at, found",
    [
        ("camille", "Vélos", NOW, [1]),
        ("camille", "Vélos", NOW.astimezone(timezone(timedelta(hours=2))), [1]),
        ("camille", "Vélos", None, [1, 2]),
        ("camille", None, NOW, [1, 3]),
        ("sam", "Vélos", NOW, []),
        ("camille", "vélos", NOW, []),
        ("camille", None, NOW + timedelta(microseconds=1), []),
    ],
)
async def test_ideas_are_alike_by_author_title_and_moment(
    database: Database, workspace_id: int, author: str, title: str | None, at: datetime | None, found: list[int]
) -> None:
    await keep(database, workspace_id, "Vélos")
    await keep(database, workspace_id, "Vélos", submitted_at=NOW + timedelta(seconds=1))
    await keep(database, workspace_id, "Ruches")
    alike = await database.read(lambda s: ideas.alike(s, workspace_id, author, title, at, limit=9))
    assert [number for number, _ in alike] == found
    assert await database.read(lambda s: ideas.alike(s, workspace_id, author, title, at, limit=1)) == alike[:1]
    other = await another_workspace(database)
    assert await database.read(lambda s: ideas.alike(s, other, author, title, at, limit=9)) == []


async def test_what_has_waited_longest_is_the_oldest_pending(database: Database, workspace_id: int) -> None:
    for status in (Status.PENDING, Status.PUBLISHED, Status.PENDING, Status.REFUSED, Status.PENDING):
        await keep(database, workspace_id, status=status)
    waiting = await database.read(lambda s: ideas.oldest_pending(s, workspace_id, 2))
    assert [(idea.number, since) for idea, since in waiting] == [(1, NOW), (3, NOW)]


async def test_what_was_proposed_again_waits_since_then(database: Database, workspace_id: int) -> None:
    days = [NOW + timedelta(days=day) for day in range(5)]
    again = await keep(database, workspace_id, submitted_at=days[0])
    asked = await keep(database, workspace_id, submitted_at=days[1])
    imported = await keep(database, workspace_id, submitted_at=days[2])
    refused = await keep(database, workspace_id, submitted_at=days[2], status=Status.REFUSED)

    def record(session: Session) -> None:
        for idea, step, at in (
            *((again, Step.SUBMITTED, days[0]), (again, Step.REFUSED, days[1]), (again, Step.RESUBMITTED, days[3])),
            *((again, Step.EDITED, days[4]), (asked, Step.SUBMITTED, days[1]), (asked, Step.QUESTIONED, days[4])),
        ):
            ideas.record(session, idea, step, "camille", at)

    await database.write(record)
    keys = [present(idea.id) for idea in (again, asked, imported, refused)]
    for waiting in (
        await database.read(lambda s: ideas.oldest_pending(s, workspace_id, 9)),
        await database.read(lambda s: ideas.pending_among(s, keys)),
    ):
        assert [(idea.number, since) for idea, since in waiting] == [
            (asked.number, days[1]),
            (imported.number, days[2]),
            (again.number, days[3]),
        ]


async def test_ideas_are_counted_by_status(database: Database, workspace_id: int) -> None:
    await keep(database, await another_workspace(database))
    assert await database.read(lambda s: ideas.count_by_status(s, workspace_id)) == {}
    for status in (Status.PENDING, Status.IN_PROGRESS, Status.PENDING):
        await keep(database, workspace_id, status=status)
    counts = await database.read(lambda s: ideas.count_by_status(s, workspace_id))
    assert counts == {Status.PENDING: 2, Status.IN_PROGRESS: 1}
    assert all(isinstance(status, Status) for status in counts)


async def test_participants_are_counted_once_each(database: Database, workspace_id: int) -> None:
    """Voters of ideas in the statuses that are asked for; of another workspace nobody."""
    published = {"status": Status.PUBLISHED}
    mine, theirs = [await keep(database, workspace_id, author_id=author, **published) for author in ("a", "b")]
    withdrawn = await keep(database, workspace_id, author_id="a", status=Status.WITHDRAWN)
    elsewhere = await keep(database, await another_workspace(database), author_id="c", **published)
    rows = [gesture(mine, "x"), gesture(mine, "x", "❤"), gesture(theirs, "x"), gesture(theirs, "y", is_present=False)]
    rows += [gesture(mine, "a"), gesture(withdrawn, "z"), gesture(elsewhere, "w")]
    await database.write(adding(*rows))

    async def counted(*statuses: Status, own_ideas: bool = False) -> tuple[int, int]:
        return await database.read(lambda s: ideas.count_participants(s, workspace_id, statuses, own_ideas=own_ideas))

    assert await counted(Status.PUBLISHED) == (2, 1)
    assert await counted(Status.PUBLISHED, own_ideas=True) == (2, 2)
    assert await counted(Status.PUBLISHED, Status.WITHDRAWN) == (2, 2)


_examples = count()
an_idea = st.fixed_dictionaries(
    {
        "supporters": st.integers(0, 3),
        "shown": st.integers(0, 2),
        "published_at": st.integers(0, 3).map(lambda hours: NOW + hours * HOUR),
        "status": st.sampled_from([Status.PUBLISHED, Status.PUBLISHED, Status.PENDING]),
    }
)


@given(st.lists(an_idea, max_size=8), st.integers(1, 5), st.integers(0, 3))
@settings(max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture])
async def test_storage_orders_ideas_as_the_shortlist_does(
    database: Database, rows: list[dict[str, Any]], size: int, chances: int
) -> None:
    """The rule is bot/domain/shortlist.py's; storage only applies it without reading everything."""
    example = next(_examples)

    def fill(session: Session) -> int:
        workspace_id = workspaces.ensure(session, "example", str(example))
        for row in rows:
            ideas.add(session, new_idea(workspace_id, **row))
        return workspace_id

    where = await database.write(fill)
    everything = await database.read(lambda s: ideas.newest(s, where, {Status.PUBLISHED}, limit=100))
    ranked = await database.read(lambda s: ideas.most_supported(s, where, size))
    assert numbers(ranked) == numbers(shortlist.top(everything, size))
    seldom = await database.read(lambda s: ideas.least_shown(s, where, len(ranked) + chances))
    assert numbers(shortlist.late_chances(seldom, ranked, chances)) == numbers(
        shortlist.late_chances(everything, ranked, chances)
    )
