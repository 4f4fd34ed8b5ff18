"""Queries over incidents, their alerts, evidence and analyses."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from bot.domain.alert import Alert, AlertSource, AlertState, MessageRef, Severity
from bot.domain.analysis import Analysis
from bot.domain.entity import ObjectRef
from bot.domain.evidence import Evidence, Progress
from bot.domain.finding import Diagnosis
from bot.domain.incident import Incident, TriageState
from bot.store.tables import AlertRow, AnalysisRow, EvidenceRow, IncidentRow

# In the index's own words: SQLite uses a partial index only where it can read the same condition in the query.
_IS_OPEN = sa.text("status != 'resolved'")


def to_incident(row: IncidentRow) -> Incident:
    return Incident(
        **{
            **row.model_dump(exclude={"thread_ts"}),
            "target": ObjectRef.parse(row.target) if row.target else None,
            "thread": MessageRef(**row.thread) if row.thread else None,
        }
    )


def from_incident(incident: Incident) -> IncidentRow:
    fields = incident.model_dump(mode="python")
    fields["target"] = str(incident.target) if incident.target else None
    fields["thread"] = incident.thread.model_dump() if incident.thread else None
    return IncidentRow(**fields, thread_ts=incident.thread.ts if incident.thread else None)


async def get(session: AsyncSession, incident_id: str, *, lock: bool = False) -> Incident | None:
    query = select(IncidentRow).where(IncidentRow.id == incident_id)
    row = (await session.exec(query.with_for_update() if lock else query)).one_or_none()
    return None if row is None else to_incident(row)


async def by_dedup_key(session: AsyncSession, dedup_key: str) -> Incident | None:
    query = select(IncidentRow).where(IncidentRow.dedup_key == dedup_key).with_for_update()
    row = (await session.exec(query)).one_or_none()
    return None if row is None else to_incident(row)


async def by_thread(session: AsyncSession, channel: str, ts: str) -> Incident | None:
    """Return the incident whose thread starts at this message."""
    query = (
        select(IncidentRow)
        .where(IncidentRow.channel == channel, IncidentRow.thread_ts == ts)
        .order_by(col(IncidentRow.opened_at).desc())
        .limit(1)
    )
    row = (await session.exec(query)).one_or_none()
    return None if row is None else to_incident(row)


async def insert(session: AsyncSession, incident: Incident) -> None:
    session.add(from_incident(incident))
    await session.flush()


async def update(session: AsyncSession, incident_id: str, **changes: Any) -> None:
    """Set columns of one incident; domain values are stored in their column form."""
    values = {
        key: str(value)
        if isinstance(value, ObjectRef)
        else value.model_dump()
        if isinstance(value, MessageRef)
        else value
        for key, value in changes.items()
    }
    if isinstance(thread := changes.get("thread"), MessageRef):
        values["thread_ts"] = thread.ts
    await session.exec(sa.update(IncidentRow).where(col(IncidentRow.id) == incident_id).values(**values))


async def claim_triage(session: AsyncSession, incident_id: str, run: int) -> bool:
    """Move a wanted investigation to running. False when somebody else did, or when it is another run by now."""
    statement = (
        sa.update(IncidentRow)
        .where(
            col(IncidentRow.id) == incident_id,
            col(IncidentRow.triage_run) == run,
            col(IncidentRow.triage) == TriageState.WANTED.value,
        )
        .values(triage=TriageState.RUNNING.value)
    )
    return bool((await session.exec(statement)).rowcount)


async def end_triage(session: AsyncSession, incident_id: str, run: int, state: TriageState, **changes: Any) -> bool:
    """Move a running (or wanted) investigation on; False when it ended before or a newer run is wanted by now."""
    statement = (
        sa.update(IncidentRow)
        .where(
            col(IncidentRow.id) == incident_id,
            col(IncidentRow.triage_run) == run,
            col(IncidentRow.triage).in_([TriageState.WANTED.value, TriageState.RUNNING.value]),
        )
        .values(triage=state.value, **changes)
    )
    return bool((await session.exec(statement)).rowcount)


async def wanted(session: AsyncSession, limit: int) -> Sequence[Incident]:
    """Return incidents whose investigation has to be started.

    What a person asked for comes first, so that a storm does not keep somebody waiting; then the worst, then the
    oldest.
    """
    by_people = [source.value for source in AlertSource if source.traits.asked_by_person]
    asked = sa.case((col(IncidentRow.source).in_(by_people), 0), else_=1)
    rank = sa.case({severity.value: severity.rank for severity in Severity}, value=col(IncidentRow.severity))
    query = (
        select(IncidentRow)
        .where(IncidentRow.triage == TriageState.WANTED.value)
        .order_by(asked, rank, col(IncidentRow.opened_at))
        .limit(limit)
    )
    return [to_incident(row) for row in (await session.exec(query)).all()]


async def in_triage(session: AsyncSession, states: Sequence[TriageState], limit: int) -> Sequence[Incident]:
    """Return incidents whose investigation is in one of these states, the oldest first."""
    query = (
        select(IncidentRow)
        .where(col(IncidentRow.triage).in_([state.value for state in states]))
        .order_by(col(IncidentRow.opened_at))
        .limit(limit)
    )
    return [to_incident(row) for row in (await session.exec(query)).all()]


async def list_open(session: AsyncSession, limit: int = 50) -> Sequence[Incident]:
    query = select(IncidentRow).where(_IS_OPEN).order_by(col(IncidentRow.opened_at).desc()).limit(limit)
    return [to_incident(row) for row in (await session.exec(query)).all()]


async def list_since(session: AsyncSession, since: datetime, limit: int = 10_000) -> Sequence[Incident]:
    query = (
        select(IncidentRow)
        .where(col(IncidentRow.opened_at) >= since)
        .order_by(col(IncidentRow.opened_at).desc())
        .limit(limit)
    )
    return [to_incident(row) for row in (await session.exec(query)).all()]


async def count_open(session: AsyncSession) -> int:
    query = select(sa.func.count()).select_from(IncidentRow).where(_IS_OPEN)
    return (await session.exec(query)).one()


async def add_alert(session: AsyncSession, incident_id: str, alert: Alert, received_at: datetime) -> None:
    session.add(
        AlertRow(
            incident_id=incident_id,
            state=alert.state.value,
            body=alert.model_dump(mode="json"),
            received_at=received_at,
        )
    )
    await session.flush()


async def alerts(session: AsyncSession, incident_id: str, limit: int = 50) -> Sequence[Alert]:
    query = select(AlertRow).where(AlertRow.incident_id == incident_id).order_by(col(AlertRow.id)).limit(limit)
    return [Alert.model_validate(row.body) for row in (await session.exec(query)).all()]


async def last_trigger(session: AsyncSession, incident_id: str, source: AlertSource) -> datetime | None:
    """Return when the newest trigger from `source` happened, None when there was none. Other sources' clocks differ."""
    query = (
        select(AlertRow)
        .where(AlertRow.incident_id == incident_id, AlertRow.state == AlertState.TRIGGERED.value)
        .order_by(col(AlertRow.id).desc())
        .limit(20)
    )
    triggers = [Alert.model_validate(row.body) for row in (await session.exec(query)).all()]
    return max((alert.occurred_at for alert in triggers if alert.source is source), default=None)


