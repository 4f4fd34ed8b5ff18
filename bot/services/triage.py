"""Triage: from an incident to an analysis, one step after the other.

Every step may run again after a crash: it reads what it needs from the store and replaces what it wrote before.
"""

import time
from dataclasses import dataclass

import structlog

from bot.domain.actor import BOT
from bot.domain.alert import Alert
from bot.domain.analysis import Analysis
from bot.domain.event import (
    AnalysisBody,
    Body,
    Event,
    EventKind,
    EvidenceBody,
    InvestigationBody,
    PublishedBody,
    QuestionBody,
    SeenBody,
)
from bot.domain.evidence import Progress, ProgressItem, ProgressState
from bot.domain.incident import Incident, TriageState
from bot.domain.redaction import redact
from bot.errors import VendorError, new_error_id
from bot.ports.analyst import Analyst, Brief
from bot.ports.evidence import EvidenceSource, Gathered, Resolution
from bot.ports.incident_source import IncidentSources
from bot.ports.messenger import Messenger
from bot.ports.remediation import Remediator
from bot.services.alert_evidence import AlertEvidence
from bot.services.checklist import Checklist, progress_item
from bot.services.core import Core
from bot.services.proposing import ProposingService
from bot.services.rules_analysis import write_analysis
from bot.services.runbooks import RunbookLibrary
from bot.services.threads import ThreadService
from bot.store import incidents as incident_store
from bot.tasks import TaskSupervisor

logger = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class TriageOutside:
    """What triage needs from outside; what is not configured is None."""

    messenger: Messenger
    source: EvidenceSource | None
    incident_sources: IncidentSources
    analyst: Analyst | None
    remediator: Remediator | None


