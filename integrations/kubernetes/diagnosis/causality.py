"""Which finding explains which: symptoms are folded under what caused them, along owners, selectors and addresses."""

import re

from bot.domain.finding import Finding, SuggestedAction
from integrations.kubernetes.diagnosis.addresses import service_at
from integrations.kubernetes.diagnosis.config import mounted_claims
from integrations.kubernetes.diagnosis.graph import Graph
from integrations.kubernetes.diagnosis.keys import SYMPTOMS
from integrations.kubernetes.diagnosis.objects import (
    entity,
    labels_of,
    name_of,
    namespace_of,
    selector_matches,
    spec_of,
    template_of,
)
from integrations.kubernetes.diagnosis.peers import host_in
from integrations.kubernetes.snapshot import Object

_CLIENT = "crash.dependency_refused"
_TRACEABLE = frozenset({"crash.app_exception", "crash.liveness_kill", "crash.clean_exit"})
_WAITS = frozenset({"app.dependency_timeout", "net.delay", "net.loss"})
_OF_A_ROLLOUT = frozenset({"rollout.bad_revision", "rollout.deadline"})
_MISCONFIGURED = frozenset({"probe.readiness"})
_PROVEN = 0.85
_DEPTH = {
    _CLIENT: 0, "init.failing": 1, "init.hung": 1, "probe.readiness": 1, "pvc.pending": 1, "sts.stuck": 2,
    "ds.not_scheduled": 2, "job.failed": 2, "dns.unavailable": 3, "rollout.deadline": 3, "rollout.bad_revision": 3,
    "cron.failing": 3, "svc.not_ready": 4, "app.dependency_timeout": 5, "net.delay": 5, "net.loss": 5,
    "sched.no_scheduler": 2,
}  # fmt: skip
"""How near a symptom is to its cause: of two, the nearer one is told first and the other one folded."""


def explain(graph: Graph, findings: list[Finding]) -> list[Finding]:
    """Return the findings with symptoms marked and with what each root explains."""
    by_entity: dict[str, list[int]] = {}
    claimed: dict[str, list[int]] = {}  # by what analyzers traced to a finding themselves
    claims: dict[str, list[Finding]] = {}
    for position, found in enumerate(findings):
        by_entity.setdefault(found.entity, []).append(position)
        for about in found.explains:
            claimed.setdefault(about, []).append(position)
            claims.setdefault(about, []).append(found)
    causes: dict[int, int] = {}
    crowded = _crowded(findings)
    for position, found in enumerate(findings):
        if not _is_symptom(found, claims):
            continue
        places = _places(graph, found)
        candidates = [other for other in claimed.get(found.entity, ()) if findings[other] is not found]
        candidates += [
            other for place in places for other in by_entity.get(place, ()) if _may_explain(findings[other], found)
        ]
        if found.key in _WAITS:
            candidates += [other for place in places for other in crowded.get(place, ())]
        if candidates:
            causes[position] = min(candidates, key=lambda other: (findings[other].key in SYMPTOMS, other))
    explained: dict[int, set[str]] = {}
    remedies: dict[int, list[SuggestedAction]] = {}
    for position in causes:
        root, symptom = _root_of(position, causes), findings[position]
        explained.setdefault(root, set()).update({symptom.entity, *symptom.explains})
        if symptom.key in _OF_A_ROLLOUT and symptom.entity == findings[root].entity:
            remedies.setdefault(root, []).extend(symptom.actions)
    return [
        found.model_copy(
            update={
                "root": position not in causes,
                "actions": _with_remedies(found, remedies.get(position, [])),
                "explains": tuple(sorted({*found.explains, *explained.get(position, ())} - {found.entity})),
            }
        )
        for position, found in enumerate(findings)
    ]


def _crowded(findings: list[Finding]) -> dict[str, list[int]]:
    """Return, by node, the findings about a workload that takes all of the node: others there wait for it."""
    index: dict[str, list[int]] = {}
    for position, found in enumerate(findings):
        for citation in found.evidence if found.key == "cpu.overload" else ():
            name = citation.entity.partition("/")[2]
            index.setdefault(f"Node/{name}", []).append(position)
    return index


def _with_remedies(found: Finding, more: list[SuggestedAction]) -> tuple[SuggestedAction, ...]:
    """Return a finding's actions with those of its rollout that it does not offer itself."""
    known = {item.action for item in found.actions}
    return (*found.actions, *(item for item in more if item.action not in known))


def _places(graph: Graph, found: Finding) -> list[str]:
    """Return the entities of which a symptom may speak."""
    if found.key == _CLIENT:
        return _dependencies(graph, found)
    places = _neighbours(graph, found.entity)
    item = graph.object_of(found.entity)
    if item is not None and found.key == "init.hung":
        places += _awaited(graph, item)
    elif item is not None and found.key in _WAITS:
        labels = (template_of(item).get("metadata") or {}).get("labels") or {}
        places += [entity(service) for service in graph.services_of(namespace_of(item), labels)]
    if found.key == "sched.no_scheduler":
        places += [entity(pod) for pod in graph.pods_in("kube-system") if name_of(pod).startswith("kube-scheduler")]
    if found.key in _WAITS:  # what ails those who wait, or their nodes, may be all there is
        places += [place for client in found.explains for place in _neighbours(graph, client)]
    return places


