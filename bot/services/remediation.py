"""Act: carry out exactly what was approved, check that it helped, and tell everybody.

`started` is committed before the effect and the outcome after it. Every step may run again after a crash: the action
carries the proposal's id into the cluster, by which it recognises its own work.
"""

from collections.abc import Sequence

import structlog

from bot.domain.action import Applied, Proposal, ProposalState, Verification
from bot.domain.actor import BOT, Via
from bot.domain.event import Event, EventKind, NoteBody
from bot.domain.incident import Incident, IncidentStatus
from bot.domain.policy import ApprovalPolicy, may_begin, may_carry_out, may_go_on
from bot.domain.redaction import redact
from bot.errors import NotAllowed, NotFound, OncallError, Unavailable, VendorError
from bot.ports.incident_source import IncidentSources, pager_of
from bot.ports.messenger import Messenger
from bot.ports.remediation import Remediator
from bot.services.core import Core
from bot.services.proposing import ProposingService, event_of
from bot.services.threads import ThreadService
from bot.store import proposals as proposal_store
from bot.tasks import TaskSupervisor

logger = structlog.get_logger(__name__)


class RemediationService:
    """The steps of the act workflow."""

    def __init__(
        self,
        core: Core,
        threads: ThreadService,
        proposing: ProposingService,
        messenger: Messenger,
        remediator: Remediator | None,
        incident_sources: IncidentSources,
        policy: ApprovalPolicy,
        tasks: TaskSupervisor,
    ) -> None:
        self._core = core
        self._threads = threads
        self._proposing = proposing
        self._messenger = messenger
        self._remediator = remediator
        self._incident_sources = incident_sources
        self._policy = policy
        self._tasks = tasks

    async def apply(self, proposal_id: str) -> bool:
        """Carry the action out. True when it was; False when it was refused, which is stored as the outcome.

        Raise Unavailable when it should be tried again.
        """
        proposal, incident = await self._load(proposal_id)
        if proposal.applied is not None:
            return True
        if proposal.error is not None:
            return False
        if proposal.state is ProposalState.APPROVED:
            proposal = await self._start(proposal, incident)
        if proposal.state is not ProposalState.EXECUTING or proposal.error is not None:
            return False
        await self._proposing.show(incident, proposal, "Applying the change ...")
        try:
            applied = await self._remediator_for(proposal).apply(proposal.request, proposal.preview, proposal.id)
        except Unavailable:
            raise
        except OncallError as error:
            await self._store(proposal, EventKind.ACTION_REFUSE, error=redact(error.message))
            return False
        await self._store(proposal, EventKind.ACTION_APPLY, applied=applied)
        return True

    async def _start(self, proposal: Proposal, incident: Incident) -> Proposal:
        """Commit that the effect is about to happen, or that the approval has lost its purpose or its freshness."""
        refusal = may_begin(proposal, incident.status) or may_go_on(proposal, self._core.now())
        error = None if refusal is None else refusal.message
        kind = EventKind.ACTION_START if refusal is None else EventKind.ACTION_REFUSE
        changes = {} if error is None else {"error": error}
        async with self._core.transaction() as session:
            if await proposal_store.compare_and_set(
                session, proposal.id, ProposalState.APPROVED, ProposalState.EXECUTING, **changes
            ):
                await self._core.record(session, event_of(kind, BOT, proposal, error=error))
        return (await self._load(proposal.id))[0]

    def _remediator_for(self, proposal: Proposal) -> Remediator:
        """Return the remediator only if the stored action is what was approved and is still allowed. Fails closed.

        Age is judged here too: what began before a crash or an outage of hours is not done out of the blue.
        """
        refusal = may_carry_out(self._policy, proposal) or may_go_on(proposal, self._core.now())
        if self._remediator is None or refusal is not None:
            raise NotAllowed(refusal.message if refusal else "Executing is switched off on this bot.")
        return self._remediator

    async def _store(
        self,
        proposal: Proposal,
        kind: EventKind,
        *,
        applied: Applied | None = None,
        verification: Verification | None = None,
        error: str | None = None,
    ) -> None:
        """Store one outcome with its event."""
        outcome = {"applied": applied, "verification": verification, "error": error}
        said = applied or verification
        event = event_of(kind, BOT, proposal, error=error, summary=said.summary if said is not None else None)
        async with self._core.transaction() as session:
            changes = {name: value for name, value in outcome.items() if value is not None}
            await proposal_store.update(session, proposal.id, **changes)
            await self._core.record(session, event)

    async def verify(self, proposal_id: str) -> bool:
        """Watch whether the action helped and store the result."""
        proposal, incident = await self._load(proposal_id)
        if proposal.verification is not None or proposal.applied is None or self._remediator is None:
            return proposal.verification is not None and proposal.verification.passed

        def report(line: str) -> None:
            self._tasks.start(self._proposing.show(incident, proposal, line), name=f"verify-{proposal.id}")

        report("Checking that it helped ...")
        try:
            verification = await self._remediator.verify(proposal.request, proposal.applied, report)
        except Unavailable:
            raise
        except OncallError as error:
            verification = Verification(
                passed=False, summary=f"It could not be checked: {redact(error.message)}", duration_ms=0
            )
        await self._store(proposal, EventKind.ACTION_VERIFY, verification=verification)
        return verification.passed

    async def settle(self, proposal_id: str) -> bool:
        """Close the proposal; True when it succeeded. The other offers of the incident are then superseded."""
        proposal, _ = await self._load(proposal_id)
        if proposal.state is not ProposalState.EXECUTING:
            return proposal.state is ProposalState.SUCCEEDED
        passed = proposal.verification is not None and proposal.verification.passed
        await self._close(proposal, ProposalState.SUCCEEDED if passed else ProposalState.FAILED)
        return passed

    async def abandon(self, proposal_id: str, error_id: str) -> None:
        """Close a proposal whose execution stopped because of an error, so that it does not stay open for ever."""
        proposal, _ = await self._load(proposal_id)
        if proposal.state not in {ProposalState.APPROVED, ProposalState.EXECUTING}:
            return
        if proposal.state is ProposalState.APPROVED:
            error = f"It was not begun because of an error ({error_id}). Nothing was changed."
        elif proposal.applied is None:
            error = f"It stopped because of an error ({error_id}). Look whether the change was made before you go on."
        else:
            error = f"The change was made, but checking it stopped because of an error ({error_id})."
        await self._close(proposal, ProposalState.FAILED, error)

    async def _close(self, proposal: Proposal, new: ProposalState, error: str | None = None) -> None:
        now = self._core.now()
        changes = {"finished_at": now} if error is None else {"finished_at": now, "error": error}
        kind = EventKind.ACTION_SUCCEED if new is ProposalState.SUCCEEDED else EventKind.ACTION_FAIL
        event = event_of(kind, BOT, proposal.model_copy(update={"state": new}), error=error)
        async with self._core.transaction() as session:
            if not await proposal_store.compare_and_set(session, proposal.id, proposal.state, new, **changes):
                return
            superseded: Sequence[Proposal] = ()
            if new is ProposalState.SUCCEEDED:
                superseded = await proposal_store.supersede_pending(session, proposal.incident_id, now, but=proposal.id)
            await self._core.record(session, event)
            await self._proposing.record_superseded(session, superseded)

    async def announce(self, proposal_id: str) -> None:
        """Show the outcome in the thread, and offer to resolve the incident when it helped."""
        proposal, incident = await self._load(proposal_id)
        await self._messenger.update_proposal(incident, proposal)
        async with self._core.reading() as session:
            others = await proposal_store.of_incident(session, incident.id)
        for other in others:
            if other.state is ProposalState.SUPERSEDED:
                await self._proposing.show(incident, other)
        helped = proposal.state is ProposalState.SUCCEEDED and proposal.undo_of is None
        if helped and incident.external_id and incident.status is not IncidentStatus.RESOLVED:
            key = f"{proposal.id}:resolve"
            await self._threads.post_once(incident, key, lambda: self._messenger.offer_resolve(incident, proposal, key))

    async def note(self, proposal_id: str) -> None:
        """Write what happened into the incident at PagerDuty, once."""
        proposal, incident = await self._load(proposal_id)
        if (paged := pager_of(self._incident_sources, incident)) is None:
            return
        source, external_id = paged
        key = f"{proposal.id}:note"
        async with self._core.transaction() as session:
            intended, note_id = await proposal_store.intend_note(session, key, incident.id, self._core.now())
        if note_id is not None:
            return
        text, email = await self._note_text(proposal)
        if intended:
            note_id = await source.find_note(external_id, f"[{proposal.id}]")
        if note_id is None:
            note_id = await source.add_note(external_id, text, email)
        async with self._core.transaction() as session:
            await proposal_store.record_note(session, key, note_id)
            await self._core.record(
                session,
                Event(
                    kind=EventKind.NOTE_ADD,
                    actor=BOT,
                    incident_id=incident.id,
                    body=NoteBody(proposal=proposal.id, note=note_id),
                    source=Via.PAGERDUTY.value,
                ),
            )

    async def _note_text(self, proposal: Proposal) -> tuple[str, str | None]:
        """Return the note and the e-mail of whoever decided, in whose name it is written."""
        names, email = [], None
        approvers = [approval.by for approval in proposal.approvals] or [proposal.decided_by or "somebody"]
        for user_id in approvers:
            name, address = await self._who(user_id)
            names.append(name)
            email = address if user_id == proposal.decided_by else email
        outcome = proposal.error or (proposal.verification.summary if proposal.verification else "")
        state = "It helped." if proposal.state is ProposalState.SUCCEEDED else "It did not help."
        command = redact(proposal.preview.command)
        text = f"[{proposal.id}] {' and '.join(names)} approved `{command}`. {state} {redact(outcome)}"
        return text, email

    async def _who(self, user_id: str) -> tuple[str, str | None]:
        """Return a person's name and e-mail; the id alone where Slack does not tell."""
        try:
            person = await self._messenger.person(user_id)
        except VendorError as error:
            logger.warning("person_unknown", user=user_id, error=error.message)
            return user_id, None
        return person.name, person.email

    async def _load(self, proposal_id: str) -> tuple[Proposal, Incident]:
        async with self._core.reading() as session:
            proposal = await proposal_store.get(session, proposal_id)
        if proposal is None:
            raise NotFound(f"There is no proposal {proposal_id}.", vendor="Oncall Agent")
        return proposal, await self._threads.reload(proposal.incident_id)
