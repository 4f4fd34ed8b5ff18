"""Reading a cluster into a snapshot: concurrent, each source with its own deadline, in two dependent waves.

What to read in the second wave (logs, ConfigMaps, nodes) is known only from the first one's pods.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import structlog

from bot.domain.entity import ObjectRef
from bot.domain.evidence import EvidenceStatus
from bot.errors import InvalidInput, NotFound, OncallError
from integrations.kubernetes.client import KubernetesClient
from integrations.kubernetes.diagnosis.containers import ContainerView, containers
from integrations.kubernetes.diagnosis.findings import is_ready
from integrations.kubernetes.diagnosis.graph import Graph
from integrations.kubernetes.diagnosis.objects import name_of, namespace_of, spec_of, status_of, template_of
from integrations.kubernetes.snapshot import LogKey, Object, Snapshot, SnapshotBuilder, key_of

logger = structlog.get_logger(__name__)

_MAX_LOGS = 24
_MAX_CONFIG_MAPS = 40
_NOT_EVERYWHERE = frozenset(
    {"PodMetrics", "NodeMetrics", "Ingress", "IngressClass", "EndpointSlice", "HorizontalPodAutoscaler", "CronJob"}
    | {"NetworkPolicy", "PodDisruptionBudget", "StorageClass"}
    | {"ValidatingWebhookConfiguration", "MutatingWebhookConfiguration"}
)
"""Kinds that old or small clusters do not serve: there are none, and that is no failure."""


@dataclass(frozen=True, slots=True)
class SourceSpec:
    """One line of the checklist and the kinds that are read for it."""

    key: str
    label: str
    kinds: tuple[str, ...]


FIRST_WAVE = (
    SourceSpec("workload", "Workload", ("Deployment", "StatefulSet", "DaemonSet", "Job", "CronJob")),
    SourceSpec("pods", "Pods", ("Pod",)),
    SourceSpec("events", "Events", ("Event",)),
    SourceSpec("rollout", "Rollout history", ("ReplicaSet",)),
    SourceSpec("services", "Services", ("Service", "EndpointSlice", "Ingress")),
    SourceSpec("limits", "Autoscaler and quota", ("HorizontalPodAutoscaler", "ResourceQuota", "LimitRange")),
    SourceSpec("storage", "Storage", ("PersistentVolumeClaim",)),
    SourceSpec("metrics", "Pod metrics", ("PodMetrics",)),
)
LOGS = SourceSpec("logs", "Logs", ())
CONFIGURATION = SourceSpec("configuration", "Configuration", ("ConfigMap",))
NODES = SourceSpec("nodes", "Nodes", ("Node",))
WHOLE = (
    SourceSpec("policies", "Policies", ("NetworkPolicy", "PodDisruptionBudget", "ServiceAccount")),
    SourceSpec("webhooks", "Admission webhooks", ("ValidatingWebhookConfiguration", "MutatingWebhookConfiguration")),
    SourceSpec("cluster", "Cluster", ("Namespace", "PersistentVolume", "StorageClass", "IngressClass", "NodeMetrics")),
)
"""What is read besides when a namespace or a cluster is looked at as a whole."""
CHECKLIST = (*FIRST_WAVE, LOGS, CONFIGURATION, NODES)


@dataclass(frozen=True, slots=True)
class Outcome:
    """How reading one source went. `duration_ms` is wall-clock time."""

    source: SourceSpec
    status: EvidenceStatus
    detail: str
    objects: tuple[Object, ...] = ()
    logs: dict[LogKey, str] = field(default_factory=dict)
    duration_ms: float = 0.0


Report = Callable[[SourceSpec, Outcome | None], None]
"""Called with None when a source starts, and with its outcome when it is done."""


class ClusterReader:
    """Reads one namespace, or with `namespace` None all of them."""

    def __init__(self, client: KubernetesClient, *, source_timeout_seconds: float) -> None:
        self._client = client
        self._timeout = source_timeout_seconds

    async def read(
        self,
        namespace: str | None,
        taken_at: datetime,
        report: Report,
        focus: ObjectRef | None = None,
        *,
        whole: bool = False,
    ) -> tuple[Snapshot, list[Outcome]]:
        """Return what could be read and how each source went, in the checklist's order. Never raises OncallError.

        With `whole` also what only a look at the whole needs: policies, all nodes, volumes, every ConfigMap.
        """
        builder = SnapshotBuilder(taken_at)
        first = await asyncio.gather(
            *(
                self._source(spec, self._lister(spec.kinds, namespace), report)
                for spec in (*FIRST_WAVE, *(WHOLE if whole else ()))
            )
        )
        _add(builder, first)
        graph = Graph(builder.build())
        second = await asyncio.gather(
            self._source(LOGS, lambda: self._logs(graph, focus), report),
            self._source(CONFIGURATION, lambda: self._config_maps(graph, namespace, whole=whole), report),
            self._source(NODES, lambda: self._nodes(graph, whole=whole or namespace is None), report),
        )
        _add(builder, second)
        outcomes = [*first, *second]
        for outcome in outcomes:
            builder.add_source(outcome.source.label, outcome.status.value, outcome.detail)
        return builder.build(), outcomes

    async def _source(self, spec: SourceSpec, read: Callable[[], Awaitable["_Read"]], report: Report) -> Outcome:
        report(spec, None)
        started = time.perf_counter()
        outcome = await self._attempt(spec, read)
        elapsed = (time.perf_counter() - started) * 1000
        finished = Outcome(spec, outcome.status, outcome.detail, outcome.objects, outcome.logs, elapsed)
        report(spec, finished)
        return finished

    async def _attempt(self, spec: SourceSpec, read: Callable[[], Awaitable["_Read"]]) -> Outcome:
        try:
            async with asyncio.timeout(self._timeout):
                found = await read()
        except TimeoutError:
            return Outcome(spec, EvidenceStatus.ERROR, f"no answer within {self._timeout:g} s")
        except OncallError as error:
            return Outcome(spec, EvidenceStatus.ERROR, error.message)
        except Exception:  # one source's defect must not cost the others; it is logged with its traceback
            logger.exception("evidence_source_failed", source=spec.key)
            return Outcome(spec, EvidenceStatus.ERROR, "reading failed unexpectedly, see the log")
        if found.errors:
            return Outcome(spec, EvidenceStatus.ERROR, found.errors[0].message, tuple(found.objects), found.logs)
        if not found.objects and not found.logs:
            return Outcome(spec, EvidenceStatus.NO_DATA, "nothing there")
        return Outcome(spec, EvidenceStatus.OK, found.describe(), tuple(found.objects), found.logs)

    def _lister(self, kinds: Sequence[str], namespace: str | None) -> Callable[[], Awaitable["_Read"]]:
        async def read() -> _Read:
            return await _collect(self._list(kind, namespace) for kind in kinds)

        return read

    async def _list(self, kind: str, namespace: str | None) -> list[Object]:
        try:
            return await self._client.list(kind, namespace)
        except NotFound:
            if kind in _NOT_EVERYWHERE:
                return []
            raise

    async def _config_maps(self, graph: Graph, namespace: str | None, *, whole: bool) -> "_Read":
        """Read the ConfigMaps that pods refer to, by name; in all namespaces at once a list is cheaper."""
        wanted = sorted({(namespace_of(item), name) for item in _templated(graph) for name in _config_map_names(item)})
        if whole or namespace is None or len(wanted) > _MAX_CONFIG_MAPS:
            return await _collect([self._client.list("ConfigMap", namespace)])
        refs = [ObjectRef(kind="ConfigMap", namespace=place, name=name) for place, name in wanted]
        found = await _collect(self._get(ref) for ref in refs)
        found.errors = [error for error in found.errors if not isinstance(error, NotFound)]  # absence is a finding
        return found

    async def _nodes(self, graph: Graph, *, whole: bool) -> "_Read":
        """Read the nodes that pods run on; all of them when a pod finds none."""
        names = sorted({str(spec_of(pod).get("nodeName")) for pod in graph.pods if spec_of(pod).get("nodeName")})
        pending = any(
            not spec_of(pod).get("nodeName") and status_of(pod).get("phase") == "Pending" for pod in graph.pods
        )
        if whole or pending or len(names) > 20:
            return await _collect([self._client.list("Node")])
        return await _collect(self._get(ObjectRef(kind="Node", name=name)) for name in names)

    async def _get(self, ref: ObjectRef) -> list[Object]:
        return [await self._client.get(ref)]

    async def _logs(self, graph: Graph, focus: ObjectRef | None) -> "_Read":
        chosen = _containers_to_read(graph, focus)

        async def read(key: LogKey) -> tuple[LogKey, str]:
            namespace, pod, container, previous = key
            try:
                return key, await self._client.logs(namespace, pod, container, previous=previous)
            except (InvalidInput, NotFound):  # not started yet, or gone meanwhile: there is no such log
                return key, ""

        found = _Read()
        for answer in await asyncio.gather(*(read(key) for key in chosen), return_exceptions=True):
            if isinstance(answer, OncallError):
                found.errors.append(answer)
            elif isinstance(answer, BaseException):
                raise answer
            elif answer[1].strip():
                found.logs[answer[0]] = answer[1]
        return found


@dataclass(slots=True)
class _Read:
    objects: list[Object] = field(default_factory=list)
    logs: dict[LogKey, str] = field(default_factory=dict)
    errors: list[OncallError] = field(default_factory=list)

    def describe(self) -> str:
        if self.logs:
            return f"{len(self.logs)} logs"
        counts: dict[str, int] = {}
        for item in self.objects:
            counts[str(item.get("kind"))] = counts.get(str(item.get("kind")), 0) + 1
        return ", ".join(f"{count} {_plural(kind, count)}" for kind, count in sorted(counts.items()))


def _plural(kind: str, count: int) -> str:
    if count == 1 or kind.endswith("Metrics"):
        return kind
    return f"{kind[:-1]}ies" if kind.endswith("y") else f"{kind}s"


async def _collect(calls: Any) -> _Read:
    """Run reads together; those that fail do not cost the others."""
    found = _Read()
    for answer in await asyncio.gather(*calls, return_exceptions=True):
        if isinstance(answer, OncallError):
            found.errors.append(answer)
        elif isinstance(answer, BaseException):
            raise answer
        else:
            found.objects += answer
    return found


def _add(builder: SnapshotBuilder, outcomes: Sequence[Outcome]) -> None:
    for outcome in outcomes:
        for item in outcome.objects:
            try:
                builder.add((item,))
            except ValueError as error:  # one damaged object must not cost the others
                logger.warning("object_not_readable", source=outcome.source.key, error=str(error))
        for key, text in outcome.logs.items():
            builder.add_log(key, text)


def _templated(graph: Graph) -> list[Object]:
    return [*graph.workloads, *graph.pods, *graph.all("ReplicaSet")]


def _config_map_names(item: Object) -> set[str]:
    """Return the ConfigMaps that a pod or template refers to."""
    spec = template_of(item).get("spec") or {}
    names: set[str] = set()
    for volume in spec.get("volumes") or ():
        names.add(str((volume.get("configMap") or {}).get("name") or ""))
        for source in (volume.get("projected") or {}).get("sources") or ():
            names.add(str((source.get("configMap") or {}).get("name") or ""))
    for container in (*(spec.get("containers") or ()), *(spec.get("initContainers") or ())):
        for source in container.get("envFrom") or ():
            names.add(str((source.get("configMapRef") or {}).get("name") or ""))
        for entry in container.get("env") or ():
            reference = (entry.get("valueFrom") or {}).get("configMapKeyRef") or {}
            names.add(str(reference.get("name") or ""))
    return names - {"", "kube-root-ca.crt"}


def _containers_to_read(graph: Graph, focus: ObjectRef | None) -> list[LogKey]:
    """Return whose logs to read: failing containers, the focus's first, and one healthy container beside them."""
    about = (focus.kind, focus.namespace or "", focus.name) if focus else None
    failing: list[ContainerView] = []
    healthy: list[ContainerView] = []
    seen: dict[tuple[str, str], int] = {}
    for view in containers(graph):
        failed = view.crashes or (view.running and not view.status.get("ready") and not view.init) or view.restarts > 0
        if failed:
            place = (view.entity, view.name)
            seen[place] = seen.get(place, 0) + 1
            if seen[place] <= 3:
                failing.append(view)
        elif about and view.owner == about and view.running and is_ready(view.pod) and not healthy:
            healthy.append(view)
    failing.sort(key=lambda view: (view.owner != about, not view.crashes, key_of(view.pod), view.name))
    keys: list[LogKey] = []
    for view in [*failing, *healthy]:
        place_of_log = (namespace_of(view.pod), name_of(view.pod), view.name)
        ended = "terminated" in (view.status.get("state") or {})
        # What has ended may have been started anew since it was listed: then its log is the previous one by now.
        if view.restarts > 0 or ended:
            keys.append((*place_of_log, True))
        if view.running or ended:
            keys.append((*place_of_log, False))
    return keys[:_MAX_LOGS]
