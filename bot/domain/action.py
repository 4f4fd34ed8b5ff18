"""Remediation actions: what is asked for, what it would do, what it did, and whether that helped."""

from datetime import datetime
from enum import StrEnum
from typing import Any

from pydantic import Field

from bot.domain.alert import MessageRef
from bot.domain.base import Frozen, digest
from bot.domain.entity import ObjectRef
from bot.domain.finding import RiskClass


class ActionRequest(Frozen):
    """A typed action: its name in the catalogue, the object it works on and its parameters.

    The parameters are validated by the action's own model before anything is stored.
    """

    action: str
    target: ObjectRef
    params: dict[str, Any] = Field(default_factory=dict)
    reason: str = Field(default="", description="one sentence: why this would help")
    finding: str | None = Field(default=None, description="the finding's key that it is meant to make disappear")


class ActionSpec(Frozen):
    """An action of the catalogue as people and models see it."""

    name: str
    summary: str
    risk: RiskClass
    reversible: bool
    params_schema: dict[str, Any]
    verbs: tuple[str, ...] = Field(description="least permissions, such as 'patch deployments.apps'")


class Preview(Frozen):
    """What an action would do, as the API server's dry run says.

    `command` is the kubectl equivalent, `diff` a unified diff of the object. `precondition` binds the approval to the
    object that was looked at: `uid`, `resourceVersion`, `generation` where there is one, and a digest of the values
    that will be changed. `pre_image` is what undo needs.
    """

    command: str
    diff: str
    risk: RiskClass
    blast_radius: str
    warnings: tuple[str, ...] = ()
    reversible: bool
    precondition: dict[str, Any] = Field(default_factory=dict)
    pre_image: dict[str, Any] = Field(default_factory=dict)


class Applied(Frozen):
    """The effect of an action. `already_done` is True when the object was in the desired state before."""

    summary: str
    already_done: bool = False
    undo: ActionRequest | None = None
    state: dict[str, Any] = Field(default_factory=dict, description="what verify needs, such as the generation")


class Check(Frozen):
    name: str
    passed: bool
    detail: str


class Verification(Frozen):
    """Whether the action helped. `duration_ms` is how long it was watched."""

    passed: bool
    summary: str
    checks: tuple[Check, ...] = ()
    duration_ms: float


class ProposalState(StrEnum):
    PENDING = "pending"
    APPROVED = "approved"
    EXECUTING = "executing"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    REJECTED = "rejected"
    EXPIRED = "expired"
    SUPERSEDED = "superseded"
    COMMAND_ONLY = "command_only"  # destructive operations are switched off: shown, never executed

    @property
    def is_open(self) -> bool:
        return self in {ProposalState.PENDING, ProposalState.APPROVED, ProposalState.EXECUTING}


class Approval(Frozen):
    """One person's yes: who (Slack user id) and when."""

    by: str
    at: datetime


class Proposal(Frozen):
    """A stored offer to act. The button carries its `id` and nothing else; `fingerprint` binds the decision.

    `approvals` are all that were given, oldest first; `decided_by` is whoever's click moved it out of pending.
    """

    id: str
    incident_id: str
    request: ActionRequest
    preview: Preview
    fingerprint: str
    state: ProposalState
    rank: int = Field(default=0, description="0 is the action that is recommended first")
    created_at: datetime
    expires_at: datetime
    approvals: tuple[Approval, ...] = ()
    decided_at: datetime | None = None
    decided_by: str | None = Field(default=None, description="Slack user id")
    reason: str | None = None
    applied: Applied | None = None
    verification: Verification | None = None
    error: str | None = None
    undo_of: str | None = None
    undone_by: str | None = None
    message: MessageRef | None = None
    finished_at: datetime | None = None


def fingerprint(request: ActionRequest, preview: Preview) -> str:
    """Return the digest that an approval is bound to: the action's exact bytes and the object it was shown for.

    The risk is part of it, because how many people have to approve depends on it.
    """
    return digest(
        {
            "action": request.action,
            "target": str(request.target),
            "params": request.params,
            "precondition": preview.precondition,
            "risk": preview.risk,
        }
    )
