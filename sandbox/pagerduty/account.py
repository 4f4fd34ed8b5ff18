"""A PagerDuty account in memory: incidents, and the rules by which they change.

Every change is told to the listeners synchronously, in order, before the call returns: the webhook sender and the
Slack app render it at that moment, so that what they send shows the state at the time of the change.
"""

import random
import string
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime
from typing import Any

from sandbox.pagerduty.directory import Directory
from sandbox.pagerduty.records import (
    Acknowledgement,
    Agent,
    Alert,
    Change,
    Incident,
    LogEntry,
    Note,
    Priority,
    Service,
    Urgency,
    User,
)

Listener = Callable[[Change], None]


class AlreadyResolved(Exception):  # noqa: N818 - it names the state, as PagerDuty's own message does
    """The incident is resolved, and a resolved incident takes no more status changes."""


def user_agent(user: User) -> Agent:
    return Agent(user.id, "user_reference", user.name)


def service_agent(service: Service) -> Agent:
    return Agent(service.id, "service_reference", service.name)


class Account:
    """The incidents of one account. `seed` makes ids repeatable; None takes them from the system's entropy."""

    def __init__(self, directory: Directory, *, seed: int | None = None) -> None:
        self.directory = directory
        self.incidents: dict[str, Incident] = {}
        self._by_alert_key: dict[tuple[str, str], tuple[Incident, Alert]] = {}
        self._listeners: list[Listener] = []
        self._random = random.Random(seed)
        self._number = 0

    def listen(self, listener: Listener) -> None:
        self._listeners.append(listener)

    def new_id(self, prefix: str = "P", length: int = 7) -> str:
        alphabet = string.ascii_uppercase + string.digits
        return prefix + "".join(self._random.choices(alphabet, k=length - len(prefix)))

    # -- making incidents ------------------------------------------------------------------------------------------

    def trigger(
        self, service: Service, event: Mapping[str, Any], *, urgency: Urgency = "high"
    ) -> tuple[Incident, bool]:
        """Take an Events API trigger. An open alert with the same dedup key swallows it; return (incident, is new)."""
        key = str(event["dedup_key"])
        known = self._by_alert_key.get((service.id, key))
        agent = Agent(service.integration_id, "integration_reference", "Events API v2")
        if known is not None and known[1].status == "triggered":
            incident, alert = known
            self._log(incident, "trigger_log_entry", f"Alert {alert.id} triggered again", agent, type_="api")
            return incident, False
        incident = self._open(service, str(event["payload"]["summary"]), urgency=urgency, key=key, agent=agent)
        alert = self._add_alert(incident, event, key)
        incident.body = alert.summary
        self._emit("incident.triggered", incident, agent)
        return incident, True

    def create(
        self,
        service: Service,
        title: str,
        user: User,
        *,
        urgency: Urgency = "high",
        key: str | None = None,
        body: str = "",
        assignees: Iterable[User] = (),
        priority: Priority | None = None,
    ) -> Incident:
        """Make an incident by hand, as POST /incidents does."""
        incident = self._open(service, title, urgency=urgency, key=key, agent=user_agent(user))
        incident.body, incident.priority = body, priority
        incident.assignees = list(assignees) or incident.assignees
        self._emit("incident.triggered", incident, user_agent(user))
        return incident

    def open_with_key(self, service: Service, key: str) -> Incident | None:
        """Return the open incident of a service with this incident key, or None."""
        return next(
            (
                incident
                for incident in self.incidents.values()
                if incident.service.id == service.id and incident.incident_key == key and incident.status != "resolved"
            ),
            None,
        )

    def alert_with_key(self, service: Service, key: str) -> tuple[Incident, Alert] | None:
        return self._by_alert_key.get((service.id, key))

    # -- changing them ---------------------------------------------------------------------------------------------

    def acknowledge(self, incident: Incident, agent: Agent, user: User | None) -> None:
        """Acknowledge; the incident moves to `user`. Raise AlreadyResolved."""
        self._refuse_resolved(incident)
        moved = user is not None and [assignee.id for assignee in incident.assignees] != [user.id]
        incident.status = "acknowledged"
        incident.last_status_change_by = agent
        incident.acknowledgements = [
            *(known for known in incident.acknowledgements if known.by.id != agent.id),
            Acknowledgement(self._touch(incident), agent),
        ]
        if user is not None:
            incident.assignees = [user]
        self._log(incident, "acknowledge_log_entry", f"Acknowledged by {agent.summary}", agent)
        self._emit("incident.acknowledged", incident, agent)
        if moved and user is not None:
            self._log(incident, "assign_log_entry", f"Assigned to {user.name}", agent)
            self._emit("incident.reassigned", incident, agent)

    def unacknowledge(self, incident: Incident) -> None:
        """Let the acknowledgement run out, as PagerDuty's time-out does. Raise AlreadyResolved."""
        self._refuse_resolved(incident)
        incident.status, incident.acknowledgements = "triggered", []
        self._touch(incident)
        self._log(incident, "unacknowledge_log_entry", "Acknowledgement timed out", None, type_="timeout")
        self._emit("incident.unacknowledged", incident, None)

    def resolve(
        self, incident: Incident, agent: Agent, *, resolution: str = "", reason: Mapping[str, Any] | None = None
    ) -> None:
        """Resolve the incident and its alerts. Raise AlreadyResolved."""
        self._refuse_resolved(incident)
        incident.status, incident.assignees = "resolved", []
        incident.last_status_change_by, incident.resolve_reason = agent, reason
        incident.resolved_at = self._touch(incident)
        for alert in incident.alerts:
            alert.status = "resolved"
        text = f"Resolved by {agent.summary}" + (f": {resolution}" if resolution else "")
        self._log(incident, "resolve_log_entry", text, agent)
        self._emit("incident.resolved", incident, agent)

    def reopen(self, incident: Incident, agent: Agent) -> None:
        """Open a resolved incident again; it goes back to the first escalation level."""
        incident.status, incident.resolved_at, incident.resolve_reason = "triggered", None, None
        incident.assignees, incident.escalation_level = self.directory.escalation_users(1), 1
        incident.acknowledgements, incident.last_status_change_by = [], agent
        self._touch(incident)
        self._log(incident, "reopen_log_entry", f"Reopened by {agent.summary}", agent)
        self._emit("incident.reopened", incident, agent)

    def resolve_alert(self, incident: Incident, alert: Alert, agent: Agent) -> None:
        """Resolve one alert; the incident follows when it was the last open one."""
        alert.status = "resolved"
        if incident.status != "resolved" and all(other.status == "resolved" for other in incident.alerts):
            self.resolve(incident, agent)

    def reassign(self, incident: Incident, users: Iterable[User], agent: Agent) -> None:
        self._refuse_resolved(incident)
        incident.assignees = list(users)
        self._touch(incident)
        names = ", ".join(user.name for user in incident.assignees)
        self._log(incident, "assign_log_entry", f"Assigned to {names}", agent)
        self._emit("incident.reassigned", incident, agent)

    def escalate(self, incident: Incident, level: int, agent: Agent) -> None:
        """Move the incident to an escalation level (from 1); a level without people keeps the last ones."""
        self._refuse_resolved(incident)
        incident.escalation_level = level
        incident.assignees = self.directory.escalation_users(level) or incident.assignees
        incident.status, incident.acknowledgements = "triggered", []
        self._touch(incident)
        self._log(incident, "escalate_log_entry", f"Escalated to level {level}", agent)
        self._emit("incident.escalated", incident, agent)

    def set_priority(self, incident: Incident, priority: Priority | None, agent: Agent) -> None:
        incident.priority = priority
        self._touch(incident)
        name = priority.name if priority else "none"
        self._log(incident, "priority_change_log_entry", f"Priority set to {name}", agent)
        self._emit("incident.priority_updated", incident, agent)

    def revise(self, incident: Incident, *, title: str | None, urgency: Urgency | None, agent: Agent) -> None:
        """Change title or urgency; PagerDuty writes a log entry for it and sends no webhook."""
        incident.title, incident.urgency = title or incident.title, urgency or incident.urgency
        self._touch(incident)
        self._log(incident, "change_log_entry", "Title or urgency changed", agent)

    def merge(self, target: Incident, sources: Iterable[Incident], agent: Agent) -> None:
        """Move the alerts of `sources` into `target` and resolve them with a merge reason."""
        for source in sources:
            for alert in source.alerts:
                target.alerts.append(alert)
                self._by_alert_key[source.service.id, alert.dedup_key] = (target, alert)
            source.alerts = []
            reason = {"type": "merge_resolve_reason", "incident": {"id": target.id, "type": "incident_reference"}}
            self.resolve(source, agent, reason=reason)
        self._touch(target)
        self._log(target, "merge_log_entry", "Other incidents were merged into this one", agent)

    def add_note(self, incident: Incident, user: User, content: str) -> Note:
        note = Note(self.new_id(), user, content, self._touch(incident))
        incident.notes.append(note)
        self._log(incident, "annotate_log_entry", f"Note by {user.name}", user_agent(user))
        self._emit("incident.annotated", incident, user_agent(user), note=note)
        return note

    def publish_status_update(self, incident: Incident, user: User, message: str) -> None:
        self._log(incident, "status_update_log_entry", f"Status update by {user.name}", user_agent(user))
        self._emit("incident.status_update_published", incident, user_agent(user), status_update=message)

    # -- the pieces ------------------------------------------------------------------------------------------------

    def _open(self, service: Service, title: str, *, urgency: Urgency, key: str | None, agent: Agent) -> Incident:
        self._number += 1
        now = datetime.now(UTC)
        incident = Incident(
            id=self.new_id(),
            number=self._number,
            title=title,
            service=service,
            status="triggered",
            urgency=urgency,
            incident_key=key or self.new_id("", 32).lower(),
            created_at=now,
            updated_at=now,
            last_status_change_by=agent,
            assignees=self.directory.escalation_users(1),
        )
        self.incidents[incident.id] = incident
        self._log(incident, "trigger_log_entry", f"Triggered through {agent.summary}", agent, type_="api")
        return incident

    def _add_alert(self, incident: Incident, event: Mapping[str, Any], key: str) -> Alert:
        alert = Alert(
            id=self.new_id("Q", 14),
            dedup_key=key,
            status="triggered",
            created_at=incident.created_at,
            payload=dict(event["payload"]),
            links=tuple(event.get("links") or ()),
            images=tuple(event.get("images") or ()),
            client=event.get("client"),
            client_url=event.get("client_url"),
        )
        incident.alerts.append(alert)
        self._by_alert_key[incident.service.id, key] = (incident, alert)
        return alert

    def _touch(self, incident: Incident) -> datetime:
        incident.updated_at = datetime.now(UTC)
        return incident.updated_at

    def _refuse_resolved(self, incident: Incident) -> None:
        if incident.status == "resolved":
            raise AlreadyResolved(incident.id)

    def _log(self, incident: Incident, kind: str, summary: str, agent: Agent | None, *, type_: str = "web") -> None:
        entry = LogEntry(self.new_id("R", 26), kind, summary, datetime.now(UTC), agent, {"type": type_})
        incident.log_entries.append(entry)

    def _emit(
        self,
        event_type: str,
        incident: Incident,
        agent: Agent | None,
        *,
        note: Note | None = None,
        status_update: str | None = None,
    ) -> None:
        change = Change(event_type, incident, datetime.now(UTC), agent, note, status_update)
        for listener in self._listeners:
            listener(change)