class TriageService:
    """The steps of the triage workflow."""

    def __init__(
        self,
        core: Core,
        threads: ThreadService,
        proposing: ProposingService,
        runbooks: RunbookLibrary,
        outside: TriageOutside,
        tasks: TaskSupervisor,
    ) -> None:
        self._core = core
        self._threads = threads
        self._proposing = proposing
        self._runbooks = runbooks
        self._outside = outside
        self._tasks = tasks
        self._alert_evidence = AlertEvidence(core, outside.incident_sources)

    async def open(self, incident_id: str, run: int) -> bool:
        """Claim the investigation and say in the thread what will be looked at. False when there is nothing to do."""
        async with self._core.transaction() as session:
            incident = await incident_store.get(session, incident_id, lock=True)
            if incident is None or incident.triage_run != run:
                return False
            if incident.triage not in {TriageState.WANTED, TriageState.RUNNING}:
                return False
            if await incident_store.claim_triage(session, incident_id, run):
                await self._core.record(
                    session, _event(EventKind.INVESTIGATION_START, incident_id, InvestigationBody(run=run))
                )
        incident = await self._threads.ensure_thread(incident)
        key = _progress_key(incident_id, run)
        progress = self._first_progress(incident)
        await self._threads.post_once(
            incident, key, lambda: self._outside.messenger.post_progress(incident, progress, key)
        )
        return True

    def _first_progress(self, incident: Incident) -> Progress:
        items = [ProgressItem(key="alert", label="Alert", state=ProgressState.WAITING)]
        if self._outside.source is not None:
            items.append(ProgressItem(key="target", label="Which workload", state=ProgressState.WAITING))
        return Progress(headline=f"Looking into: {incident.title}", items=tuple(items))

    async def gather(self, incident_id: str, run: int) -> bool:
        """Find the target and gather evidence. False when a person was asked which workload it is about."""
        incident = await self._threads.reload(incident_id)
        checklist = await self._checklist(incident, run)
        incident, alert_evidence = await self._alert_evidence.look(incident, checklist)
        runbook = self._runbooks.match(incident, await self._alerts(incident_id))
        source = self._outside.source
        gathered = Gathered()
        if source is not None:
            resolution = await self._resolve(source, incident, checklist)
            if resolution.target is not None and resolution.target != incident.target:
                incident = incident.model_copy(update={"target": resolution.target})
            elif resolution.target is None and resolution.candidates and runbook is None:
                await self._ask(incident, run, resolution, checklist)
                return False
            if incident.target is not None:
                gathered = await source.gather(incident, checklist.report)
        await checklist.settle()
        evidence = (*alert_evidence, *gathered.evidence)
        async with self._core.transaction() as session:
            await incident_store.update(session, incident.id, target=incident.target)
            await incident_store.save_evidence(session, incident_id, run, evidence)
            await incident_store.save_analysis(
                session,
                incident_id,
                run,
                at=self._core.now(),
                diagnosis=gathered.diagnosis,
                progress=checklist.progress,
            )
            await self._core.record(
                session,
                _event(
                    EventKind.EVIDENCE_GATHER,
                    incident_id,
                    EvidenceBody(
                        run=run,
                        target=str(incident.target) if incident.target else None,
                        evidence={e.id: SeenBody(source=e.source, status=e.status) for e in evidence},
                        findings=tuple(
                            f"{f.key} {f.entity}" for f in (gathered.diagnosis.findings if gathered.diagnosis else ())
                        ),
                    ),
                ),
            )
        return True

    async def _resolve(self, source: EvidenceSource, incident: Incident, checklist: Checklist) -> Resolution:
        if incident.target is not None:
            resolution = Resolution(target=incident.target, reason="named")
        else:
            started = time.perf_counter()
            checklist.report(ProgressItem(key="target", label="Which workload", state=ProgressState.RUNNING))
            try:
                resolution = await source.resolve(incident)
            except VendorError as error:
                checklist.report(progress_item("target", "Which workload", ProgressState.ERROR, error.message, started))
                return Resolution(reason=error.message)
            state = ProgressState.OK if resolution.target else ProgressState.NO_DATA
            detail = str(resolution.target) if resolution.target else resolution.reason
            checklist.report(progress_item("target", "Which workload", state, detail, started))
            return resolution
        checklist.report(
            ProgressItem(key="target", label="Which workload", state=ProgressState.OK, detail=str(resolution.target))
        )
        return resolution

    async def _ask(self, incident: Incident, run: int, resolution: Resolution, checklist: Checklist) -> None:
        await checklist.settle()
        message = await self._threads.posted(_progress_key(incident.id, run))
        if message is not None:
            await self._outside.messenger.ask_target(incident, message, resolution.candidates, resolution.reason)
        async with self._core.transaction() as session:
            if await incident_store.end_triage(session, incident.id, run, TriageState.WAITING):
                await self._core.record(
                    session,
                    _event(
                        EventKind.TARGET_ASK,
                        incident.id,
                        QuestionBody(run=run, candidates=tuple(str(c) for c in resolution.candidates)),
                    ),
                )

    async def analyse(self, incident_id: str, run: int) -> None:
        """Write the analysis: by the rules or a runbook at once, then by Claude where there is one."""
        incident = await self._threads.reload(incident_id)
        checklist = await self._checklist(incident, run)
        alerts = await self._alerts(incident_id)
        async with self._core.reading() as session:
            evidence = await incident_store.load_evidence(session, incident_id, run)
            diagnosis, _, _ = await incident_store.load_analysis(session, incident_id, run)
        duration = sum(e.duration_ms for e in evidence)
        started = time.perf_counter()
        runbook = self._runbooks.match(incident, alerts)
        if runbook is not None and not (diagnosis and diagnosis.findings):
            rules = self._runbooks.analysis(runbook, incident, alerts)
        else:
            wall = max((e.duration_ms for e in evidence), default=duration)
            rules = write_analysis(
                incident, diagnosis, evidence, duration_ms=wall + (time.perf_counter() - started) * 1000
            )
        analysis = rules
        if self._outside.analyst is not None:
            brief = Brief(
                incident=incident,
                alerts=alerts,
                evidence=tuple(evidence),
                diagnosis=diagnosis,
                runbook=runbook.name if runbook else None,
                rules=rules,
                actions=self._proposing.offered(),
            )
            gathered = Gathered(evidence=tuple(evidence), diagnosis=diagnosis)
            analysis = await self._ask_analyst(self._outside.analyst, brief, gathered, checklist)
        await checklist.settle()
        async with self._core.transaction() as session:
            await incident_store.save_analysis(
                session, incident_id, run, at=self._core.now(), analysis=analysis, progress=checklist.progress
            )
            await self._core.record(
                session,
                _event(
                    EventKind.ANALYSIS_WRITE,
                    incident_id,
                    AnalysisBody(
                        run=run,
                        headline=analysis.headline,
                        confidence=analysis.confidence,
                        provenance=analysis.provenance,
                    ),
                ),
            )

    async def _ask_analyst(self, analyst: Analyst, brief: Brief, gathered: Gathered, checklist: Checklist) -> Analysis:
        """Return Claude's analysis, or the rules' with a visible note on why it is missing."""
        checklist.headline(f"The rules say: {brief.rules.headline}. {analyst.name} is looking closer.")
        source = self._outside.source
        tools = source.tools(brief.incident, gathered) if source is not None and brief.incident.target else ()
        try:
            return await analyst.analyse(brief, tools, checklist.report)
        except VendorError as error:
            logger.warning("analyst_failed", incident=brief.incident.id, error=error.message)
            note = redact(error.message)
        except Exception:
            # Whatever is wrong with a model or its answer, the rules' analysis is there and is shown.
            error_id = new_error_id()
            logger.exception("analyst_failed", incident=brief.incident.id, error_id=error_id)
            note = f"{analyst.name} failed because of an error ({error_id})."
        provenance = brief.rules.provenance.model_copy(update={"note": note})
        return brief.rules.model_copy(update={"provenance": provenance})

    async def publish(self, incident_id: str, run: int) -> None:
        """Store the proposals and show the analysis with them."""
        incident = await self._threads.reload(incident_id)
        async with self._core.reading() as session:
            _, analysis, progress = await incident_store.load_analysis(session, incident_id, run)
        if analysis is None:
            raise RuntimeError(f"run {run} of {incident_id} has no analysis to publish")
        analysis, proposals = await self._proposing.propose(incident, run, analysis)
        message = await self._threads.posted(_progress_key(incident_id, run))
        if message is not None:
            await self._outside.messenger.show_analysis(
                incident, message, analysis, len(proposals), progress or Progress(headline="")
            )
        for proposal in proposals:
            await self._proposing.post_card(incident, proposal)
        async with self._core.transaction() as session:
            await incident_store.save_analysis(session, incident_id, run, at=self._core.now(), analysis=analysis)
            if await incident_store.end_triage(session, incident_id, run, TriageState.DONE):
                await self._core.record(
                    session,
                    _event(
                        EventKind.ANALYSIS_PUBLISH,
                        incident_id,
                        PublishedBody(run=run, proposals=tuple(p.id for p in proposals)),
                    ),
                )

    async def fail(self, incident_id: str, run: int, error_id: str) -> None:
        """Say in the thread that the investigation stopped."""
        async with self._core.transaction() as session:
            if await incident_store.end_triage(session, incident_id, run, TriageState.FAILED):
                await self._core.record(
                    session,
                    _event(EventKind.INVESTIGATION_FAIL, incident_id, InvestigationBody(run=run, error_id=error_id)),
                )
        incident = await self._threads.reload(incident_id)
        key = f"{incident_id}:{run}:failed"
        text = f"The investigation stopped because of an error ({error_id}). Start it again with *Investigate again*."
        if incident.thread is not None:
            await self._threads.post_once(
                incident, key, lambda: self._outside.messenger.post_notice(incident, text, key)
            )

    async def _checklist(self, incident: Incident, run: int) -> Checklist:
        async with self._core.reading() as session:
            _, _, progress = await incident_store.load_analysis(session, incident.id, run)
        message = await self._threads.posted(_progress_key(incident.id, run))
        first = progress or self._first_progress(incident)
        return Checklist(self._outside.messenger, self._tasks, incident, message, first)

    async def _alerts(self, incident_id: str) -> tuple[Alert, ...]:
        async with self._core.reading() as session:
            return tuple(await incident_store.alerts(session, incident_id))


def _progress_key(incident_id: str, run: int) -> str:
    return f"{incident_id}:{run}:progress"


def _event(kind: EventKind, incident_id: str, body: Body) -> Event:
    return Event(kind=kind, actor=BOT, incident_id=incident_id, body=body)
