"""What an alert says about its incident: pure rules, for alerts in any order."""

from datetime import datetime

from bot.domain.alert import Alert, AlertState
from bot.domain.base import new_id
from bot.domain.event import EventKind
from bot.domain.incident import Incident, IncidentStatus, TriageState

_STATUS = {
    AlertState.TRIGGERED: IncidentStatus.TRIGGERED,
    AlertState.ACKNOWLEDGED: IncidentStatus.ACKNOWLEDGED,
    AlertState.RESOLVED: IncidentStatus.RESOLVED,
}


def open_incident(alert: Alert, received_at: datetime) -> Incident:
    """Return the incident that an alert opens; one that is resolved already wants no investigation."""
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


def changes_of(incident: Incident, alert: Alert, reopened_at: datetime | None = None) -> dict[str, object]:
    """Return the columns that this alert changes about an incident that is known already.

    `reopened_at` is when the newest trigger that is known happened: a resolution from before it is old news.
    """
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
    if alert.source.traits.authoritative and not incident.source.traits.authoritative:
        changes |= {"title": alert.title, "severity": alert.severity.value, "source": alert.source.value}
    return changes | _status_changes(incident, alert, reopened_at)


def _status_changes(incident: Incident, alert: Alert, reopened_at: datetime | None) -> dict[str, object]:
    at = alert.occurred_at
    match alert.state, incident.status:
        case AlertState.RESOLVED, IncidentStatus.TRIGGERED | IncidentStatus.ACKNOWLEDGED:
            if reopened_at is not None and reopened_at > at:
                return {}
            return {"status": IncidentStatus.RESOLVED.value, "resolved_at": at}
        case AlertState.ACKNOWLEDGED, status:
            first = {"acknowledged_at": at} if incident.acknowledged_at is None else {}
            moves = status is IncidentStatus.TRIGGERED
            return first | ({"status": IncidentStatus.ACKNOWLEDGED.value} if moves else {})
        case AlertState.TRIGGERED, IncidentStatus.RESOLVED if incident.resolved_at and at > incident.resolved_at:
            return {
                "status": IncidentStatus.TRIGGERED.value,
                "resolved_at": None,
                "triage": TriageState.WANTED.value,
                "triage_run": incident.triage_run + 1,
            }
        case AlertState.TRIGGERED, IncidentStatus.ACKNOWLEDGED if (
            alert.source.traits.authoritative and incident.acknowledged_at and at > incident.acknowledged_at
        ):
            return {"status": IncidentStatus.TRIGGERED.value}
        case AlertState.TRIGGERED, _ if at < incident.opened_at:
            # The trigger came after the news of what followed it: durations are counted from the trigger.
            return {"opened_at": at}
    return {}


def kind_of(incident: Incident, changes: dict[str, object]) -> EventKind | None:
    """Return what kind of event these changes are, None when they are not worth an event."""
    match changes.get("status"):
        case IncidentStatus.RESOLVED.value:
            return EventKind.INCIDENT_RESOLVE
        case IncidentStatus.ACKNOWLEDGED.value:
            return EventKind.INCIDENT_ACKNOWLEDGE
        case IncidentStatus.TRIGGERED.value:
            return (
                EventKind.INCIDENT_REOPEN
                if incident.status is IncidentStatus.RESOLVED
                else EventKind.INCIDENT_UNACKNOWLEDGE
            )
    renamed = changes.get("title", incident.title) != incident.title
    reweighed = changes.get("severity", incident.severity.value) != incident.severity.value
    return EventKind.INCIDENT_UPDATE if renamed or reweighed or "opened_at" in changes else None
