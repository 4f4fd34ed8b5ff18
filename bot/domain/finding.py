"""Findings: judged evidence. Pure data; `oncall-agent diagnose --output json` prints it as documented."""

from datetime import datetime
from typing import Any, Literal

from pydantic import Field

from bot.domain.alert import Severity
from bot.domain.base import Frozen

RiskClass = Literal["S", "D", "X"]
"""S reversible, D disruptive, X destructive: the class of an action, never of an incident."""


class Citation(Frozen):
    """A pointer into the snapshot with the value that stands there.

    `kind` says what is pointed into; `entity` is `Kind/namespace/name` of the object, or of the pod for a log;
    `pointer` is a JSON pointer inside the object (`/status/containerStatuses/0/restartCount`), for a log
    `container:current|previous:line number` counted from 1; `value` is what stands there, as JSON.
    """

    kind: Literal["object", "event", "log", "metric"]
    entity: str
    pointer: str
    value: Any


class SuggestedAction(Frozen):
    """A remediation action with its parameters filled in from evidence; `target` is `Kind/namespace/name`."""

    action: str
    target: str
    params: dict[str, Any] = Field(default_factory=dict)
    risk: RiskClass
    reason: str = ""


class Finding(Frozen):
    """One judged state of affairs.

    `key` is the taxonomy's (`crash.missing_env`), `entity` names what has to be changed or looked at, `root` is False
    for symptoms that another finding explains, `confidence` is between 0 and 1.
    """

    key: str
    entity: str
    root: bool = True
    severity: Severity
    confidence: float = Field(ge=0, le=1)
    summary: str
    evidence: tuple[Citation, ...] = ()
    explains: tuple[str, ...] = ()
    actions: tuple[SuggestedAction, ...] = ()
    person_decides: str = Field(default="", description="why no action is offered: what a person has to decide")


class Abstention(Frozen):
    """Something looked wrong but the evidence does not name the cause."""

    entity: str
    reason: str


class SourceStatus(Frozen):
    name: str
    status: Literal["ok", "no_data", "error"]
    detail: str = ""


class Diagnosis(Frozen):
    """All that was found in one snapshot, roots first, best first."""

    taken_at: datetime
    healthy: bool
    findings: tuple[Finding, ...] = ()
    abstentions: tuple[Abstention, ...] = ()
    sources: tuple[SourceStatus, ...] = ()
