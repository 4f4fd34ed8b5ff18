"""Everything that happens, as one enum with a typed body each. The audit trail and the timelines are written from it.

An event's tag reads `source:subject:action`, such as `slack:proposal:approve`. Subject and action are its kind; the
source is the door of whoever acted, or what the news came by.
"""

from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum
from types import MappingProxyType
from typing import Any, Self

from pydantic import Field, SerializeAsAny, model_validator

from bot.domain.action import Proposal
from bot.domain.actor import Actor
from bot.domain.alert import Severity
from bot.domain.analysis import Provenance
from bot.domain.base import Frozen
from bot.domain.evidence import EvidenceStatus
from bot.domain.policy import approvals_needed


class EventKind(StrEnum):
    """What happened, as `subject:action`."""

    INCIDENT_OPEN = "incident:open"
    INCIDENT_ACKNOWLEDGE = "incident:acknowledge"
    INCIDENT_UNACKNOWLEDGE = "incident:unacknowledge"
    INCIDENT_RESOLVE = "incident:resolve"
    INCIDENT_REOPEN = "incident:reopen"
    INCIDENT_UPDATE = "incident:update"
    INCIDENT_COMPLETE = "incident:complete"
    INCIDENT_REFUSE = "incident:refuse"
    INVESTIGATION_START = "investigation:start"
    INVESTIGATION_REPEAT = "investigation:repeat"
    INVESTIGATION_FAIL = "investigation:fail"
    TARGET_ASK = "target:ask"
    TARGET_CHOOSE = "target:choose"
    EVIDENCE_GATHER = "evidence:gather"
    ANALYSIS_WRITE = "analysis:write"
    ANALYSIS_PUBLISH = "analysis:publish"
    PROPOSAL_CREATE = "proposal:create"
    PROPOSAL_APPROVE = "proposal:approve"
    PROPOSAL_REJECT = "proposal:reject"
    PROPOSAL_REFUSE = "proposal:refuse"
    PROPOSAL_UNDO = "proposal:undo"
    PROPOSAL_EXPIRE = "proposal:expire"
    PROPOSAL_SUPERSEDE = "proposal:supersede"
    ACTION_START = "action:start"
    ACTION_REFUSE = "action:refuse"
    ACTION_APPLY = "action:apply"
    ACTION_VERIFY = "action:verify"
    ACTION_SUCCEED = "action:succeed"
    ACTION_FAIL = "action:fail"
    NOTE_ADD = "note:add"


class Body(Frozen):
    """What is kept about an event; fields that are None are left out."""


class IncidentBody(Body):
    """What the news said; empty where a person acted through the bot."""

    title: str | None = None
    service: str | None = None
    severity: Severity | None = None
    external_id: str | None = None
    occurred_at: datetime | None = None


class RefusalBody(Body):
    """What was `wanted`, and the code of why it was refused."""

    wanted: str
    refusal: str


class InvestigationBody(Body):
    run: int
    labels: dict[str, str] | None = Field(default=None, description="what the person said it is about")
    error_id: str | None = None


class QuestionBody(Body):
    run: int
    candidates: tuple[str, ...]


class ChoiceBody(Body):
    target: str


class SeenBody(Body):
    """Where one piece of evidence came from, and whether it could be looked at."""

    source: str
    status: EvidenceStatus


class EvidenceBody(Body):
    run: int
    target: str | None
    evidence: dict[str, SeenBody]
    findings: tuple[str, ...]


class AnalysisBody(Body):
    run: int
    headline: str
    confidence: float
    provenance: Provenance


class PublishedBody(Body):
    run: int
    proposals: tuple[str, ...]


class ProposalBody(Body):
    """Enough to know the exact action, without its whole preview, and what became of it."""

    proposal: str
    action: str
    target: str
    params: dict[str, Any]
    command: str
    risk: str
    fingerprint: str
    state: str
    approved_by: tuple[str, ...]
    approvals_needed: int
    reason: str | None = None
    wanted: str | None = None
    refusal: str | None = None
    undo_of: str | None = None
    summary: str | None = None
    error: str | None = None

    @classmethod
    def of(cls, proposal: Proposal, **more: str | None) -> Self:
        """Return the body of an event about `proposal`; `more` are the optional fields."""
        facts: dict[str, Any] = {
            "proposal": proposal.id,
            "action": proposal.request.action,
            "target": str(proposal.request.target),
            "params": proposal.request.params,
            "command": proposal.preview.command,
            "risk": proposal.preview.risk,
            "fingerprint": proposal.fingerprint,
            "state": proposal.state.value,
            "approved_by": tuple(approval.by for approval in proposal.approvals),
            "approvals_needed": approvals_needed(proposal.preview.risk),
        }
        return cls(**facts, **more)


class NoteBody(Body):
    """A note of ours at the system that pages: the proposal it is about, and the note's id there."""

    proposal: str
    note: str


def _body_of(kind: EventKind) -> type[Body]:
    match kind:
        case EventKind.INCIDENT_REFUSE:
            return RefusalBody
        case EventKind.TARGET_ASK:
            return QuestionBody
        case EventKind.TARGET_CHOOSE:
            return ChoiceBody
        case EventKind.EVIDENCE_GATHER:
            return EvidenceBody
        case EventKind.ANALYSIS_WRITE:
            return AnalysisBody
        case EventKind.ANALYSIS_PUBLISH:
            return PublishedBody
        case EventKind.NOTE_ADD:
            return NoteBody
    match kind.value.partition(":")[0]:
        case "incident":
            return IncidentBody
        case "investigation":
            return InvestigationBody
    return ProposalBody


BODIES: Mapping[EventKind, type[Body]] = MappingProxyType({kind: _body_of(kind) for kind in EventKind})
"""The one body of each kind."""


class Event(Frozen):
    """Something that happened. `source` says what the news came by where that is not the actor's own door."""

    kind: EventKind
    actor: Actor
    incident_id: str | None
    body: SerializeAsAny[Body]
    source: str | None = None

    @model_validator(mode="after")
    def _fits(self) -> Self:
        if type(self.body) is not BODIES[self.kind]:
            raise ValueError(f"{self.kind.value} has a {BODIES[self.kind].__name__}, not a {type(self.body).__name__}")
        return self

    @property
    def tag(self) -> str:
        """Return `source:subject:action`."""
        return f"{self.source or self.actor.via.value}:{self.kind.value}"


class TimelineEntry(Frozen):
    """An event as timelines and feeds read it. `seq` is its row in the audit trail; newer ones are larger."""

    seq: int
    at: datetime
    incident_id: str | None
    source: str
    kind: str
    actor_id: str
    actor_name: str
    body: dict[str, Any]
