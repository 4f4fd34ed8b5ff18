"""The cluster as a source of evidence: finds the workload, looks at it and around it, and judges what it sees."""

import asyncio
import json
from collections.abc import Callable, Collection, Iterable
from datetime import datetime
from typing import Any

import structlog

from bot import clock
from bot.domain.entity import CLUSTER_SCOPED, ObjectRef
from bot.domain.evidence import Evidence, EvidenceStatus, ProgressItem, ProgressState
from bot.domain.finding import Diagnosis
from bot.domain.incident import Incident
from bot.errors import AuthenticationFailed, NotFound
from bot.ports.evidence import EvidenceTool, Gathered, ReportProgress, Resolution
from bot.settings import KubernetesSettings
from integrations.kubernetes.client import KubernetesClient
from integrations.kubernetes.diagnosis.alerts import expect
from integrations.kubernetes.diagnosis.causality import related_to
from integrations.kubernetes.diagnosis.engine import diagnose
from integrations.kubernetes.diagnosis.graph import Graph
from integrations.kubernetes.diagnosis.objects import entity
from integrations.kubernetes.logs import clean, is_error
from integrations.kubernetes.reading import CHECKLIST, LOGS, ClusterReader, Outcome, SourceSpec
from integrations.kubernetes.resolve import by_name, by_reference, clues_of, parse_mapping
from integrations.kubernetes.snapshot import LogKey, Object, Snapshot, SnapshotBuilder, event_time, redact_object
from integrations.kubernetes.tools import build_tools

logger = structlog.get_logger(__name__)

_PAYLOAD_BYTES = 48_000
_NAMED_KINDS = ("Deployment", "StatefulSet", "DaemonSet", "CronJob", "Job", "Service")


