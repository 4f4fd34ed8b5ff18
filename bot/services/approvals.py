"""Decisions: approve, reject, undo, expire. Each is a compare-and-set with its audit row in one transaction."""

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any

from sqlmodel.ext.asyncio.session import AsyncSession

from bot.domain.action import Approval, Proposal, ProposalState
from bot.domain.actor import BOT, Actor
from bot.domain.event import EventKind
from bot.domain.incident import Incident
from bot.domain.policy import (
    ApprovalPolicy,
    Refusal,
    approvals_needed,
    may_begin,
    may_confirm,
    may_decide,
    may_execute,
)
from bot.domain.redaction import redact
from bot.errors import ConfirmationNeeded, Conflict, InvalidInput, NotAllowed, NotFound
from bot.services.core import Core
from bot.services.proposing import ProposingService, event_of
from bot.services.threads import ThreadService
from bot.store import incidents as incident_store
from bot.store import proposals as proposal_store

_LONGEST_REASON = 1_000


class ApprovalService:
    """The pause between triage and act. The stored proposal is the only truth; a click carries nothing but its id."""

    def __init__(
        self,
        core: Core,
        threads: ThreadService,
        proposing: ProposingService,
        policy: ApprovalPolicy,
        wake: Callable[[], None],
    ) -> None:
        self._core = core
        self._threads = threads
        self._proposing = proposing
        self._policy = policy
        self._wake = wake

    async def get(self, proposal_id: str) -> Proposal:
        """Return a proposal. Raise NotFound."""
        async with self._core.reading() as session:
            proposal = await proposal_store.get(session, proposal_id.strip().upper())
        if proposal is None:
            raise NotFound(f"There is no proposal {proposal_id}.", vendor="Oncall Agent")
        return proposal

    async def pending(self) -> Sequence[Proposal]:
        """Return the proposals that wait for a decision, oldest first."""
        async with self._core.reading() as session:
            return await proposal_store.in_states(session, (ProposalState.PENDING,))

    async def approve(self, proposal_id: str, person: Actor, typed: str | None = None) -> Proposal:
        """Approve, and have it executed once enough people have: the proposal returned is pending until then.

        `typed` is what the person typed to confirm. Raise ConfirmationNeeded when it is missing and needed,
        InvalidInput when it is another name, NotAllowed or Conflict; then nothing has changed.
        """
        return await self._decide(proposal_id, person, ProposalState.APPROVED, typed=typed)

    async def reject(self, proposal_id: str, person: Actor, reason: str) -> Proposal:
        """Reject with a reason. Raise InvalidInput without one, NotAllowed or Conflict."""
        reason = redact(reason.strip())
        if not reason:
            raise InvalidInput("A reason is needed, so that others know why.", next_step="Write one short sentence.")
        if len(reason) > _LONGEST_REASON:
            raise InvalidInput(f"The reason is longer than {_LONGEST_REASON} characters.", next_step="Shorten it.")
        return await self._decide(proposal_id, person, ProposalState.REJECTED, reason=reason)

    async def _decide(
        self,
        proposal_id: str,
        person: Actor,
        new: ProposalState,
        *,
        typed: str | None = None,
        reason: str | None = None,
    ) -> Proposal:
        now = self._core.now()
        verb = "approve" if new is ProposalState.APPROVED else "reject"
        async with self._core.transaction() as session:
            proposal = await proposal_store.get(session, proposal_id.strip().upper(), lock=True)
            if proposal is None:
                raise NotFound(f"There is no proposal {proposal_id}.", vendor="Oncall Agent")
            incident = await incident_store.get(session, proposal.incident_id)
            if incident is None:
                raise NotFound(f"There is no incident {proposal.incident_id}.", vendor="Oncall Agent")
            refusal = self._why_not(proposal, incident, person, new, typed, now)
            if refusal is not None and refusal.code == "unconfirmed":
                # Nothing was decided and nothing was refused: the person is about to be asked.
                raise ConfirmationNeeded(refusal.message)
            if refusal is None:
                proposal = await self._take(session, proposal, person, new, reason, now)
            elif refusal.code == "expired":
                await proposal_store.compare_and_set(
                    session, proposal.id, ProposalState.PENDING, ProposalState.EXPIRED, finished_at=now
                )
                proposal = proposal.model_copy(update={"state": ProposalState.EXPIRED, "finished_at": now})
            if refusal is None:
                event = event_of(EventKind(f"proposal:{verb}"), person, proposal, reason=reason)
            else:
                event = event_of(
                    EventKind.PROPOSAL_REFUSE, person, proposal, reason=reason, wanted=verb, refusal=refusal.code
                )
            await self._core.record(session, event)
        if proposal.state is ProposalState.APPROVED:
            self._wake()
        await self._show(proposal)
        if refusal is not None:
            raise self._error(refusal)
        return proposal

    async def _take(
        self,
        session: AsyncSession,
        proposal: Proposal,
        person: Actor,
        new: ProposalState,
        reason: str | None,
        now: datetime,
    ) -> Proposal:
        """Store a decision that counts and return the proposal as it is then: pending while approvals are missing."""
        changes: dict[str, Any] = {"decided_at": now, "decided_by": person.id, "reason": reason}
        if new is ProposalState.APPROVED:
            approval = Approval(by=person.id, at=now)
            given = (*proposal.approvals, approval)
            if len(given) < approvals_needed(proposal.preview.risk):
                new, changes = ProposalState.PENDING, {}
            stored = await proposal_store.add_approval(session, proposal, approval, new, **changes)
            changes["approvals"] = given
        else:
            stored = await proposal_store.compare_and_set(session, proposal.id, ProposalState.PENDING, new, **changes)
        if not stored:
            raise Conflict("This proposal is no longer open.")
        return proposal.model_copy(update={**changes, "state": new})

    def _why_not(
        self,
        proposal: Proposal,
        incident: Incident,
        person: Actor,
        new: ProposalState,
        typed: str | None,
        now: datetime,
    ) -> Refusal | None:
        if (refusal := may_decide(self._policy, person)) is not None:
            return refusal
        if new is ProposalState.APPROVED:
            return (
                may_execute(self._policy, proposal, now)
                or may_begin(proposal, incident.status)
                or may_confirm(proposal, person, typed)
            )
        if proposal.state is not ProposalState.PENDING:
            return Refusal(
                code="not_pending", message=f"This proposal is no longer open: it is {proposal.state.value}."
            )
        return None

    @staticmethod
    def _error(refusal: Refusal) -> Exception:
        if refusal.code in {"not_pending", "command_only", "expired", "incident_resolved"}:
            return Conflict(refusal.message)
        if refusal.code == "mismatch":
            return InvalidInput(refusal.message)
        return NotAllowed(refusal.message)

    async def propose_undo(self, proposal_id: str, person: Actor) -> Proposal:
        """Propose to undo what was carried out. Raise NotAllowed, InvalidInput or VendorError."""
        proposal = await self.get(proposal_id)
        refusal = may_decide(self._policy, person)
        if refusal is not None:
            async with self._core.transaction() as session:
                event = event_of(EventKind.PROPOSAL_REFUSE, person, proposal, wanted="undo", refusal=refusal.code)
                await self._core.record(session, event)
            raise NotAllowed(refusal.message)
        incident = await self._threads.reload(proposal.incident_id)
        return await self._proposing.propose_undo(incident, proposal, person)

    async def expire(self, now: datetime) -> int:
        """Close proposals whose time has passed and return how many there were."""
        async with self._core.transaction() as session:
            overdue = await proposal_store.overdue(session, now)
            expired = {"state": ProposalState.EXPIRED, "finished_at": now}
            closed = [
                proposal.model_copy(update=expired)
                for proposal in overdue
                if await proposal_store.compare_and_set(
                    session, proposal.id, ProposalState.PENDING, ProposalState.EXPIRED, finished_at=now
                )
            ]
            for proposal in closed:
                await self._core.record(session, event_of(EventKind.PROPOSAL_EXPIRE, BOT, proposal))
        for proposal in closed:
            await self._show(proposal)
        return len(closed)

    async def _show(self, proposal: Proposal) -> None:
        incident = await self._threads.reload(proposal.incident_id)
        await self._proposing.show(incident, proposal)
