"""Autoscalers that cannot read, cannot reach or cannot exceed what they are bound to."""

from collections.abc import Iterable, Iterator

from bot.domain.alert import Severity
from bot.domain.finding import Citation, SuggestedAction
from integrations.kubernetes.diagnosis.citations import cite_present
from integrations.kubernetes.diagnosis.findings import Judged, action, clip, finding
from integrations.kubernetes.diagnosis.graph import Graph
from integrations.kubernetes.diagnosis.objects import (
    condition_of,
    entity,
    name_of,
    namespace_of,
    spec_of,
    status_of,
    template_of,
)
from integrations.kubernetes.diagnosis.quantity import amount_of, cpu_text
from integrations.kubernetes.snapshot import Object

_FRESH_SECONDS = 120.0  # a fresh pod has no metrics yet


def analyze(graph: Graph) -> Iterable[Judged]:
    """Judge every HorizontalPodAutoscaler; at most one finding for each."""
    for scaler in graph.all("HorizontalPodAutoscaler"):
        for judged in _judge(graph, scaler):
            yield judged
            break


def _judge(graph: Graph, scaler: Object) -> Iterator[Judged]:
    yield from _target_missing(graph, scaler)
    for kind in ("AbleToScale", "ScalingActive"):
        found = condition_of(scaler, kind)
        if found is None or found[1].get("status") != "False":
            continue
        if found[1].get("reason") in {"ScalingDisabled", "BackoffBoth", "BackoffDownscale", "BackoffUpscale"}:
            continue  # scaled to zero by hand, a finding of the workload; or waiting as it should
        age = graph.age_seconds(found[1].get("lastTransitionTime"))
        if age is not None and age < _FRESH_SECONDS:
            continue
        yield _broken(graph, scaler, found[0], found[1])
    yield from _at_maximum(scaler)


def _target_missing(graph: Graph, scaler: Object) -> Iterator[Judged]:
    target = spec_of(scaler).get("scaleTargetRef") or {}
    kind, name = str(target.get("kind")), str(target.get("name"))
    namespace = namespace_of(scaler)
    if kind not in {"Deployment", "StatefulSet"} or graph.snapshot.get(kind, namespace, name) is not None:
        return
    said = condition_of(scaler, "AbleToScale")
    refused = said is not None and said[1].get("status") == "False" and said[1].get("reason") == "FailedGetScale"
    if not refused and not any(namespace_of(item) == namespace for item in graph.all(kind)):
        return  # the kind may not have been read at all
    evidence = cite_present(scaler, "/spec/scaleTargetRef/name")
    if said is not None and refused:
        evidence += cite_present(scaler, f"/status/conditions/{said[0]}/message")
    yield finding(
        "hpa.broken",
        entity(scaler),
        f"HorizontalPodAutoscaler {name_of(scaler)} scales {kind}/{name}, which does not exist.",
        severity=Severity.WARNING,
        confidence=0.95,
        evidence=evidence,
        person_decides="Correct scaleTargetRef, or delete the autoscaler.",
    )


def _broken(graph: Graph, scaler: Object, position: int, condition: Object) -> Judged:
    target = spec_of(scaler).get("scaleTargetRef") or {}
    message = str(condition.get("message") or condition.get("reason") or "")
    evidence: tuple[Citation, ...] = cite_present(
        scaler, f"/status/conditions/{position}/reason", f"/status/conditions/{position}/message"
    )
    decide = "Mend the metrics pipeline: nothing answers for the metric."
    if "missing request for" in message:
        evidence += _without_requests(graph, scaler)
        decide = "Give every container of the target a request for the metric's resource."
    return finding(
        "hpa.broken",
        entity(scaler),
        f"HorizontalPodAutoscaler {name_of(scaler)} cannot scale {target.get('kind')}/{target.get('name')}: "
        f"{clip(message, 240)}.",
        severity=Severity.WARNING,
        confidence=0.9,
        evidence=evidence,
        actions=list(_requests(graph, scaler)) if "missing request for" in message else (),
        person_decides=decide,
    )


def _without_requests(graph: Graph, scaler: Object) -> tuple[Citation, ...]:
    target = spec_of(scaler).get("scaleTargetRef") or {}
    found = graph.snapshot.get(str(target.get("kind")), namespace_of(scaler), str(target.get("name")))
    for position, container in enumerate((template_of(found or {}).get("spec") or {}).get("containers") or ()):
        if found is not None and not (container.get("resources") or {}).get("requests"):
            return cite_present(found, f"/spec/template/spec/containers/{position}/name")
    return ()


def _requests(graph: Graph, scaler: Object) -> Iterator[SuggestedAction]:
    """Yield the action that gives a container without a CPU request one: half as much again as its pods use now."""
    target = spec_of(scaler).get("scaleTargetRef") or {}
    workload = graph.snapshot.get(str(target.get("kind")), namespace_of(scaler), str(target.get("name")))
    for container in (template_of(workload or {}).get("spec") or {}).get("containers") or ():
        if workload is None or ((container.get("resources") or {}).get("requests") or {}).get("cpu"):
            continue
        used = [
            amount_of((entry.get("usage") or {}).get("cpu")) or 0.0
            for pod in graph.pods_of(workload)
            for entry in (graph.snapshot.metrics.get(("PodMetrics", namespace_of(pod), name_of(pod))) or {}).get(
                "containers"
            )
            or ()
            if entry.get("name") == container.get("name")
        ]
        if used and max(used) > 0:
            wanted = cpu_text(max(0.05, 1.5 * max(used)))
            reason = f"its pods use up to {cpu_text(max(used))}, and without a request nothing can be scaled by it"
            change = {"container": container.get("name"), "requests": {"cpu": wanted}}
            yield action("set_resources", entity(workload), reason, **change)
            return


def _at_maximum(scaler: Object) -> Iterator[Judged]:
    found = condition_of(scaler, "ScalingLimited")
    status, at_most = status_of(scaler), int(spec_of(scaler).get("maxReplicas") or 0)
    if (
        found is None
        or (found[1].get("status"), found[1].get("reason")) != ("True", "TooManyReplicas")
        or int(status.get("currentReplicas") or 0) < at_most
    ):
        return
    yield finding(
        "hpa.maxed",
        entity(scaler),
        f"HorizontalPodAutoscaler {name_of(scaler)} wants more than its maximum of {at_most} replicas.",
        severity=Severity.WARNING,
        confidence=0.8,
        evidence=cite_present(scaler, f"/status/conditions/{found[0]}/reason", "/spec/maxReplicas"),
        actions=[
            action(
                "hpa_bounds",
                entity(scaler),
                f"it wants more than {at_most}; half as many again leave room for the load",
                max_replicas=at_most + max(1, at_most // 2),
            )
        ],
        person_decides="Raise maxReplicas if quota and nodes have room, or find out why the load grew.",
    )
