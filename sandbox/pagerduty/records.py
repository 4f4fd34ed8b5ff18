"""What a PagerDuty account holds, as plain records. The shapes on the wire are made in `render`."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal

Status = Literal["triggered", "acknowledged", "resolved"]
Urgency = Literal["high", "low"]
AgentType = Literal["user_reference", "service_reference", "integration_reference"]


@dataclass(frozen=True, slots=True)
class User:
    id: str
    name: str
    email: str
    role: str = "user"
    time_zone: str = "Etc/UTC"
    color: str = "purple"
    job_title: str = "Site reliability engineer"


@dataclass(frozen=True, slots=True)
class Service:
    id: str
    name: str
    description: str
    routing_key: str
    integration_id: str
    escalation_policy_id: str
    team_id: str
    created_at: datetime


@dataclass(frozen=True, slots=True)
class Priority:
    id: str
    name: str
    description: str
    color: str
    order: int


@dataclass(frozen=True, slots=True)
class Agent:
    """Who made a change: a person, or the service's integration."""

    id: str
    type: AgentType
    summary: str


@dataclass(slots=True)
class Alert:
    """One deduplicated signal. `payload` is the Events API payload as it was sent."""

    id: str
    dedup_key: str
    status: Literal["triggered", "resolved"]
    created_at: datetime
    payload: Mapping[str, Any]
    links: tuple[Mapping[str, Any], ...] = ()
    images: tuple[Mapping[str, Any], ...] = ()
    client: str | None = None
    client_url: str | None = None
    suppressed: bool = False

    @property
    def summary(self) -> str:
        return str(self.payload.get("summary", ""))

    @property
    def severity(self) -> str:
        return str(self.payload.get("severity", "critical"))


@dataclass(frozen=True, slots=True)
class Note:
    id: str
    user: User
    content: str
    created_at: datetime


@dataclass(frozen=True, slots=True)
class LogEntry:
    id: str
    type: str
    summary: str
    created_at: datetime
    agent: Agent | None
    channel: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Acknowledgement:
    at: datetime
    by: Agent


@dataclass(slots=True)
class Incident:
    """An incident with everything that hangs on it. `assignees` and `acknowledgements` are newest last."""

    id: str
    number: int
    title: str
    service: Service
    status: Status
    urgency: Urgency
    incident_key: str
    created_at: datetime
    updated_at: datetime
    last_status_change_by: Agent
    assignees: list[User]
    escalation_level: int = 1
    body: str = ""
    priority: Priority | None = None
    acknowledgements: list[Acknowledgement] = field(default_factory=list)
    resolved_at: datetime | None = None
    resolve_reason: Mapping[str, Any] | None = None
    alerts: list[Alert] = field(default_factory=list)
    notes: list[Note] = field(default_factory=list)
    log_entries: list[LogEntry] = field(default_factory=list)

    @property
    def html_url(self) -> str:
        return f"https://acme.pagerduty.com/incidents/{self.id}"

    @property
    def severity(self) -> str:
        """The worst severity among the alerts; `critical` when the incident was made by hand."""
        order = ("critical", "error", "warning", "info")
        seen = {alert.severity for alert in self.alerts}
        return next((severity for severity in order if severity in seen), "critical")


@dataclass(frozen=True, slots=True)
class Change:
    """Something happened to an incident: `event_type` is PagerDuty's webhook name for it, such as incident.resolved."""

    event_type: str
    incident: Incident
    occurred_at: datetime
    agent: Agent | None
    note: Note | None = None
    status_update: str | None = None
