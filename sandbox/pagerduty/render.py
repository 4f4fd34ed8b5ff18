"""The JSON shapes of PagerDuty's REST API v2 and of its V3 webhooks."""

from collections.abc import Collection, Mapping
from datetime import UTC, datetime
from typing import Any, Final

from sandbox.pagerduty.directory import Directory, OnCall
from sandbox.pagerduty.records import Agent, Alert, Change, Incident, LogEntry, Note, Priority, Service, User

JSON = dict[str, Any]

_WEB: Final = "https://acme.pagerduty.com"
_API: Final = "https://api.pagerduty.com"


def show_time(moment: datetime | None) -> str | None:
    """Render an aware time as PagerDuty does: seconds, and Z for UTC."""
    return None if moment is None else moment.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")


def show_reference(kind: str, collection: str, record_id: str, summary: str) -> JSON:
    return {
        "id": record_id,
        "type": f"{kind}_reference",
        "summary": summary,
        "self": f"{_API}/{collection}/{record_id}",
        "html_url": f"{_WEB}/{collection}/{record_id}",
    }


def show_user_reference(user: User) -> JSON:
    return show_reference("user", "users", user.id, user.name)


def show_agent(agent: Agent | None) -> JSON | None:
    if agent is None:
        return None
    if agent.type == "user_reference":
        return show_reference("user", "users", agent.id, agent.summary)
    if agent.type == "service_reference":
        return show_reference("service", "services", agent.id, agent.summary)
    return {"id": agent.id, "type": agent.type, "summary": agent.summary, "self": None, "html_url": None}


def show_user(user: User) -> JSON:
    return {
        **show_user_reference(user),
        "type": "user",
        "name": user.name,
        "email": user.email,
        "time_zone": user.time_zone,
        "color": user.color,
        "role": user.role,
        "job_title": user.job_title,
        "avatar_url": None,
        "invitation_sent": False,
        "contact_methods": [],
        "notification_rules": [],
        "teams": [],
    }


def show_service(service: Service, directory: Directory, incidents: Collection[Incident]) -> JSON:
    open_ones = [i.status for i in incidents if i.service.id == service.id and i.status != "resolved"]
    status = "critical" if "triggered" in open_ones else "warning" if open_ones else "active"
    last = max((i.created_at for i in incidents if i.service.id == service.id), default=None)
    return {
        **show_reference("service", "services", service.id, service.name),
        "type": "service",
        "name": service.name,
        "description": service.description,
        "created_at": show_time(service.created_at),
        "last_incident_timestamp": show_time(last),
        "status": status,
        "auto_resolve_timeout": None,
        "acknowledgement_timeout": None,
        "alert_creation": "create_alerts_and_incidents",
        "escalation_policy": show_policy_reference(directory),
        "teams": [show_reference("team", "teams", directory.team_id, directory.team_name)],
        "integrations": [
            {
                "id": service.integration_id,
                "type": "events_api_v2_inbound_integration_reference",
                "summary": "Events API v2",
                "self": f"{_API}/services/{service.id}/integrations/{service.integration_id}",
                "html_url": f"{_WEB}/services/{service.id}/integrations/{service.integration_id}",
            }
        ],
    }


def show_policy_reference(directory: Directory) -> JSON:
    return show_reference(
        "escalation_policy", "escalation_policies", directory.escalation_policy_id, directory.escalation_policy_name
    )


def show_policy(directory: Directory) -> JSON:
    levels = sorted({turn.level for turn in directory.on_calls(datetime.now(UTC))})
    schedule = show_reference("schedule", "schedules", directory.schedule_id, directory.schedule_name)
    rules = [
        {
            "id": f"PRULE0{level}",
            "escalation_delay_in_minutes": 15,
            "targets": [schedule]
            if level == 1
            else [show_user_reference(user) for user in directory.escalation_users(level)],
        }
        for level in levels
    ]
    return {
        **show_policy_reference(directory),
        "type": "escalation_policy",
        "name": directory.escalation_policy_name,
        "escalation_rules": rules,
        "num_loops": 2,
        "services": [show_reference("service", "services", s.id, s.name) for s in directory.services],
        "teams": [show_reference("team", "teams", directory.team_id, directory.team_name)],
    }


