"""What every service stands on: transactions, the audit trail, the clock."""

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from datetime import datetime

from sqlmodel.ext.asyncio.session import AsyncSession

from bot.domain.event import Event
from bot.store import events
from bot.store.audit import AuditTrail
from bot.store.database import Database


@dataclass(frozen=True, slots=True)
class Core:
    """Handed to every service; `now` is the clock, passed in so that tests can hold it."""

    database: Database
    audit: AuditTrail
    now: Callable[[], datetime]

    def transaction(self) -> AbstractAsyncContextManager[AsyncSession]:
        return self.database.transaction()

    def reading(self) -> AbstractAsyncContextManager[AsyncSession]:
        """See `Database.reading`: for whatever changes nothing."""
        return self.database.reading()

    async def record(self, session: AsyncSession, event: Event) -> None:
        """Append an event to the audit trail and to its incident's timeline in the caller's transaction.

        Call it last: the trail's head is locked until the transaction ends.
        """
        audited = await self.audit.append(
            session,
            at=self.now(),
            actor=event.actor.id,
            action=event.tag,
            incident_id=event.incident_id,
            body=event.body.model_dump(mode="json", exclude_none=True),
        )
        await events.add(session, event, audited)
