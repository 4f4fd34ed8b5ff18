"""Intake: accept an alert durably, then find or open its incident."""

from collections.abc import Callable
from datetime import datetime

import structlog
from sqlalchemy.exc import IntegrityError
from sqlmodel.ext.asyncio.session import AsyncSession

from bot.domain.alert import Alert, AlertSource, AlertState
from bot.domain.base import new_id
from bot.domain.incident import Incident, IncidentStatus, TriageState
from bot.services.core import Core
from bot.store import incidents as incident_store
from bot.store import proposals as proposal_store
from bot.store.inbox import InboxWriter, count_open, open_deliveries
from bot.store.tables import InboxDelivery

logger = structlog.get_logger(__name__)

_STATUS = {
    AlertState.TRIGGERED: IncidentStatus.TRIGGERED,
    AlertState.ACKNOWLEDGED: IncidentStatus.ACKNOWLEDGED,
    AlertState.RESOLVED: IncidentStatus.RESOLVED,
}


class IntakeService:
    """The inbox in front, the correlation behind it."""

    def __init__(
        self,
        core: Core,
        inbox: InboxWriter,
        wake_drain: Callable[[], None],
        status_changed: Callable[[str], None],
    ) -> None:
        self._status_changed = status_changed
        self._core = core
        self._inbox = inbox
        self._wake_drain = wake_drain

    async def accept(self, alert: Alert) -> bool:
        """Return when the alert is durable: True when it is new. Raise Unavailable when it cannot be taken."""
        received = self._core.now()
        new = await self._inbox.append(alert.source.value, alert.delivery_id, alert.model_dump_json(), received)
        if new:
            self._wake_drain()
        return new

    async def backlog(self) -> int:
        """Return how many deliveries are durable but not yet correlated."""
        async with self._core.transaction() as session:
            return await count_open(session)

    async def drain(self, limit: int = 200) -> int:
        """Correlate the oldest open deliveries in one transaction and return how many there were.

        A delivery that cannot be understood is marked with its error and never blocks the ones behind it.
        """
        async with self._core.transaction() as session:
            deliveries = await open_deliveries(session, limit)
            changed = {await self._process(session, delivery) for delivery in deliveries}
        for incident_id in changed - {None}:
            self._status_changed(str(incident_id))
        return len(deliveries)

    async def _process(self, session: AsyncSession, delivery: InboxDelivery) -> str | None:
        """Correlate one delivery and return the id of the incident whose status it changed."""
        changed: str | None = None
        delivery.processed_at = self._core.now()
        try:
            alert = Alert.model_validate_json(delivery.body)
            try:
                async with session.begin_nested():
                    changed = await self._correlate(session, alert, delivery.received_at)
            except IntegrityError:
                # Another replica opened this incident in the same moment: now it is there to be found.
                async with session.begin_nested():
                    changed = await self._correlate(session, alert, delivery.received_at)
        except Exception as error:
            logger.exception("delivery_not_understood", delivery=delivery.id)
            delivery.error = f"{type(error).__name__}: {error}"[:500]
        session.add(delivery)
        await session.flush()
        return changed

    async def _correlate(self, session: AsyncSession, alert: Alert, received_at: datetime) -> str | None:
        if alert.note_id is not None and await proposal_store.is_own_note(session, alert.note_id):
            return None
        incident = await incident_store.by_dedup_key(session, alert.dedup_key)
        if incident is None:
            if alert.state is AlertState.UPDATED:
                return None
            incident = self._open(alert, received_at)
            await incident_store.insert(session, incident)
            await incident_store.add_alert(session, incident.id, alert, received_at)
            await self._record(session, alert, incident, "open")
            return None
        await incident_store.add_alert(session, incident.id, alert, received_at)
        changes = self._changes(incident, alert)
        await incident_store.update(session, incident.id, **changes)
        if "status" not in changes:
            return None
        await self._record(session, alert, incident, _VERB[alert.state])
        return incident.id

    @staticmethod
    def _open(alert: Alert, received_at: datetime) -> Incident:
        resolved = alert.state is AlertState.RESOLVED
        return Incident(
            id=new_id("INC"),
            dedup_key=alert.dedup_key,
            source=alert.source,
            external_id=alert.external_id,
            url=alert.url,
            title=alert.title,
            service=alert.service,
            severity=alert.severity,
            status=_STATUS[alert.state],
            labels=alert.labels,
            details=alert.details,
            triage=TriageState.DONE if resolved else TriageState.WANTED,
            channel=alert.message.channel if alert.message else alert.channel,
            thread=alert.message,
            opened_at=min(alert.occurred_at, received_at),
            acknowledged_at=alert.occurred_at if alert.state is AlertState.ACKNOWLEDGED else None,
            resolved_at=alert.occurred_at if resolved else None,
        )

    @staticmethod
    def _changes(incident: Incident, alert: Alert) -> dict[str, object]:
        """Return what this alert changes about an incident that is known already."""
        changes: dict[str, object] = {
            "alert_count": incident.alert_count + 1,
            "labels": {**alert.labels, **incident.labels},
            "details": {**alert.details, **incident.details},
        }
        for name in ("service", "url", "external_id"):
            if getattr(incident, name) is None and getattr(alert, name) is not None:
                changes[name] = getattr(alert, name)
        if incident.thread is None and alert.message is not None:
            changes |= {"thread": alert.message, "channel": alert.message.channel}
        # A webhook knows the severity and the title; a chat message is somebody's rendering of them.
        if incident.source is AlertSource.PAGERDUTY_SLACK and alert.source is AlertSource.PAGERDUTY_WEBHOOK:
            changes |= {"title": alert.title, "severity": alert.severity.value, "source": alert.source.value}
        match alert.state, incident.status:
            case AlertState.RESOLVED, status if status is not IncidentStatus.RESOLVED:
                changes |= {"status": IncidentStatus.RESOLVED.value, "resolved_at": alert.occurred_at}
            case AlertState.ACKNOWLEDGED, IncidentStatus.TRIGGERED:
                changes["status"] = IncidentStatus.ACKNOWLEDGED.value
                if incident.acknowledged_at is None:
                    changes["acknowledged_at"] = alert.occurred_at
            case AlertState.TRIGGERED, IncidentStatus.RESOLVED if (
                incident.resolved_at is not None and alert.occurred_at > incident.resolved_at
            ):
                changes |= {
                    "status": IncidentStatus.TRIGGERED.value,
                    "resolved_at": None,
                    "triage": TriageState.WANTED.value,
                    "triage_run": incident.triage_run + 1,
                }
        return changes

    async def _record(self, session: AsyncSession, alert: Alert, incident: Incident, verb: str) -> None:
        await self._core.record(
            session,
            alert.actor or alert.source.value,
            f"{alert.source.value}:incident:{verb}",
            incident.id,
            {
                "title": alert.title,
                "service": alert.service,
                "severity": alert.severity.value,
                "external_id": alert.external_id,
                "occurred_at": alert.occurred_at.isoformat(),
            },
        )


_VERB = {
    AlertState.TRIGGERED: "reopen",
    AlertState.ACKNOWLEDGED: "acknowledge",
    AlertState.RESOLVED: "resolve",
    AlertState.UPDATED: "update",
}