def show_on_call(turn: OnCall, directory: Directory, include: Collection[str] = ()) -> JSON:
    schedule = show_reference("schedule", "schedules", directory.schedule_id, directory.schedule_name)
    return {
        "escalation_policy": show_policy_reference(directory),
        "escalation_level": turn.level,
        "schedule": schedule if turn.level == 1 else None,
        "user": show_user(turn.user) if "users" in include else show_user_reference(turn.user),
        "start": show_time(turn.start),
        "end": show_time(turn.end),
    }


def show_priority(priority: Priority | None) -> JSON | None:
    if priority is None:
        return None
    return {
        **show_reference("priority", "priorities", priority.id, priority.name),
        "type": "priority",
        "html_url": None,
        "name": priority.name,
        "description": priority.description,
        "color": priority.color,
        "order": priority.order,
    }


def show_alert(alert: Alert, incident: Incident) -> JSON:
    reference = show_reference("service", "services", incident.service.id, incident.service.name)
    return {
        "id": alert.id,
        "type": "alert",
        "summary": alert.summary,
        "self": f"{_API}/incidents/{incident.id}/alerts/{alert.id}",
        "html_url": f"{_WEB}/alerts/{alert.id}",
        "created_at": show_time(alert.created_at),
        "status": alert.status,
        "alert_key": alert.dedup_key,
        "severity": alert.severity,
        "suppressed": alert.suppressed,
        "service": reference,
        "incident": show_reference("incident", "incidents", incident.id, incident.title),
        "integration": {"id": incident.service.integration_id, "type": "events_api_v2_inbound_integration_reference"},
        "body": {
            "type": "alert_body",
            "details": alert.payload.get("custom_details") or {},
            "contexts": [{"type": "link", "href": link.get("href"), "text": link.get("text")} for link in alert.links],
            "cef_details": {
                "version": "1.0",
                "dedup_key": alert.dedup_key,
                "description": alert.summary,
                "severity": alert.severity,
                "source_origin": alert.payload.get("source"),
                "source_component": alert.payload.get("component"),
                "service_group": alert.payload.get("group"),
                "event_class": alert.payload.get("class"),
                "client": alert.client,
                "client_url": alert.client_url,
                "details": alert.payload.get("custom_details") or {},
                "images": list(alert.images),
            },
        },
    }


def show_note(note: Note) -> JSON:
    return {
        "id": note.id,
        "user": show_user_reference(note.user),
        "content": note.content,
        "created_at": show_time(note.created_at),
        "channel": {"summary": "The PagerDuty website or APIs"},
    }


def show_log_entry(entry: LogEntry, incident: Incident) -> JSON:
    return {
        **show_reference("log_entry", "log_entries", entry.id, entry.summary),
        "type": entry.type,
        "created_at": show_time(entry.created_at),
        "agent": show_agent(entry.agent),
        "channel": dict(entry.channel),
        "service": show_reference("service", "services", incident.service.id, incident.service.name),
        "incident": show_reference("incident", "incidents", incident.id, incident.title),
        "teams": [],
        "contexts": [],
    }


def _show_core(incident: Incident, directory: Directory) -> JSON:
    """Return what an incident looks like everywhere: REST answers and webhooks share these fields."""
    return {
        "id": incident.id,
        "type": "incident",
        "self": f"{_API}/incidents/{incident.id}",
        "html_url": incident.html_url,
        "status": incident.status,
        "incident_key": incident.incident_key,
        "created_at": show_time(incident.created_at),
        "title": incident.title,
        "incident_type": {"name": "incident_default"},
        "service": show_reference("service", "services", incident.service.id, incident.service.name),
        "escalation_policy": show_policy_reference(directory),
        "teams": [show_reference("team", "teams", directory.team_id, directory.team_name)],
        "priority": show_priority(incident.priority),
        "urgency": incident.urgency,
        "conference_bridge": None,
        "resolve_reason": dict(incident.resolve_reason) if incident.resolve_reason else None,
    }


