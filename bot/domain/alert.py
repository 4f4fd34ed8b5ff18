"""An alert: one signal from outside, whatever sent it."""

from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum
from types import MappingProxyType
from typing import Any

from pydantic import Field

from bot.domain.actor import Via
from bot.domain.base import Frozen


class Severity(StrEnum):
    """How bad an incident is. Declared from worst to mildest; `rank` is 0 for the worst."""

    CRITICAL = "critical"
    HIGH = "high"
    WARNING = "warning"
    INFO = "info"

    @property
    def rank(self) -> int:
        return list(Severity).index(self)


class AlertState(StrEnum):
    """What the signal says about its incident."""

    TRIGGERED = "triggered"
    ACKNOWLEDGED = "acknowledged"
    RESOLVED = "resolved"
    UPDATED = "updated"  # something else changed (a note, a reassignment): recorded, starts nothing


class SourceTraits(Frozen):
    """What a source of alerts is like; the rules ask for these and never for a source by its name.

    `authoritative`: it knows an incident's title, severity and state at first hand, where a chat message is somebody's
    rendering of them. `posts_to_chat`: its vendor posts a message of its own about the incident, perhaps a moment
    later. `asked_by_person`: somebody waits for the answer. `via` is the door of whoever it names as the actor.
    `pager` names the system that external ids belong to: an id is never sent to another one.
    """

    via: Via
    authoritative: bool = False
    posts_to_chat: bool = False
    asked_by_person: bool = False
    pager: str | None = None


class AlertSource(StrEnum):
    """Where an alert came from."""

    PAGERDUTY_WEBHOOK = "pagerduty_webhook"
    PAGERDUTY_SLACK = "pagerduty_slack"
    SLACK_COMMAND = "slack_command"
    TEST = "test"

    @property
    def traits(self) -> SourceTraits:
        return _TRAITS[self]


_TRAITS: Mapping[AlertSource, SourceTraits] = MappingProxyType(
    {
        AlertSource.PAGERDUTY_WEBHOOK: SourceTraits(
            via=Via.PAGERDUTY, authoritative=True, posts_to_chat=True, pager="PagerDuty"
        ),
        AlertSource.PAGERDUTY_SLACK: SourceTraits(via=Via.PAGERDUTY, pager="PagerDuty"),
        AlertSource.SLACK_COMMAND: SourceTraits(via=Via.SLACK, asked_by_person=True),
        AlertSource.TEST: SourceTraits(via=Via.API),
    }
)


class MessageRef(Frozen):
    """A Slack message: channel id and timestamp. `thread_ts` is the root of its thread when it is a reply."""

    channel: str
    ts: str
    thread_ts: str | None = None


class Alert(Frozen):
    """One normalised signal.

    `delivery_id` identifies this delivery (the same on every retry of it); `dedup_key` identifies the incident, for
    PagerDuty `pagerduty:<incident id>`, so that a Slack message and a webhook of one incident meet. `labels` are what
    the alert says about its origin (namespace, deployment, pod, cluster ...); `details` is its free-form part, already
    redacted. `message` is the Slack message that brought it, where one did.
    """

    source: AlertSource
    delivery_id: str
    dedup_key: str
    state: AlertState
    title: str
    severity: Severity = Severity.HIGH
    service: str | None = None
    external_id: str | None = Field(default=None, description="the incident's id at its source, such as P0EF57N")
    url: str | None = None
    labels: dict[str, str] = Field(default_factory=dict)
    details: dict[str, Any] = Field(default_factory=dict)
    occurred_at: datetime
    actor: str | None = Field(default=None, description="who caused the change at the source, as a name")
    message: MessageRef | None = None
    channel: str | None = Field(
        default=None, description="where a person asked, when there is no message to thread under"
    )
    note: str | None = Field(default=None, description="for annotated incidents: the note's text")
    note_id: str | None = Field(default=None, description="for annotated incidents: the note's id at the source")
