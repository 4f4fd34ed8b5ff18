"""What was changed before it broke: who wrote a workload or its configuration last, and how long before."""

from dataclasses import dataclass
from datetime import datetime

from bot.domain.finding import Citation, Finding
from integrations.kubernetes.diagnosis.changes import duration_text
from integrations.kubernetes.diagnosis.citations import cite_present
from integrations.kubernetes.diagnosis.graph import Graph
from integrations.kubernetes.diagnosis.objects import condition_of, entity, namespace_of, template_of
from integrations.kubernetes.snapshot import Object, parse_time

_MACHINES = ("kube-controller-manager", "kubelet", "kube-scheduler", "cluster-autoscaler", "kube-apiserver")
"""Managers that only carry out what somebody else decided."""
_RECENT_SECONDS = 6 * 3600.0
_SUDDEN_SECONDS = 900.0
WEIGHT = 0.05
"""By how much a change just before the trouble raises a finding among others of its severity."""


@dataclass(frozen=True, slots=True)
class Change:
    """The last write to an object by somebody who decides; `subresource` is "scale" for a scale."""

    item: Object
    manager: str
    time: datetime
    subresource: str
    evidence: tuple[Citation, ...]


def attach(graph: Graph, findings: list[Finding]) -> tuple[list[Finding], frozenset[int]]:
    """Return the findings with the change before them cited on roots, and the positions of those it speaks for."""
    told: list[Finding] = []
    sudden: set[int] = set()
    for position, found in enumerate(findings):
        change = last_change(graph, found.entity) if found.root else None
        age = graph.age_seconds(change.time.isoformat()) if change is not None else None
        if change is None or age is None or not 0 <= age <= _RECENT_SECONDS:
            told.append(found)
            continue
        broke = _onset(graph, found.entity)
        after = (broke - change.time).total_seconds() if broke is not None else None
        verb = "scaled" if change.subresource == "scale" else "changed"
        what = "" if entity(change.item) == found.entity else f" {entity(change.item)}"
        if after is not None and 0 <= after <= _SUDDEN_SECONDS:
            sudden.add(position)
            sentence = f" It broke {duration_text(after)} after {change.manager} {verb}{what or ' it'}."
        else:
            sentence = f" {change.manager} {verb}{what or ' it'} {duration_text(age)} before the snapshot."
        update = {"summary": found.summary + sentence, "evidence": (*found.evidence, *change.evidence)}
        told.append(found.model_copy(update=update))
    return told, frozenset(sudden)


def last_change(graph: Graph, about: str) -> Change | None:
    """Return the newest write to an object or to a ConfigMap that it uses; None when nobody recorded one."""
    item = graph.object_of(about)
    if item is None or item.get("kind") in {"Node", "Pod"}:
        return None
    candidates = [item, *_config_maps(graph, item)]
    changes = [change for candidate in candidates if (change := _newest(candidate)) is not None]
    return max(changes, key=lambda change: (change.time, entity(change.item)), default=None)


def _config_maps(graph: Graph, workload: Object) -> list[Object]:
    spec = template_of(workload).get("spec") or {}
    names = {str((volume.get("configMap") or {}).get("name")) for volume in spec.get("volumes") or ()}
    for container in spec.get("containers") or ():
        names |= {str((source.get("configMapRef") or {}).get("name")) for source in container.get("envFrom") or ()}
        for entry in container.get("env") or ():
            reference = (entry.get("valueFrom") or {}).get("configMapKeyRef") or {}
            names.add(str(reference.get("name")))
    found = (graph.snapshot.get("ConfigMap", namespace_of(workload), name) for name in sorted(names))
    return [item for item in found if item is not None]


def _newest(item: Object) -> Change | None:
    found: list[Change] = []
    for position, entry in enumerate((item.get("metadata") or {}).get("managedFields") or ()):
        manager, time = str(entry.get("manager") or ""), parse_time(entry.get("time"))
        if time is None or not manager or manager.startswith(_MACHINES) or entry.get("subresource") == "status":
            continue
        pointer = f"/metadata/managedFields/{position}"
        evidence = cite_present(item, f"{pointer}/manager", f"{pointer}/time")
        found.append(Change(item, manager, time, str(entry.get("subresource") or ""), evidence))
    return max(found, key=lambda change: (change.time, change.manager), default=None)


def _onset(graph: Graph, about: str) -> datetime | None:
    """Return since when a workload is not what it should be, as its own condition says."""
    item = graph.object_of(about)
    for wanted in ("Available", "Progressing"):
        found = condition_of(item, wanted) if item is not None else None
        if found is not None and found[1].get("status") == "False":
            return parse_time(found[1].get("lastTransitionTime"))
    times = [
        parse_time(condition.get("lastTransitionTime"))
        for pod in (graph.pods_of(item) if item is not None else ())
        for condition in ((pod.get("status") or {}).get("conditions") or ())
        if condition.get("type") == "Ready" and condition.get("status") == "False"
    ]
    return min((time for time in times if time is not None), default=None)
