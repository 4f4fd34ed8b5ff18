"""What is wrong around workloads: nodes, claims, autoscalers, evictions."""

from collections.abc import Iterable, Iterator

from bot.domain.alert import Severity
from integrations.kubernetes.diagnosis.citations import cite_present
from integrations.kubernetes.diagnosis.config import mounted_claims
from integrations.kubernetes.diagnosis.findings import Judged, action, clip, finding, is_gone, names
from integrations.kubernetes.diagnosis.graph import (
    Graph,
    condition_of,
    entity,
    name_of,
    namespace_of,
    spec_of,
    status_of,
)
from integrations.kubernetes.snapshot import Object

_PRESSURES = ("MemoryPressure", "DiskPressure", "PIDPressure")


def analyze(graph: Graph) -> Iterable[Judged]:
    """Judge nodes, claims, autoscalers and evicted pods."""
    for node in graph.all("Node"):
        yield from _node(node)
    for claim in graph.all("PersistentVolumeClaim"):
        yield from _claim(graph, claim)
    for scaler in graph.all("HorizontalPodAutoscaler"):
        yield from _scaler(graph, scaler)
    yield from _evicted(graph)


def _node(node: Object) -> Iterator[Judged]:
    found = condition_of(node, "Ready")
    if found is not None and found[1].get("status") != "True":
        position, condition = found
        silent = condition.get("status") == "Unknown"
        message = clip(str(condition.get("message") or ""))
        pointer = f"/status/conditions/{position}"
        yield finding(
            "node.kubelet_down" if silent else "node.not_ready",
            entity(node),
            f"Node {name_of(node)} is not ready: {message}.",
            severity=Severity.CRITICAL,
            confidence=0.93,
            evidence=cite_present(node, f"{pointer}/status", f"{pointer}/reason"),
            person_decides="Cordon the node and look at its kubelet and container runtime.",
        )
    for pressure in _PRESSURES:
        found = condition_of(node, pressure)
        if found is not None and found[1].get("status") == "True":
            yield finding(
                "node.pressure",
                entity(node),
                f"Node {name_of(node)} reports {pressure}: {clip(str(found[1].get('message') or ''))}.",
                severity=Severity.HIGH,
                confidence=0.92,
                evidence=cite_present(node, f"/status/conditions/{found[0]}/status"),
                person_decides="Free the resource on the node, or drain it.",
            )


def _claim(graph: Graph, claim: Object) -> Iterator[Judged]:
    """Judge a claim that is not bound; one that waits for its first consumer and has none is healthy."""
    if status_of(claim).get("phase") != "Pending" or is_gone(claim):
        return
    users = [
        pod for pod in graph.pods if namespace_of(pod) == namespace_of(claim) and name_of(claim) in mounted_claims(pod)
    ]
    name = spec_of(claim).get("storageClassName")
    storage_class = graph.snapshot.get("StorageClass", None, str(name)) if name else None
    known = graph.all("StorageClass")
    failed = next(iter(graph.events_of(claim, "ProvisioningFailed")), None)
    missing = name and ((known and storage_class is None) or (failed and "not found" in str(failed.get("message"))))
    if not missing and (not users or (storage_class or {}).get("volumeBindingMode") == "WaitForFirstConsumer"):
        return
    evidence = cite_present(claim, "/status/phase", "/spec/storageClassName")
    evidence += cite_present(failed, "/message") if failed else ()
    told = f"its StorageClass {name} does not exist" if missing else "no volume fits it"
    told = f"{told} ({clip(str(failed.get('message')), 120)})" if failed else told
    yield finding(
        "pvc.class" if missing else "pvc.pending",
        entity(claim),
        f"PersistentVolumeClaim {name_of(claim)} is not bound: {told}; {len(users)} pods wait for it.",
        severity=Severity.HIGH if users else Severity.WARNING,
        confidence=0.93 if missing else 0.7,
        evidence=evidence,
        person_decides="A claim cannot be changed once made: somebody has to provide the class or make a new claim.",
    )


def _scaler(graph: Graph, scaler: Object) -> Iterator[Judged]:
    target = spec_of(scaler).get("scaleTargetRef") or {}
    for kind, key in (("AbleToScale", "hpa.broken"), ("ScalingActive", "hpa.broken")):
        found = condition_of(scaler, kind)
        if found is None or found[1].get("status") != "False":
            continue
        if found[1].get("reason") == "ScalingDisabled":  # scaled to zero by hand: a finding of the workload
            continue
        age = graph.age_seconds(found[1].get("lastTransitionTime"))
        if age is not None and age < 120:  # a fresh pod has no metrics yet
            continue
        yield finding(
            key,
            entity(scaler),
            f"HorizontalPodAutoscaler {name_of(scaler)} cannot scale {target.get('kind')}/{target.get('name')}: "
            f"{clip(str(found[1].get('message') or found[1].get('reason')))}.",
            severity=Severity.WARNING,
            confidence=0.85,
            evidence=cite_present(scaler, f"/status/conditions/{found[0]}/reason"),
            person_decides="Give the containers requests for the metric, or mend the metrics pipeline.",
        )
        return
    found = condition_of(scaler, "ScalingLimited")
    status, spec = status_of(scaler), spec_of(scaler)
    at_most = int(spec.get("maxReplicas") or 0)
    if (
        found is not None
        and (found[1].get("status"), found[1].get("reason")) == ("True", "TooManyReplicas")
        and int(status.get("currentReplicas") or 0) >= at_most
    ):
        yield finding(
            "hpa.maxed",
            entity(scaler),
            f"HorizontalPodAutoscaler {name_of(scaler)} wants more than its maximum of {at_most} replicas.",
            severity=Severity.WARNING,
            confidence=0.8,
            evidence=cite_present(scaler, f"/status/conditions/{found[0]}/reason", "/spec/maxReplicas"),
            person_decides="Raise maxReplicas if quota and nodes have room, or find out why the load grew.",
        )


def _evicted(graph: Graph) -> Iterator[Judged]:
    groups: dict[str, list[Object]] = {}
    for pod in graph.pods:
        status = status_of(pod)
        if status.get("phase") == "Failed" and status.get("reason") == "Evicted":
            groups.setdefault(graph.entity_of(pod), []).append(pod)
    for about, pods in sorted(groups.items()):
        newest = max(pods, key=lambda pod: (str(status_of(pod).get("startTime") or ""), name_of(pod)))
        age = graph.age_seconds(status_of(newest).get("startTime"))
        if age is not None and age > 86400:
            continue
        target = f"Pod/{namespace_of(newest)}/{name_of(newest)}"
        yield finding(
            "pod.evicted",
            about,
            f"{len(pods)} pods were evicted ({names(pods)}): {clip(str(status_of(newest).get('message') or ''))}",
            severity=Severity.WARNING,
            confidence=0.85,
            evidence=cite_present(newest, "/status/reason", "/status/message"),
            actions=[action("delete_pod", target, "an evicted pod only takes up its name")],
        )
