"""What the outbox tests share: rows that are wanted, claimed and shown. Its rules are in their neighbours."""

from datetime import datetime, timedelta

from storage import outbox
from storage.database import Database
from storage.outbox import Claimed, Wanted
from storage.tables import OutboxItem
from tests.contract.storage_rows import NOW

LEASE = timedelta(minutes=1)
CARD = Wanted("card:1:ideas", "idea_card", channel="ideas")


class Desk:
    """The outbox of one workspace, a call at a time."""

    def __init__(self, database: Database, workspace_id: int) -> None:
        self.database = database
        self.workspace_id = workspace_id

    async def want(self, wanted: Wanted = CARD, now: datetime = NOW) -> None:
        await self.database.write(lambda s: outbox.want(s, self.workspace_id, wanted, now))

    async def want_once(self, wanted: Wanted = CARD, now: datetime = NOW) -> None:
        await self.database.write(lambda s: outbox.want_once(s, self.workspace_id, wanted, now))

    async def claim(self, now: datetime = NOW, limit: int = 10, place_limit: int | None = None) -> list[Claimed]:
        claimed, unreadable = await self.database.write(
            lambda s: outbox.claim(s, self.workspace_id, now, LEASE, limit, place_limit)
        )
        assert unreadable == []
        return claimed

    async def claim_one(self, now: datetime = NOW) -> Claimed:
        (claimed,) = await self.claim(now)
        return claimed

    async def item(self, of: str = CARD.key) -> OutboxItem:
        item = await self.database.read(lambda s: outbox.by_key(s, self.workspace_id, of))
        assert item
        return item

    async def next_due(self) -> datetime | None:
        return await self.database.read(lambda s: outbox.next_due(s, self.workspace_id))

    async def is_any_beyond(self, farthest: datetime) -> bool:
        return await self.database.read(lambda s: outbox.is_any_beyond(s, self.workspace_id, farthest))

    async def bring_back(self, farthest: datetime) -> None:
        await self.database.write(lambda s: outbox.bring_back(s, self.workspace_id, farthest, NOW, NOW + LEASE))

    async def shown(self, claimed: Claimed, message: str = "M1", link: str | None = "https://chat/M1") -> None:
        await self.database.write(lambda s: outbox.settle_shown(s, claimed, message, link))

    async def later(self, claimed: Claimed, due_at: datetime, *, is_uncertain: bool) -> None:
        await self.database.write(lambda s: outbox.settle_later(s, claimed, due_at, is_uncertain=is_uncertain))


def named(claimed: list[Claimed]) -> list[str]:
    """What was claimed, by key."""
    return [one.item.key for one in claimed]
