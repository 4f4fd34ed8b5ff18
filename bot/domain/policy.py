"""Who may decide what: pure rules over a proposal, an actor and the settings."""

from datetime import datetime, timedelta

from bot.domain.action import Proposal, ProposalState, fingerprint
from bot.domain.actor import Actor
from bot.domain.base import Frozen
from bot.domain.finding import RiskClass
from bot.domain.incident import IncidentStatus

DESTRUCTIVE_OFF = "Destructive actions are switched off on this bot (K8S_ALLOW_DESTRUCTIVE_ACTIONS=false)."

APPROVAL_HOLDS = timedelta(minutes=15)
"""How long an approval may be carried out: the bot, or what it works on, may have been away for a night."""


class ApprovalPolicy(Frozen):
    """Who may approve. `approvers` holds names as `Actor.names` gives them; an empty set allows nobody.

    `destructive_allowed` arms class X; `enabled_actions` is the allow-list of action names.
    """

    approvers: frozenset[str]
    enabled_actions: frozenset[str]
    execution_enabled: bool
    destructive_allowed: bool = False


class Refusal(Frozen):
    """Why a decision does not take place: a sentence for the person and a code for the audit trail."""

    code: str
    message: str


def may_decide(policy: ApprovalPolicy, person: Actor) -> Refusal | None:
    """Return why `person` may not approve or reject, or None."""
    if policy.approvers & person.names():
        return None
    if not policy.approvers:
        return Refusal(code="no_approvers", message="Nobody may approve yet: set APPROVERS to Slack user or group ids.")
    return Refusal(
        code="not_an_approver",
        message="You are not among the approvers of this bot. Ask somebody of the on-call group to decide.",
    )


def approvals_needed(risk: RiskClass) -> int:
    """Return how many different people have to approve an action of this class."""
    return 2 if risk == "X" else 1


def confirmation_of(proposal: Proposal) -> str | None:
    """Return what every approver has to type to approve, None where a click is enough."""
    return proposal.request.target.name if proposal.preview.risk == "X" else None


def may_confirm(proposal: Proposal, person: Actor, typed: str | None) -> Refusal | None:
    """Return why the approval of `person`, who typed `typed`, does not count, or None.

    White space around it does not count, everything else does. A name that was typed without need is checked too: who
    typed another one has another action in mind.
    """
    if any(approval.by == person.id for approval in proposal.approvals):
        return Refusal(
            code="same_person",
            message="You have approved this already. It needs a second person: nothing is done until somebody else "
            "approves it too.",
        )
    name = proposal.request.target.name
    if typed is None:
        if confirmation_of(proposal) is None:
            return None
        return Refusal(
            code="unconfirmed",
            message=f"{proposal.id} is destructive: to approve it, type the name of its target, {name}.",
        )
    if typed.strip() != name:
        return Refusal(
            code="mismatch",
            message=f"That is not the name of the target, which is {name}. Nothing was approved.",
        )
    return None


def may_carry_out(policy: ApprovalPolicy, proposal: Proposal) -> Refusal | None:
    """Return why an approved proposal may not be carried out, or None. Fails closed.

    That enough people approved is checked again here: a row that merely says approved is not enough for class X.
    """
    needed = approvals_needed(proposal.preview.risk)
    if needed > 1 and len({approval.by for approval in proposal.approvals}) < needed:
        return Refusal(
            code="too_few_approvals",
            message=f"This needs the approvals of {needed} different people and does not have them. Nothing was done.",
        )
    return may_apply(policy, proposal)


def may_begin(proposal: Proposal, status: IncidentStatus) -> Refusal | None:
    """Return why `proposal` may not be begun for an incident of this status, or None. An undo always may."""
    if status is IncidentStatus.RESOLVED and proposal.undo_of is None:
        return Refusal(
            code="incident_resolved",
            message="The incident is resolved, so nothing is changed for it any more. Investigate again if it is not.",
        )
    return None


def may_go_on(proposal: Proposal, now: datetime) -> Refusal | None:
    """Return why an approved proposal may not be carried out at `now`, or None: its approval may be too old."""
    if proposal.decided_at is not None and now - proposal.decided_at >= APPROVAL_HOLDS:
        return Refusal(
            code="stale_approval",
            message="The approval is too old: it was not carried out while it was fresh. Look at the target, and "
            "investigate again for a fresh proposal.",
        )
    return None


def may_execute(policy: ApprovalPolicy, proposal: Proposal, now: datetime) -> Refusal | None:
    """Return why `proposal` may not be executed at `now`, or None. Fails closed."""
    if proposal.state is ProposalState.COMMAND_ONLY:
        return Refusal(
            code="command_only",
            message="This proposal shows a command for you to run; the bot does not carry it out.",
        )
    if proposal.state is not ProposalState.PENDING:
        return Refusal(code="not_pending", message=f"This proposal is no longer open: it is {proposal.state.value}.")
    if now >= proposal.expires_at:
        return Refusal(code="expired", message="This proposal has expired. Investigate again to get a fresh one.")
    return may_apply(policy, proposal)


def may_apply(policy: ApprovalPolicy, proposal: Proposal) -> Refusal | None:
    """Return why the bot may not carry out the stored action, whoever approved it and when, or None. Fails closed."""
    request = proposal.request
    if not policy.execution_enabled:
        return Refusal(
            code="execution_disabled",
            message="Executing is switched off (K8S_ENABLE_DESTRUCTIVE_OPERATIONS=false). Run the command yourself.",
        )
    if request.action not in policy.enabled_actions:
        return Refusal(code="not_enabled", message=f"The action {request.action} is not enabled on this bot.")
    if proposal.preview.risk == "X" and not policy.destructive_allowed:
        return Refusal(code="destructive", message=DESTRUCTIVE_OFF)
    if fingerprint(request, proposal.preview) != proposal.fingerprint:
        return Refusal(code="fingerprint", message="The stored action does not match what was shown. Nothing was done.")
    return None
