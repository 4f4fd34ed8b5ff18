"""The alert itself as evidence `A1`, completed from the system that paged."""

import asyncio
import time
from typing import Any

from bot.domain.actor import BOT
from bot.domain.alert import Alert
from bot.domain.event import Event, EventKind, IncidentBody
from bot.domain.evidence import Evidence, EvidenceStatus, ProgressItem, ProgressState
from bot.domain.incident import Incident
from bot.domain.redaction import redact_json
from bot.errors import VendorError
from bot.ports.incident_source import IncidentSources, pager_of
from bot.services.checklist import Checklist, progress_item
from bot.services.core import Core
from bot.store import incidents as incident_store

_ALERT_TIMEOUT_SECONDS = 3.0
_MOST_QUOTES = 20


class AlertEvidence:
    """Looks at the alert."""

    def __init__(self, core: Core, incident_sources: IncidentSources) -> None:
        self._core = core
        self._incident_sources = incident_sources

    async def look(self, incident: Incident, checklist: Checklist) -> tuple[Incident, tuple[Evidence, ...]]:
        """Complete the incident from the system that paged, and keep the alert as evidence `A1`."""
        started = time.perf_counter()
        status, detail = EvidenceStatus.OK, f"{incident.title} ({incident.severity.value})"
        if (paged := pager_of(self._incident_sources, incident)) is not None:
            source, external_id = paged
            checklist.report(ProgressItem(key="alert", label="Alert", state=ProgressState.RUNNING))
            try:
                async with asyncio.timeout(_ALERT_TIMEOUT_SECONDS):
                    alert = await source.fetch(external_id)
            except (VendorError, TimeoutError) as error:
                status = EvidenceStatus.ERROR
                detail = error.message if isinstance(error, VendorError) else f"{source.name} did not answer in time."
            else:
                incident = await self._complete(incident, alert)
        state = ProgressState.OK if status is EvidenceStatus.OK else ProgressState.ERROR
        checklist.report(
            progress_item("alert", "Alert", state, detail if state is ProgressState.ERROR else "", started)
        )
        evidence = Evidence(
            id="A1",
            source="alert",
            label="Alert",
            status=status,
            detail=detail,
            quotes=_quotes(incident),
            payload=_payload(incident),
            gathered_at=self._core.now(),
            duration_ms=(time.perf_counter() - started) * 1000,
        )
        return incident, (evidence,)

    async def _complete(self, incident: Incident, alert: Alert) -> Incident:
        changes = {
            "title": alert.title,
            "service": alert.service or incident.service,
            "severity": alert.severity,
            "url": incident.url or alert.url,
            "labels": {**incident.labels, **redact_json(alert.labels)},
            "details": {**incident.details, **redact_json(alert.details)},
        }
        async with self._core.transaction() as session:
            stored = {**changes, "severity": alert.severity.value}
            await incident_store.update(session, incident.id, **stored)
            if (alert.title, alert.severity) != (incident.title, incident.severity):
                await self._core.record(
                    session,
                    Event(
                        kind=EventKind.INCIDENT_COMPLETE,
                        actor=BOT,
                        incident_id=incident.id,
                        body=IncidentBody(title=alert.title, severity=alert.severity),
                    ),
                )
        return incident.model_copy(update=changes)


def _payload(incident: Incident) -> dict[str, Any]:
    payload: dict[str, Any] = redact_json(
        {
            "title": incident.title,
            "service": incident.service,
            "severity": incident.severity.value,
            "labels": incident.labels,
            "details": incident.details,
        }
    )
    return payload


def _quotes(incident: Incident) -> tuple[str, ...]:
    details: dict[str, Any] = redact_json(incident.details)
    return tuple(f"{k}: {v}" for k, v in details.items() if not isinstance(v, dict | list))[:_MOST_QUOTES]
