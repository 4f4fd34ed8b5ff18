"""Proposals: an analysis' actions, dry-run, stored and shown."""

from collections.abc import Sequence
from datetime import timedelta

import structlog
from sqlmodel.ext.asyncio.session import AsyncSession

from bot.domain.action import ActionRequest, ActionSpec, Preview, Proposal, ProposalState, fingerprint
from bot.domain.actor import BOT, Actor
from bot.domain.analysis import Analysis
from bot.domain.base import new_id
from bot.domain.event import Event, EventKind, ProposalBody
from bot.domain.incident import Incident
from bot.domain.policy import ApprovalPolicy
from bot.errors import InvalidInput, OncallError
from bot.ports.messenger import Messenger
from bot.ports.remediation import Remediator
from bot.services.core import Core
from bot.services.threads import ThreadService
from bot.settings import ApprovalSettings
from bot.store import incidents as incident_store
from bot.store import proposals as proposal_store

logger = structlog.get_logger(__name__)

_MOST_PROPOSALS = 3
_SHOWN_WITHIN = timedelta(minutes=1)
# An undo in one of these states changed nothing, so it may be proposed again.
_CAME_TO_NOTHING = frozenset({ProposalState.REJECTED, ProposalState.EXPIRED, ProposalState.SUPERSEDED})


