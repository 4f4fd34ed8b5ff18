"""Intake: accept an alert durably, then find or open its incident."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

import structlog
from sqlalchemy.exc import IntegrityError, InterfaceError, OperationalError
from sqlmodel.ext.asyncio.session import AsyncSession

from bot.domain.actor import Actor
from bot.domain.alert import Alert, AlertState
from bot.domain.base import printable
from bot.domain.event import Event, EventKind, IncidentBody
from bot.domain.incident import Incident
from bot.domain.redaction import redact
from bot.services.core import Core
from bot.services.correlation import changes_of, kind_of, open_incident
from bot.store import incidents as incident_store
from bot.store import proposals as proposal_store
from bot.store.inbox import InboxWriter, count_open, open_deliveries
from bot.store.tables import InboxDelivery

logger = structlog.get_logger(__name__)


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
        async with self._core.reading() as session:
            return await count_open(session)

    async def drain(self, limit: int = 200) -> int:
        """Correlate the oldest open deliveries in one transaction and return how many there were.

        A delivery that cannot be understood is marked with its error and never blocks the ones behind it. Raise
        Unavailable when the database fails: then none of them is touched.
        """
        async with self._core.transaction() as session:
            deliveries = await open_deliveries(session, limit)
            read = [(delivery, self._read(delivery)) for delivery in deliveries]
            # Every replica locks incidents in the same order, and the audit trail's head after all of them: two that
            # drain at once, or one that drains while a person decides, never wait for each other.
            read.sort(key=lambda item: (item[1].dedup_key if item[1] else "", item[0].id))
            news = [await self._process(session, delivery, alert) for delivery, alert in read]
            for item in news:
                if item is not None:
                    await self._record(session, item)
        for incident_id in {item.incident.id for item in news if item is not None and item.status_changed}:
            self._status_changed(incident_id)
        return len(deliveries)

    @staticmethod
    def _read(delivery: InboxDelivery) -> Alert | None:
        try:
            return Alert.model_validate(printable(json.loads(delivery.body)))
        except ValueError as error:
            logger.exception("delivery_not_understood", delivery=delivery.id)
            delivery.error = redact(f"{type(error).__name__}: {error}")[:500]
            return None

    async def _process(self, session: AsyncSession, delivery: InboxDelivery, alert: Alert | None) -> "_News | None":
        """Correlate one delivery and return what the audit trail has to know of it."""
        news: _News | None = None
        delivery.processed_at = self._core.now()
        try:
            if alert is not None:
                news = await self._correlate_once(session, alert, delivery.received_at)
        except (OperationalError, InterfaceError):
            # The database is away or undid this for another's sake: that says nothing about the delivery.
            raise
        except Exception as error:
            logger.exception("delivery_not_understood", delivery=delivery.id)
            delivery.error = redact(f"{type(error).__name__}: {error}")[:500]
        session.add(delivery)
        await session.flush()
        return news

    async def _correlate_once(self, session: AsyncSession, alert: Alert, received_at: datetime) -> "_News | None":
        try:
            async with session.begin_nested():
                return await self._correlate(session, alert, received_at)
        except IntegrityError:
            # Another replica opened this incident in the same moment: now it is there to be found.
            async with session.begin_nested():
                return await self._correlate(session, alert, received_at)

    async def _correlate(self, session: AsyncSession, alert: Alert, received_at: datetime) -> "_News | None":
        if alert.note_id is not None and await proposal_store.is_own_note(session, alert.note_id, alert.note or ""):
            return None
        incident = await incident_store.by_dedup_key(session, alert.dedup_key)
        if incident is None:
            if alert.state is AlertState.UPDATED:
                return None
            incident = open_incident(alert, received_at)
            await incident_store.insert(session, incident)
            await incident_store.add_alert(session, incident.id, alert, received_at)
            return _News(alert, incident, EventKind.INCIDENT_OPEN, status_changed=False)
        reopened_at = None
        if alert.state is AlertState.RESOLVED:
            reopened_at = await incident_store.last_trigger(session, incident.id, alert.source)
        await incident_store.add_alert(session, incident.id, alert, received_at)
        changes = changes_of(incident, alert, reopened_at)
        await incident_store.update(session, incident.id, **changes)
        kind = kind_of(incident, changes)
        return None if kind is None else _News(alert, incident, kind, status_changed="status" in changes)

    async def _record(self, session: AsyncSession, news: "_News") -> None:
        alert = news.alert
        actor = Actor(id=alert.actor or alert.source.value, via=alert.source.traits.via)
        body = IncidentBody(
            title=alert.title,
            service=alert.service,
            severity=alert.severity,
            external_id=alert.external_id,
            occurred_at=alert.occurred_at,
        )
        event = Event(kind=news.kind, actor=actor, incident_id=news.incident.id, body=body, source=alert.source.value)
        await self._core.record(session, event)


@dataclass(frozen=True, slots=True)
class _News:
    """What one delivery changed about an incident, as it was before."""

    alert: Alert
    incident: Incident
    kind: EventKind
    status_changed: bool