def _awaited(graph: Graph, workload: Object) -> list[str]:
    """Return the Services, and what stands behind them, that the commands of init containers name."""
    names = graph.service_names(namespace_of(workload))
    words: set[str] = set()
    for container in (template_of(workload).get("spec") or {}).get("initContainers") or ():
        for part in (*(container.get("command") or ()), *(container.get("args") or ())):
            words |= {word.split(".")[0] for word in re.findall(r"[a-z0-9][a-z0-9.-]*", str(part))}
    services = [graph.snapshot.get("Service", namespace_of(workload), name) for name in sorted(words & names)]
    return [
        place
        for service in services
        if service is not None
        for place in (entity(service), *(entity(item) for item in backends(graph, service)))
    ]


def _is_symptom(found: Finding, claimed: dict[str, list[Finding]]) -> bool:
    """Say whether a finding gives way to a cause: by its key, or because its own cause was traced elsewhere."""
    if found.key in _MISCONFIGURED and found.confidence >= _PROVEN:
        return False
    traced = found.entity in claimed
    by_node = any(other.key.startswith("node.") for other in claimed.get(found.entity, ()))
    return found.key in SYMPTOMS or (traced and (found.key in _TRACEABLE or by_node))


def _may_explain(cause: Finding, symptom: Finding) -> bool:
    if cause is symptom:
        return False
    if symptom.key == _CLIENT:
        return cause.entity != symptom.entity
    if cause.key not in SYMPTOMS or (cause.key in _MISCONFIGURED and cause.confidence >= _PROVEN):
        return True
    if cause.entity.startswith("PersistentVolumeClaim/") and cause.entity != symptom.entity:
        return True
    return _DEPTH.get(cause.key, 9) < _DEPTH.get(symptom.key, 9)


def _root_of(position: int, causes: dict[int, int]) -> int:
    seen = {position}
    while position in causes and causes[position] not in seen:
        position = causes[position]
        seen.add(position)
    return position


def _neighbours(graph: Graph, about: str) -> list[str]:
    """Return the entities whose trouble would show at this one: itself, then what it selects, scales or runs on."""
    found = [about]
    item = graph.object_of(about)
    if item is None:
        return found
    if item.get("kind") == "Service":
        found += [entity(workload) for workload in backends(graph, item)]
        found += [graph.entity_of(pod) for pod in _selected(graph, item)]
    elif item.get("kind") == "Job":
        found.append(graph.entity_of(item))
    elif item.get("kind") == "PodDisruptionBudget":
        selected = [pod for pod in graph.pods_in(namespace_of(item)) if _is_budgeted(pod, item)]
        found += sorted({graph.entity_of(pod) for pod in selected})
    elif item.get("kind") == "HorizontalPodAutoscaler":
        target = spec_of(item).get("scaleTargetRef") or {}
        found.append(f"{target.get('kind')}/{namespace_of(item)}/{target.get('name')}")
    pods = _selected(graph, item) if item.get("kind") == "Service" else graph.pods_of(item)
    if item.get("kind") == "Pod":
        pods = [item]
    found += sorted({f"Node/{name}" for pod in pods if (name := spec_of(pod).get("nodeName"))})
    claims = {f"PersistentVolumeClaim/{namespace_of(pod)}/{name}" for pod in pods for name in mounted_claims(pod)}
    return [*found, *sorted(claims)]


def _is_budgeted(pod: Object, budget: Object) -> bool:
    return selector_matches(labels_of(pod), spec_of(budget).get("selector") or {"matchLabels": {"": ""}})


def _selected(graph: Graph, service: Object) -> list[Object]:
    return graph.pods_selected(namespace_of(service), spec_of(service).get("selector") or {})


def backends(graph: Graph, service: Object) -> list[Object]:
    """Return the workloads whose pods a Service selects, or would select if there were any."""
    return graph.workloads_selected(namespace_of(service), spec_of(service).get("selector") or {})


def _dependencies(graph: Graph, found: Finding) -> list[str]:
    """Return what the hosts in a finding's log lines stand for: the Service and the workloads behind it."""
    _, _, rest = found.entity.partition("/")
    namespace = rest.partition("/")[0]
    places: list[str] = []
    for citation in found.evidence:
        if citation.kind != "log" or not (host := host_in(str(citation.value)).partition(":")[0]):
            continue
        if (service := service_at(graph, host, namespace)) is not None:
            places += [entity(service), *(entity(workload) for workload in backends(graph, service))]
    return places


def related_to(graph: Graph, about: str) -> set[str]:
    """Return the entities whose findings belong to one object: what is in front of it, behind it and under it."""
    found = set(_neighbours(graph, about))
    item = graph.object_of(about)
    if item is None:
        return found
    owner = graph.entity_of(item) if item.get("kind") in {"Pod", "ReplicaSet"} else about
    found.add(owner)
    workloads = backends(graph, item) if item.get("kind") == "Service" else [graph.object_of(owner) or item]
    for workload in workloads:
        found |= set(_neighbours(graph, entity(workload)))
        labels = (template_of(workload).get("metadata") or {}).get("labels") or {}
        found |= {entity(service) for service in graph.services_of(namespace_of(workload), labels)}
        for scaler in graph.all("HorizontalPodAutoscaler"):
            target = spec_of(scaler).get("scaleTargetRef") or {}
            if (namespace_of(scaler), target.get("kind"), target.get("name")) == (
                namespace_of(workload),
                workload.get("kind"),
                name_of(workload),
            ):
                found.add(entity(scaler))
        for volume in (template_of(workload).get("spec") or {}).get("volumes") or ():
            if claim := (volume.get("persistentVolumeClaim") or {}).get("claimName"):
                found.add(f"PersistentVolumeClaim/{namespace_of(workload)}/{claim}")
    return found