class ProposingService:
    """Turns requests into stored proposals."""

    def __init__(
        self,
        core: Core,
        threads: ThreadService,
        messenger: Messenger,
        remediator: Remediator | None,
        policy: ApprovalPolicy,
        settings: ApprovalSettings,
    ) -> None:
        self._core = core
        self._threads = threads
        self._messenger = messenger
        self._remediator = remediator
        self._policy = policy
        self._settings = settings

    def offered(self) -> tuple[ActionSpec, ...]:
        """Return the actions that can become a proposal: what would be refused is not worth an analyst's thought."""
        return tuple(
            spec
            for spec in (self._remediator.specs() if self._remediator is not None else ())
            if spec.name in self._policy.enabled_actions and (spec.risk != "X" or self._policy.destructive_allowed)
        )

    async def propose(self, incident: Incident, run: int, analysis: Analysis) -> tuple[Analysis, list[Proposal]]:
        """Store a proposal for each action of the analysis that the server accepts in a dry run.

        An action that is refused is not lost: the analysis then says what was considered and why it is not offered.
        Pending proposals of earlier investigations are superseded. Proposals that this run stored before a crash are
        returned as they are.
        """
        async with self._core.reading() as session:
            stored = list(await proposal_store.of_incident(session, incident.id, run))
        if stored:
            # A crash may have come before the cards of what these superseded were brought up to date.
            for old in await self._superseded(incident):
                await self.show(incident, old)
        if stored or self._remediator is None:
            return analysis, stored
        offered: list[tuple[ActionRequest, Preview]] = []
        refused: list[str] = []
        for request in analysis.proposals[:_MOST_PROPOSALS]:
            try:
                offered.append(await self._preview(self._remediator, request))
            except OncallError as error:
                logger.info("proposal_not_offered", incident=incident.id, action=request.action, reason=error.message)
                refused.append(f"{request.action} on {request.target} was considered but not offered: {error.message}")
        proposals = [self._build(incident, request, preview, rank) for rank, (request, preview) in enumerate(offered)]
        if refused:
            actions = (*analysis.immediate_actions, *refused)
            analysis = analysis.model_copy(update={"immediate_actions": actions})
        superseded = await self._store(incident, run, analysis, proposals)
        if superseded is None:
            return analysis, []
        for old in superseded:
            await self.show(
                incident if old.incident_id == incident.id else await self._threads.reload(old.incident_id), old
            )
        return analysis, proposals

    async def _store(
        self, incident: Incident, run: int, analysis: Analysis, proposals: list[Proposal]
    ) -> Sequence[Proposal] | None:
        """Store the proposals and return those they supersede; None when a newer run has overtaken this one."""
        now = self._core.now()
        async with self._core.transaction() as session:
            current = await incident_store.get(session, incident.id, lock=True)
            if current is None or current.triage_run != run:
                return None
            superseded = [
                *await proposal_store.supersede_pending(session, incident.id, now),
                *await proposal_store.supersede_twins(session, proposals, now),
            ]
            for proposal in proposals:
                await proposal_store.insert(session, proposal, run)
            # With the proposals, because a second try after a crash finds them and does not preview again.
            await incident_store.save_analysis(session, incident.id, run, at=now, analysis=analysis)
            await self.record_superseded(session, superseded)
            for proposal in proposals:
                await self._core.record(session, event_of(EventKind.PROPOSAL_CREATE, BOT, proposal))
        return superseded

    async def _superseded(self, incident: Incident) -> list[Proposal]:
        async with self._core.reading() as session:
            known = await proposal_store.of_incident(session, incident.id)
        return [proposal for proposal in known if proposal.state is ProposalState.SUPERSEDED]

    async def record_superseded(self, session: AsyncSession, superseded: Sequence[Proposal]) -> None:
        """Append an audit event for each proposal that another one has made pointless."""
        for proposal in superseded:
            await self._core.record(session, event_of(EventKind.PROPOSAL_SUPERSEDE, BOT, proposal))

    async def propose_undo(self, incident: Incident, original: Proposal, by: Actor) -> Proposal:
        """Store and show the undo of a carried-out action; it is approved like any other. Raise OncallError."""
        if original.applied is None or original.applied.undo is None or self._remediator is None:
            raise InvalidInput("This action cannot be undone.")
        if original.state not in {ProposalState.SUCCEEDED, ProposalState.FAILED}:
            raise InvalidInput("This action is still being carried out.", next_step="Wait for its outcome.")
        if (unseen := await self._unseen_undo(original.id)) is not None:
            return await self.post_card(incident, unseen)
        request, preview = await self._preview(self._remediator, original.applied.undo)
        proposal = self._build(incident, request, preview, 0).model_copy(update={"undo_of": original.id})
        async with self._core.transaction() as session:
            current = await proposal_store.get(session, original.id, lock=True)
            before = None
            if current is not None and current.undone_by is not None:
                before = await proposal_store.get(session, current.undone_by)
            if current is None or (before is not None and before.state not in _CAME_TO_NOTHING):
                raise InvalidInput("The undo of this action has been proposed already.")
            await proposal_store.insert(session, proposal, incident.triage_run)
            await proposal_store.update(session, original.id, undone_by=proposal.id)
            await self._core.record(session, event_of(EventKind.PROPOSAL_UNDO, by, proposal, undo_of=original.id))
        await self.post_card(incident, proposal)
        await self.show(incident, original.model_copy(update={"undone_by": proposal.id}))
        return proposal

    async def _unseen_undo(self, original_id: str) -> Proposal | None:
        """Return the undo that a crash kept from being shown; a moment's age says that nobody is showing it now."""
        async with self._core.reading() as session:
            original = await proposal_store.get(session, original_id)
            if original is None or original.undone_by is None:
                return None
            undo = await proposal_store.get(session, original.undone_by)
        if undo is None or undo.state is not ProposalState.PENDING or undo.message is not None:
            return None
        return undo if self._core.now() - undo.created_at > _SHOWN_WITHIN else None

    async def post_card(self, incident: Incident, proposal: Proposal) -> Proposal:
        """Post the proposal's message, once, and remember where it is."""
        key = f"{proposal.id}:card"
        ref = await self._threads.post_once(
            incident, key, lambda: self._messenger.post_proposal(incident, proposal, key)
        )
        async with self._core.transaction() as session:
            await proposal_store.update(session, proposal.id, message=ref)
        return proposal.model_copy(update={"message": ref})

    async def show(self, incident: Incident, proposal: Proposal, step: str = "") -> None:
        """Bring the proposal's message up to date. Best effort: a decision stands even when Slack is away."""
        if proposal.message is None:
            return
        try:
            await self._messenger.update_proposal(incident, proposal, step)
        except OncallError as error:
            logger.warning("proposal_not_shown", proposal=proposal.id, error=error.message)

    async def _preview(self, remediator: Remediator, request: ActionRequest) -> tuple[ActionRequest, Preview]:
        if request.action not in self._policy.enabled_actions:
            raise InvalidInput(f"The action {request.action} is not enabled on this bot.")
        valid = remediator.validate(request)
        preview = await remediator.preview(valid)
        if preview.risk == "X" and not self._policy.destructive_allowed:
            raise InvalidInput(
                "it is destructive, and destructive actions are switched off (K8S_ALLOW_DESTRUCTIVE_ACTIONS=false)."
            )
        return valid, preview

    def _build(self, incident: Incident, request: ActionRequest, preview: Preview, rank: int) -> Proposal:
        now = self._core.now()
        state = ProposalState.PENDING if self._policy.execution_enabled else ProposalState.COMMAND_ONLY
        return Proposal(
            id=new_id("P", 6),
            incident_id=incident.id,
            request=request,
            preview=preview,
            fingerprint=fingerprint(request, preview),
            state=state,
            rank=rank,
            created_at=now,
            expires_at=now + timedelta(minutes=self._settings.expiry_minutes),
        )


def event_of(kind: EventKind, actor: Actor, proposal: Proposal, **more: str | None) -> Event:
    """Return an event about a proposal; `more` are the optional fields of its body."""
    body = ProposalBody.of(proposal, **more)
    return Event(kind=kind, actor=actor, incident_id=proposal.incident_id, body=body)
