"""A workspace's digests, as their tests make and read them."""

from datetime import datetime

from sqlmodel import select

from bot.domain.calendar import Period
from bot.usecases import digesting
from bot.usecases.digesting import Contents, Sizes
from storage.tables import Digest
from tests.usecases.builders import SIZES, WEEKLY, World


def period_of(now: datetime) -> Period:
    """The period that comes next."""
    return WEEKLY.coming(now)


def publish(world: World, sizes: Sizes = SIZES) -> Contents:
    """The coming period's digest, now."""
    return digesting.publish(world.session, world.workspace_id, period_of(world.now), sizes, world.now)


def digests(world: World) -> list[Digest]:
    """All digests of the workspace."""
    return list(world.session.exec(select(Digest).where(Digest.workspace_id == world.workspace_id)))


def named(contents: Contents) -> tuple[list[tuple[int, int]], list[int]]:
    """The shortlist by number and votes, and the late chances by number."""
    return (
        [(each.idea.number, each.votes) for each in contents.shortlist],
        [each.idea.number for each in contents.late_chances],
    )