class KubernetesEvidence:
    """Implements `EvidenceSource` over one cluster."""

    name = "kubernetes"

    def __init__(
        self, client: KubernetesClient, settings: KubernetesSettings, now: Callable[[], datetime] = clock.now
    ) -> None:
        """Use `client`, which the caller opens and closes."""
        self._client = client
        self._settings = settings
        self._now = now
        self._reader = ClusterReader(client, source_timeout_seconds=settings.source_timeout_seconds)

    async def resolve(self, incident: Incident) -> Resolution:
        """See `EvidenceSource.resolve`."""
        clues = clues_of(incident)
        try:
            mapped = parse_mapping(incident.service, self._settings.service_workloads)
        except ValueError as error:
            return Resolution(reason=f"SERVICE_WORKLOADS names no object for {incident.service!r}: {error}.")
        namespace = clues.namespace or self._settings.namespace
        if clues.named is not None and clues.named.kind == "Node" and await self._exists(clues.named):
            return Resolution(target=clues.named, candidates=(clues.named,), reason="The alert is about this node.")
        if mapped is not None and not clues.refs:
            return Resolution(target=mapped, candidates=(mapped,), reason="SERVICE_WORKLOADS says so.")
        graph = await self._names(namespace, {kind for kind, _ in clues.refs})
        if (found := by_reference(graph, clues, namespace)) is not None:
            return Resolution(target=found, candidates=(found,), reason="The alert's labels name it.")
        if mapped is not None:
            return Resolution(target=mapped, candidates=(mapped,), reason="SERVICE_WORKLOADS says so.")
        resolution = by_name(graph, clues, [namespace])
        if resolution.target is None and clues.namespace is None:
            try:
                wider = by_name(await self._names(None), clues, None)
            except AuthenticationFailed:  # the bot may look into its own namespace only
                return resolution
            return wider if wider.target is not None or not resolution.candidates else resolution
        return resolution

    async def _exists(self, ref: ObjectRef) -> bool:
        try:
            await self._client.get(ref)
        except (AuthenticationFailed, NotFound):
            return False
        return True

    async def _names(self, namespace: str | None, referred: Collection[str] = ()) -> Graph:
        """List what can have a name, and what labels refer to; a pod needs its ReplicaSet to find its owner."""
        builder = SnapshotBuilder(self._now())
        kinds = {*_NAMED_KINDS, *referred, *(("ReplicaSet",) if "Pod" in referred else ())}
        for found in await asyncio.gather(*(self._client.list(kind, namespace) for kind in sorted(kinds))):
            builder.add(found)
        return Graph(builder.build())

    async def gather(self, incident: Incident, report: ReportProgress) -> Gathered:
        """See `EvidenceSource.gather`."""
        target = incident.target
        if target is None:
            missing = "Nobody has said yet which workload this is about."
            evidence = self._evidence(0, CHECKLIST[0], EvidenceStatus.NO_DATA, missing, 0.0)
            return Gathered(evidence=(evidence,))
        for spec in CHECKLIST:
            report(ProgressItem(key=_key(spec), label=spec.label, state=ProgressState.WAITING))

        def progress(spec: SourceSpec, outcome: Outcome | None) -> None:
            report(_progress(spec, outcome))

        namespace = target.namespace or incident.labels.get("namespace") or self._settings.namespace
        place: str | None = target.name if target.kind == "Namespace" else namespace
        if target.kind in CLUSTER_SCOPED - {"Namespace"}:
            place = None  # what runs on a node lives in any namespace
        try:
            snapshot, outcomes = await self._reader.read(place, self._now(), progress, target)
            return await asyncio.to_thread(self._judge, snapshot, outcomes, target, clues_of(incident).families)
        except Exception:  # the port promises an answer; what went wrong is in the log and in the evidence
            logger.exception("gathering_failed", incident=incident.id, target=str(target))
            detail = "The cluster could not be judged because of a defect of ours, see the log."
            return Gathered(evidence=(self._evidence(0, CHECKLIST[0], EvidenceStatus.ERROR, detail, 0.0),))

    def _judge(
        self, snapshot: Snapshot, outcomes: list[Outcome], target: ObjectRef, families: tuple[str, ...]
    ) -> Gathered:
        diagnosis = expect(diagnose(snapshot, target), families)
        scope = _Scope(snapshot, target, diagnosis)
        evidence = [
            self._evidence(
                position,
                outcome.source,
                outcome.status,
                scope.detail(outcome),
                outcome.duration_ms,
                scope.quotes(outcome.source),
                scope.payload(outcome),
            )
            for position, outcome in enumerate(outcomes)
        ]
        return Gathered(evidence=tuple(evidence), diagnosis=diagnosis)

    def _evidence(
        self,
        position: int,
        spec: SourceSpec,
        status: EvidenceStatus,
        detail: str,
        duration_ms: float,
        quotes: tuple[str, ...] = (),
        payload: Any = None,
    ) -> Evidence:
        return Evidence(
            id=f"E{position + 1}",
            source=_key(spec),
            label=spec.label,
            status=status,
            detail=detail,
            quotes=quotes,
            payload=payload,
            gathered_at=self._now(),
            duration_ms=duration_ms,
        )

    def tools(self, incident: Incident, gathered: Gathered) -> tuple[EvidenceTool, ...]:
        """See `EvidenceSource.tools`."""
        target = incident.target
        namespace = (target.namespace if target else None) or incident.labels.get("namespace")
        return build_tools(self._client, namespace or self._settings.namespace, gathered)


def _key(spec: SourceSpec) -> str:
    return f"kubernetes.{spec.key}"


def _progress(spec: SourceSpec, outcome: Outcome | None) -> ProgressItem:
    if outcome is None:
        return ProgressItem(key=_key(spec), label=spec.label, state=ProgressState.RUNNING)
    return ProgressItem(
        key=_key(spec),
        label=spec.label,
        state=ProgressState(outcome.status.value),
        detail=outcome.detail[:160],
        duration_ms=outcome.duration_ms,
    )


