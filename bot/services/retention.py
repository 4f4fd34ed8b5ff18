"""Forgetting what is old: raw evidence, alerts, deliveries, posted messages and finished workflows.

The audit trail, the incidents, their analyses and their proposals stay: they are what figures and auditors ask for.
"""

from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta

import sqlalchemy as sa
from sqlmodel import col, select

from bot.services.core import Core
from bot.store.tables import AlertRow, EvidenceRow, InboxDelivery, IncidentRow, OwnNote, PostedMessage

# One transaction deletes no more than this, because on SQLite everybody else waits for it.
_ROWS = 1_000
_OF_INCIDENTS = (EvidenceRow, AlertRow, PostedMessage, OwnNote)


class RetentionService:
    """Deletes what has passed its time."""

    def __init__(self, core: Core, days: int, forget_workflows: Callable[[datetime], Awaitable[int]]) -> None:
        self._core = core
        self._age = timedelta(days=days)
        self._forget_workflows = forget_workflows

    async def retain(self, now: datetime) -> int:
        """Delete what is older than the limit and return how many rows went."""
        before = now - self._age
        removed = await self._forget_deliveries(before) + await self._forget_details(before)
        return removed + await self._forget_workflows(before)

    async def _forget_deliveries(self, before: datetime) -> int:
        removed = 0
        old = select(InboxDelivery.id).where(col(InboxDelivery.processed_at) < before).limit(_ROWS)
        while True:
            async with self._core.transaction() as session:
                found = (await session.exec(old)).all()
                await session.exec(sa.delete(InboxDelivery).where(col(InboxDelivery.id).in_(found)))
            removed += len(found)
            if len(found) < _ROWS:
                return removed

    async def _forget_details(self, before: datetime) -> int:
        """Delete what belongs to incidents that were resolved before the given time, a hundred incidents at a time."""
        removed, after = 0, ""
        while True:
            old = (
                select(IncidentRow.id)
                .where(col(IncidentRow.resolved_at) < before, col(IncidentRow.id) > after)
                .order_by(col(IncidentRow.id))
                .limit(100)
            )
            async with self._core.transaction() as session:
                found = (await session.exec(old)).all()
                for table in _OF_INCIDENTS:
                    result = await session.exec(sa.delete(table).where(col(table.incident_id).in_(found)))
                    removed += result.rowcount
            if not found:
                return removed
            after = found[-1]
