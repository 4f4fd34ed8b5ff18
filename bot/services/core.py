"""What every service stands on: transactions, the audit trail, the clock."""

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from datetime import datetime

from sqlmodel.ext.asyncio.session import AsyncSession

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

    async def record(
        self,
        session: AsyncSession,
        actor: str,
        action: str,
        incident_id: str | None,
        body: dict[str, object] | None = None,
    ) -> None:
        """Append an audit event in the caller's transaction; call it last."""
        await self.audit.append(
            session, at=self.now(), actor=actor, action=action, incident_id=incident_id, body=body or {}
        )
