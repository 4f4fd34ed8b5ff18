"""Workloads that do not run what they should, as their own objects say."""

import re
from collections.abc import Iterable, Iterator

from bot.domain.alert import Severity
from integrations.kubernetes.diagnosis.citations import cite_present
from integrations.kubernetes.diagnosis.findings import Judged, action, finding, is_gone, is_ready, is_starting
from integrations.kubernetes.diagnosis.graph import Graph
from integrations.kubernetes.diagnosis.objects import (
    condition_of,
    entity,
    labels_of,
    name_of,
    namespace_of,
    spec_of,
    status_of,
    template_of,
)
from integrations.kubernetes.snapshot import Object

_SCALED_DOWN = re.compile(r"[Ss]caled down replica ?set \S+ (?:from (?P<before>\d+) )?to 0")
_RECENT_SECONDS = 86400.0
_SLEEPERS = (
    "downscaler/", "kube-downscaler", "serving.knative.dev/", "keda.sh/", "autoscaling.keda.sh", "kube-green.",
    "snorlax", "sleepcycle", "scale-to-zero",
)  # fmt: skip
"""Prefixes of labels and annotations by which such tools mark what they scale."""
_DESIRED = "deployment.kubernetes.io/desired-replicas"


def analyze(graph: Graph) -> Iterable[Judged]:
    """Judge workloads at zero, stuck StatefulSets, DaemonSets that miss nodes."""
    for workload in graph.workloads:
        match workload.get("kind"):
            case "Deployment" | "StatefulSet" if spec_of(workload).get("replicas") == 0:
                yield from _zero_replicas(graph, workload)
            case "StatefulSet":
                yield from _stuck_ordinal(graph, workload)
            case "DaemonSet":
                yield from _missing_nodes(workload)


def _zero_replicas(graph: Graph, workload: Object) -> Iterator[Judged]:
    """Zero is only wrong where something still counts on the workload: a Service, an autoscaler, or a recent scale."""
    labels = (template_of(workload).get("metadata") or {}).get("labels") or {}
    services = [s for s in graph.services_of(namespace_of(workload), labels)
                if not _others_serve(graph, workload, s)]  # fmt: skip
    before, event = _last_size(graph, workload)
    if _sleeps_on_purpose(graph, workload):
        return
    if not services and not (event and graph.event_age(event) < 6 * 3600):
        return
    evidence = cite_present(workload, "/spec/replicas")
    evidence += tuple(c for service in services[:2] for c in cite_present(service, "/spec/selector"))
    evidence += cite_present(event, "/message") if event else ()
    who, when = _scaled_by(workload)
    age = graph.age_seconds(when)
    recent = event is not None or (age is not None and age < _RECENT_SECONDS)
    told = f"Service {name_of(services[0])} has nothing behind it" if services else "it was scaled down recently"
    replicas = before or _former_desire(graph, workload) or 1
    why = f"it ran {replicas} before" if replicas > 1 or before else "one replica at least has to serve"
    yield finding(
        "workload.zero_replicas",
        entity(workload),
        f"{workload['kind']} {name_of(workload)} is scaled to 0{f' (from {before})' if before else ''}{who}; {told}.",
        severity=Severity.CRITICAL if services and recent else Severity.WARNING,
        confidence=0.95 if services and recent else 0.6,
        evidence=evidence,
        actions=[action("scale", entity(workload), why, replicas=replicas)],
    )


def _sleeps_on_purpose(graph: Graph, workload: Object) -> bool:
    """Whether something that wakes it up again scaled it: KEDA, Knative, or a tool that stops things overnight."""
    metadata = workload.get("metadata") or {}
    notes = (*(metadata.get("labels") or {}), *(metadata.get("annotations") or {}))
    if any(note.startswith(_SLEEPERS) for note in notes):
        return True
    for scaled in graph.all("ScaledObject"):
        target = spec_of(scaled).get("scaleTargetRef") or {}
        if namespace_of(scaled) == namespace_of(workload) and target.get("name") == name_of(workload):
            return True
    return False