class _Scope:
    """What of a namespace belongs to the target: only that is kept as evidence."""

    def __init__(self, snapshot: Snapshot, target: ObjectRef, diagnosis: Diagnosis) -> None:
        self.snapshot = snapshot
        graph = Graph(snapshot)
        near = related_to(graph, str(target)) | {finding.entity for finding in diagnosis.findings}
        near |= {citation.entity for finding in diagnosis.findings for citation in finding.evidence}
        self._near = near
        self._graph = graph
        self._cited = [citation for finding in diagnosis.findings for citation in finding.evidence]

    def belongs(self, item: Object) -> bool:
        kind = item.get("kind")
        if kind == "Event":
            about = item.get("involvedObject") or {}
            found = self.snapshot.get(str(about.get("kind")), str(about.get("namespace")), str(about.get("name")))
            if found is not None:
                return self._graph.entity_of(found) in self._near
            place = f"{about.get('kind')}/{about.get('namespace')}/{about.get('name')}"
            return place in self._near or entity(item) in self._near
        if kind in {"ConfigMap", "ResourceQuota", "LimitRange"}:
            return True
        if kind == "PodMetrics":
            metadata = item.get("metadata") or {}
            pod = self.snapshot.get("Pod", metadata.get("namespace"), str(metadata.get("name")))
            return pod is not None and self.belongs(pod)
        return self._graph.entity_of(item) in self._near or entity(item) in self._near

    def detail(self, outcome: Outcome) -> str:
        """Return one sentence: what was seen of the target, or what went wrong."""
        if outcome.status is not EvidenceStatus.OK or outcome.source is LOGS:
            return outcome.detail
        own = sum(1 for item in outcome.objects if self.belongs(item))
        return f"{outcome.detail} in the namespace, {own} around the target"

    def quotes(self, spec: SourceSpec) -> tuple[str, ...]:
        """Return the lines worth showing: what findings cite, else the latest warnings or errors."""
        if spec is LOGS:
            cited = [clean(str(c.value)) for c in self._cited if c.kind == "log"]
            return tuple(dict.fromkeys(cited))[:5] or self._error_lines()
        if spec.key == "events":
            warnings = [e for e in self.snapshot.events if e.get("type") == "Warning" and self.belongs(e)]
            texts = [f"{event_time(e)} {e.get('reason')}: {e.get('message')}"[:300] for e in reversed(warnings)]
            return tuple(dict.fromkeys(texts))[:5]
        return ()

    def _error_lines(self) -> tuple[str, ...]:
        found: list[str] = []
        for key in sorted(self.snapshot.logs):
            if self._log_belongs(key):
                found += [text for line in self.snapshot.logs[key] if is_error(text := clean(line))]
        return tuple(dict.fromkeys(found))[-3:]

    def _log_belongs(self, key: LogKey) -> bool:
        pod = self.snapshot.get("Pod", key[0], key[1])
        return pod is not None and self.belongs(pod)

    def payload(self, outcome: Outcome) -> Any:
        """Return the raw JSON of what belongs to the target, redacted and bounded."""
        if outcome.source is LOGS:
            logs = sorted(key for key in self.snapshot.logs if self._log_belongs(key))
            return _bounded(
                {
                    "pod": key[1],
                    "container": key[2],
                    "previous": key[3],
                    "lines": list(self.snapshot.logs[key][-120:]),
                }
                for key in logs
            )
        return _bounded(redact_object(item) for item in outcome.objects if self.belongs(item))


def _bounded(items: Iterable[Any]) -> dict[str, Any] | None:
    """Return as many items as fit, and how many were left out."""
    kept: list[Any] = []
    size, omitted = 0, 0
    for item in items:
        length = len(json.dumps(item, default=str))
        if size + length > _PAYLOAD_BYTES and kept:
            omitted += 1
            continue
        kept.append(item)
        size += length
    if not kept:
        return None
    return {"items": kept, "omitted": omitted}
