"""Forgetting what is old: evidence, processed deliveries and finished workflows. The audit trail stays."""

from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta

import sqlalchemy as sa
from sqlmodel import col, select

from bot.services.core import Core
from bot.store.tables import EvidenceRow, InboxDelivery, IncidentRow


class RetentionService:
    """Deletes what has passed its time."""

    def __init__(self, core: Core, days: int, forget_workflows: Callable[[datetime], Awaitable[int]]) -> None:
        self._core = core
        self._age = timedelta(days=days)
        self._forget_workflows = forget_workflows

    async def retain(self, now: datetime) -> int:
        """Delete what is older than the limit and return how many rows went."""
        before = now - self._age
        old = select(IncidentRow.id).where(col(IncidentRow.resolved_at) < before)
        async with self._core.transaction() as session:
            evidence = await session.exec(sa.delete(EvidenceRow).where(col(EvidenceRow.incident_id).in_(old)))
            deliveries = await session.exec(sa.delete(InboxDelivery).where(col(InboxDelivery.processed_at) < before))
        return evidence.rowcount + deliveries.rowcount + await self._forget_workflows(before)
