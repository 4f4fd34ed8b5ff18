"""Looking at incidents, and acknowledging or resolving them for a person."""

from collections.abc import Sequence
from datetime import timedelta

import structlog

from bot.domain.action import Proposal
from bot.domain.actor import Actor
from bot.domain.analysis import Analysis
from bot.domain.event import Body, Event, EventKind, IncidentBody, RefusalBody, TimelineEntry
from bot.domain.evidence import Evidence
from bot.domain.incident import Incident, IncidentStatus
from bot.domain.policy import ApprovalPolicy, may_decide
from bot.errors import Conflict, InvalidInput, NotAllowed, VendorError
from bot.ports.incident_source import IncidentSources, pager_of
from bot.ports.messenger import Messenger
from bot.services.core import Core
from bot.services.threads import ThreadService
from bot.store import events as event_store
from bot.store import incidents as incident_store
from bot.store import proposals as proposal_store

logger = structlog.get_logger(__name__)


class IncidentService:
    """Incidents as people see them."""

    def __init__(
        self,
        core: Core,
        threads: ThreadService,
        messenger: Messenger,
        incident_sources: IncidentSources,
        policy: ApprovalPolicy,
    ) -> None:
        self._core = core
        self._threads = threads
        self._messenger = messenger
        self._incident_sources = incident_sources
        self._policy = policy

    async def get(self, incident_id: str) -> Incident:
        """Return an incident. Raise NotFound."""
        return await self._threads.reload(incident_id.strip().upper())

    async def open(self) -> Sequence[Incident]:
        """Return incidents that are not resolved, newest first."""
        async with self._core.reading() as session:
            return await incident_store.list_open(session)

    async def recent(self, limit: int = 20) -> Sequence[Incident]:
        """Return the newest incidents of the last 30 days."""
        async with self._core.reading() as session:
            return await incident_store.list_since(session, self._core.now() - timedelta(days=30), limit)

    async def evidence(self, incident_id: str) -> list[Evidence]:
        """Return the evidence of the newest investigation."""
        incident = await self.get(incident_id)
        async with self._core.reading() as session:
            return await incident_store.load_evidence(session, incident.id, incident.triage_run)

    async def attach_evidence(self, incident_id: str) -> None:
        """Attach the newest investigation's evidence to the thread as one file. Raise InvalidInput or VendorError."""
        incident = await self.get(incident_id)
        evidence = await self.evidence(incident_id)
        if not evidence or incident.thread is None:
            raise InvalidInput("There is no evidence to attach yet.")
        key = f"{incident.id}:{incident.triage_run}:evidence"
        await self._messenger.post_evidence_file(incident, evidence, key)

    async def analysis(self, incident_id: str) -> Analysis | None:
        """Return the newest investigation's analysis, None while there is none."""
        incident = await self.get(incident_id)
        async with self._core.reading() as session:
            return (await incident_store.load_analysis(session, incident.id, incident.triage_run))[1]

    async def proposals(self, incident_id: str) -> Sequence[Proposal]:
        async with self._core.reading() as session:
            return await proposal_store.of_incident(session, incident_id)

    async def timeline(self, incident_id: str) -> Sequence[TimelineEntry]:
        """Return what happened to an incident, the newest first. Raise NotFound."""
        incident = await self.get(incident_id)
        async with self._core.reading() as session:
            return await event_store.timeline(session, incident.id)

    async def acknowledge(self, incident_id: str, person: Actor) -> Incident:
        """Acknowledge in the person's name. Raise NotAllowed, Conflict or VendorError."""
        return await self._move(incident_id, person, IncidentStatus.ACKNOWLEDGED, "acknowledge")

    async def resolve(self, incident_id: str, person: Actor) -> Incident:
        """Resolve in the person's name. Raise NotAllowed, Conflict or VendorError."""
        return await self._move(incident_id, person, IncidentStatus.RESOLVED, "resolve")

    async def _move(self, incident_id: str, person: Actor, status: IncidentStatus, verb: str) -> Incident:
        refusal = may_decide(self._policy, person)
        incident = await self.get(incident_id)
        if refusal is not None:
            await self._record(
                incident, person, EventKind.INCIDENT_REFUSE, RefusalBody(wanted=verb, refusal=refusal.code)
            )
            raise NotAllowed(refusal.message)
        if incident.status is IncidentStatus.RESOLVED or incident.status is status:
            raise Conflict(f"This incident is {incident.status.value} already.")
        if (paged := pager_of(self._incident_sources, incident)) is not None:
            source, external_id = paged
            act = source.acknowledge if verb == "acknowledge" else source.resolve
            await act(external_id, person.email)
        await self._record(incident, person, EventKind(f"incident:{verb}"), IncidentBody(), status)
        await self.show_status(incident.id)
        return await self.get(incident.id)

    async def show_status(self, incident_id: str) -> None:
        """Bring the messages that show an incident's status up to date. Best effort: Slack may be away."""
        incident = await self.get(incident_id)
        try:
            if incident.thread_is_ours and incident.thread is not None:
                await self._messenger.update_root(incident, incident.thread)
            for proposal in await self.proposals(incident_id):
                offer = await self._threads.posted(f"{proposal.id}:resolve")
                if offer is not None:
                    await self._messenger.update_resolve(incident, proposal, offer)
        except VendorError as error:
            logger.warning("status_not_shown", incident=incident_id, error=error.message)

    async def _record(
        self,
        incident: Incident,
        person: Actor,
        kind: EventKind,
        body: Body,
        status: IncidentStatus | None = None,
    ) -> None:
        now = self._core.now()
        async with self._core.transaction() as session:
            current = await incident_store.get(session, incident.id, lock=True)
            # PagerDuty's own news of what we just did there may have been faster; it knows the exact time.
            if status is not None and current is not None and current.status not in {status, IncidentStatus.RESOLVED}:
                changes: dict[str, object] = {"status": status.value}
                if status is IncidentStatus.RESOLVED:
                    changes["resolved_at"] = now
                elif current.acknowledged_at is None:
                    changes["acknowledged_at"] = now
                await incident_store.update(session, incident.id, **changes)
            await self._core.record(session, Event(kind=kind, actor=person, incident_id=incident.id, body=body))
