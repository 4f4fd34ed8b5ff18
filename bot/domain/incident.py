"""An incident: what people work on until it is resolved."""

from datetime import datetime
from enum import StrEnum

from pydantic import Field

from bot.domain.alert import AlertSource, MessageRef, Severity
from bot.domain.base import Frozen
from bot.domain.entity import ObjectRef


class IncidentStatus(StrEnum):
    TRIGGERED = "triggered"
    ACKNOWLEDGED = "acknowledged"
    RESOLVED = "resolved"


class TriageState(StrEnum):
    """Where the investigation of an incident stands."""

    WANTED = "wanted"  # somebody has to start the workflow
    RUNNING = "running"
    WAITING = "waiting"  # a person was asked which workload it is about
    DONE = "done"
    FAILED = "failed"


class Incident(Frozen):
    """An incident as the store holds it.

    `thread` is the root message of its Slack thread (PagerDuty's own or ours), None until it is known. `target` is
    the workload it is about, None while nobody knows. `triage_run` counts investigations, starting with 1.
    """

    id: str
    dedup_key: str
    source: AlertSource
    external_id: str | None = None
    url: str | None = None
    title: str
    service: str | None = None
    severity: Severity
    status: IncidentStatus
    labels: dict[str, str] = Field(default_factory=dict)
    details: dict[str, object] = Field(default_factory=dict)
    target: ObjectRef | None = None
    triage: TriageState = TriageState.WANTED
    triage_run: int = 1
    channel: str | None = None
    thread: MessageRef | None = None
    thread_is_ours: bool = False
    opened_at: datetime
    acknowledged_at: datetime | None = None
    resolved_at: datetime | None = None
    alert_count: int = 1