async def save_evidence(session: AsyncSession, incident_id: str, run: int, evidence: Sequence[Evidence]) -> None:
    """Store what one investigation saw. Running it again after a crash replaces what the first try had stored."""
    await session.exec(
        sa.delete(EvidenceRow).where(col(EvidenceRow.incident_id) == incident_id, col(EvidenceRow.run) == run)
    )
    for position, item in enumerate(evidence):
        session.add(
            EvidenceRow(
                incident_id=incident_id, run=run, id=item.id, position=position, body=item.model_dump(mode="json")
            )
        )
    await session.flush()


async def load_evidence(session: AsyncSession, incident_id: str, run: int) -> list[Evidence]:
    query = (
        select(EvidenceRow)
        .where(EvidenceRow.incident_id == incident_id, EvidenceRow.run == run)
        .order_by(col(EvidenceRow.position))
    )
    return [Evidence.model_validate(row.body) for row in (await session.exec(query)).all()]


async def save_analysis(
    session: AsyncSession,
    incident_id: str,
    run: int,
    *,
    at: datetime,
    diagnosis: Diagnosis | None = None,
    analysis: Analysis | None = None,
    progress: Progress | None = None,
) -> None:
    """Store what is given and keep what was stored before."""
    row = await session.get(AnalysisRow, (incident_id, run)) or AnalysisRow(
        incident_id=incident_id, run=run, created_at=at
    )
    if diagnosis is not None:
        row.diagnosis = diagnosis.model_dump(mode="json")
    if analysis is not None:
        row.body = analysis.model_dump(mode="json")
    if progress is not None:
        row.progress = progress.model_dump(mode="json")
    session.add(row)
    await session.flush()


async def load_analysis(
    session: AsyncSession, incident_id: str, run: int
) -> tuple[Diagnosis | None, Analysis | None, Progress | None]:
    row = await session.get(AnalysisRow, (incident_id, run))
    if row is None:
        return None, None, None
    return (
        Diagnosis.model_validate(row.diagnosis) if row.diagnosis else None,
        Analysis.model_validate(row.body) if row.body else None,
        Progress.model_validate(row.progress) if row.progress else None,
    )
