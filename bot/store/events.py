"""The read model of events: timelines and feeds read it, so that nothing but a verification walks the audit chain."""

from collections.abc import Sequence

from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from bot.domain.audit import AuditEvent
from bot.domain.base import printable
from bot.domain.event import Event, TimelineEntry
from bot.domain.redaction import redact
from bot.store.tables import IncidentEventRow


async def add(session: AsyncSession, event: Event, audited: AuditEvent) -> None:
    """Keep an event with its audit row, in the same transaction and with the same, redacted content."""
    session.add(
        IncidentEventRow(
            seq=audited.seq,
            at=audited.at,
            incident_id=event.incident_id,
            source=event.source or event.actor.via.value,
            kind=event.kind.value,
            actor_id=audited.actor,
            actor_name=printable(redact(event.actor.name)),
            body=audited.body,
        )
    )
    await session.flush()


async def timeline(
    session: AsyncSession, incident_id: str | None = None, *, before: int | None = None, limit: int = 100
) -> Sequence[TimelineEntry]:
    """Return the newest events of one incident, or of all, the newest first; `before` is the last page's last `seq`."""
    query = select(IncidentEventRow).order_by(col(IncidentEventRow.seq).desc()).limit(limit)
    if incident_id is not None:
        query = query.where(IncidentEventRow.incident_id == incident_id)
    if before is not None:
        query = query.where(col(IncidentEventRow.seq) < before)
    return [TimelineEntry(**row.model_dump()) for row in (await session.exec(query)).all()]