def show_incident(incident: Incident, directory: Directory, include: Collection[str] = ()) -> JSON:
    """Return an incident as the REST API does. `include` takes users, services, first_trigger_log_entries, ..."""
    show_person = show_user if "users" in include or "assignees" in include else show_user_reference
    shown = {
        **_show_core(incident, directory),
        "summary": f"[#{incident.number}] {incident.title}",
        "incident_number": incident.number,
        "updated_at": show_time(incident.updated_at),
        "resolved_at": show_time(incident.resolved_at),
        "description": incident.title,
        "assigned_via": "escalation_policy",
        "assignments": [
            {"at": show_time(incident.updated_at), "assignee": show_person(user)} for user in incident.assignees
        ],
        "acknowledgements": [
            {"at": show_time(item.at), "acknowledger": show_agent(item.by)} for item in incident.acknowledgements
        ],
        "last_status_change_at": show_time(incident.updated_at),
        "last_status_change_by": show_agent(incident.last_status_change_by),
        "first_trigger_log_entry": _show_first_log_entry(incident, include),
        "alert_counts": {
            "all": len(incident.alerts),
            "triggered": sum(alert.status == "triggered" for alert in incident.alerts),
            "resolved": sum(alert.status == "resolved" for alert in incident.alerts),
        },
        "alert_grouping": None,
        "is_mergeable": incident.status != "resolved",
        "pending_actions": [],
        "incidents_responders": [],
        "responder_requests": [],
        "body": {"type": "incident_body", "details": incident.body},
    }
    if "services" in include:
        shown["service"] = show_service(incident.service, directory, (incident,))
    return shown


def _show_first_log_entry(incident: Incident, include: Collection[str]) -> JSON:
    first = incident.log_entries[0]
    if "first_trigger_log_entries" in include:
        shown = show_log_entry(first, incident)
        shown["channel"] = {"type": "api", "details": incident.alerts[0].payload if incident.alerts else {}}
        return shown
    return {**show_reference("log_entry", "log_entries", first.id, first.summary), "type": f"{first.type}_reference"}


def show_change(change: Change, directory: Directory, event_id: str) -> JSON:
    """Return the whole body of a V3 webhook: {"event": {...}}."""
    event: JSON = {
        "id": event_id,
        "event_type": change.event_type,
        "resource_type": "incident",
        "occurred_at": change.occurred_at.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z"),
        "agent": show_agent(change.agent),
        "client": None,
        "data": _show_change_data(change, directory),
    }
    return {"event": event}


def _show_change_data(change: Change, directory: Directory) -> JSON:
    incident = change.incident
    reference = show_reference("incident", "incidents", incident.id, incident.title)
    if change.note is not None:
        return {"id": change.note.id, "type": "incident_note", "incident": reference, "content": change.note.content,
                "trimmed": False}  # fmt: skip
    if change.status_update is not None:
        return {"id": incident.id, "type": "incident_status_update", "incident": reference,
                "message": change.status_update, "trimmed": False}  # fmt: skip
    return {
        **_show_core(incident, directory),
        "number": incident.number,
        "assignees": [show_user_reference(user) for user in incident.assignees],
    }


def show_page(name: str, items: list[JSON], *, limit: int, offset: int, total: bool) -> JSON:
    """Cut one page out of `items` as classic pagination does."""
    return {
        name: items[offset : offset + limit],
        "limit": limit,
        "offset": offset,
        "total": len(items) if total else None,
        "more": offset + limit < len(items),
    }


def show_mapping(value: Any) -> Mapping[str, Any]:
    """Return a JSON object, or an empty one for anything else a client may have sent in its place."""
    return value if isinstance(value, dict) else {}