def _others_serve(graph: Graph, workload: Object, service: Object) -> bool:
    """Whether another workload's pods stand behind the Service, as in a blue-green deployment."""
    pods = graph.pods_selected(namespace_of(service), spec_of(service).get("selector") or {})
    return any(graph.owner_key(pod)[2] != name_of(workload) and not is_gone(pod) for pod in pods)


def _last_size(graph: Graph, workload: Object) -> tuple[int, Object | None]:
    """Return the number of replicas before the last scale to zero, with the event that says so."""
    for event in graph.events_of(workload, "ScalingReplicaSet", "SuccessfulRescale"):
        if match := _SCALED_DOWN.search(str(event.get("message") or "")):
            return int(match["before"] or 0), event
    return 0, None


def _former_desire(graph: Graph, workload: Object) -> int:
    """Return the largest number of replicas that one of its ReplicaSets was last meant to have."""
    wanted = [
        str((item.get("metadata") or {}).get("annotations", {}).get(_DESIRED, "0"))
        for item in graph.revisions(workload)
    ]
    return max((int(text) for text in wanted if text.isdigit()), default=0)


def _scaled_by(workload: Object) -> tuple[str, str]:
    """Return who last wrote the scale, as words, and when, as the API server recorded it."""
    entries = (workload.get("metadata") or {}).get("managedFields") or ()
    writers = [entry for entry in entries if entry.get("subresource") == "scale"]
    if not writers:
        return "", ""
    last = max(writers, key=lambda entry: str(entry.get("time") or ""))
    return f" by {last.get('manager')} at {last.get('time')}", str(last.get("time") or "")


def _stuck_ordinal(graph: Graph, workload: Object) -> Iterator[Judged]:
    status, desired = status_of(workload), spec_of(workload).get("replicas")
    wanted = 1 if desired is None else int(desired)
    if int(status.get("readyReplicas") or 0) >= wanted:
        return
    pods = sorted((pod for pod in graph.pods_of(workload) if not is_gone(pod)), key=_ordinal)
    stuck = next((pod for pod in pods if not is_ready(pod) and not is_starting(graph, pod)), None)
    if stuck is None or (len(pods) >= wanted and all(is_ready(pod) for pod in pods)):
        return
    waiting = wanted - len(pods)
    rest = f"; {waiting} more wait for it" if waiting > 0 else ""
    found = condition_of(stuck, "Ready")
    evidence = cite_present(workload, "/status/readyReplicas", "/spec/replicas")
    evidence += (
        cite_present(stuck, f"/status/conditions/{found[0]}/status") if found else cite_present(stuck, "/status/phase")
    )
    yield finding(
        "sts.stuck",
        entity(workload),
        f"Pod {name_of(stuck)} of StatefulSet {name_of(workload)} is not ready{rest}.",
        severity=Severity.HIGH,
        confidence=0.7,
        evidence=evidence,
        person_decides=f"Mend {name_of(stuck)} first.",
    )


def _ordinal(pod: Object) -> tuple[int, str]:
    tail = name_of(pod).rpartition("-")[2]
    return (int(tail) if tail.isdigit() else 0), name_of(pod)


def _missing_nodes(workload: Object) -> Iterator[Judged]:
    status = status_of(workload)
    desired, current = int(status.get("desiredNumberScheduled") or 0), int(status.get("currentNumberScheduled") or 0)
    if current >= desired:
        return
    yield finding(
        "ds.not_scheduled",
        entity(workload),
        f"DaemonSet {name_of(workload)} has pods on {current} of {desired} nodes.",
        severity=Severity.HIGH,
        confidence=0.75,
        evidence=cite_present(workload, "/status/desiredNumberScheduled", "/status/currentNumberScheduled"),
        person_decides="Look at why the missing pods are not created or not placed.",
    )


def serves(graph: Graph, workload: Object) -> list[Object]:
    """Return the Services that select a workload's pods."""
    labels = (template_of(workload).get("metadata") or {}).get("labels") or labels_of(workload)
    return graph.services_of(namespace_of(workload), labels)
