"""Rollouts that do not get on, and pods that the API server refuses to create."""

import re
from collections.abc import Iterable, Iterator
from difflib import get_close_matches

from bot.domain.alert import Severity
from bot.domain.finding import Citation, SuggestedAction
from integrations.kubernetes.diagnosis.changes import describe_change, revisions_of, rollback_action
from integrations.kubernetes.diagnosis.citations import cite_present
from integrations.kubernetes.diagnosis.findings import (
    Judged,
    action,
    clip,
    finding,
    is_ready,
    is_starting,
    outage,
    ready_text,
)
from integrations.kubernetes.diagnosis.graph import Graph
from integrations.kubernetes.diagnosis.objects import (
    condition_of,
    entity,
    name_of,
    namespace_of,
    revision_of,
    spec_of,
    status_of,
)
from integrations.kubernetes.snapshot import Object

_RULES = (
    ("quota.requires_limits", re.compile(r"must specify (?:limits|requests)")),
    ("quota.exceeded", re.compile(r"exceeded quota")),
    ("admission.sa_missing", re.compile(r"serviceaccount \"?[\w.-]+\"? not found|error looking up service account")),
    ("admission.webhook", re.compile(r"failed calling webhook|webhook .*(?:timeout|refused|no endpoints)")),
    ("admission.policy", re.compile(r"violates PodSecurity|admission webhook .* denied|is forbidden|not allowed by")),
)
_DECIDE = {
    "quota.exceeded": "Raise the quota, or free what other workloads of the namespace hold.",
    "quota.requires_limits": "Give the containers requests and limits, or the namespace a LimitRange.",
    "admission.sa_missing": "Create the ServiceAccount or name the right one.",
    "admission.webhook": "Mend the webhook's backend, or its certificate.",
    "admission.policy": "Change the pods so that the policy allows them.",
}
_UNDONE = frozenset({"quota.requires_limits", "admission.sa_missing", "admission.policy"})
"""What a change of the pod's own template can have brought about."""
_FRESH_SECONDS = 3600.0


def analyze(graph: Graph) -> Iterable[Judged]:
    """Judge refused pods first, then the rollout itself."""
    for kind in ("Deployment", "StatefulSet", "DaemonSet", "Job"):
        for workload in graph.all(kind):
            yield from _refused(graph, workload)
    for workload in graph.all("StatefulSet"):
        yield from _without_names(graph, workload)
    for deployment in graph.all("Deployment"):
        yield from _deadline(graph, deployment)


def _without_names(graph: Graph, workload: Object) -> Iterator[Judged]:
    """Judge a StatefulSet that is not well and whose headless Service is not there: its pods cannot find each other."""
    namespace, name = namespace_of(workload), str(spec_of(workload).get("serviceName") or "")
    ill = [pod for pod in graph.pods_of(workload) if not is_ready(pod) and not is_starting(graph, pod)]
    running = [pod for pod in ill if status_of(pod).get("phase") == "Running"]
    services = graph.service_names(namespace)
    if not name or not running or not services or name in services:
        return
    near = next(iter(get_close_matches(name, sorted(services), 1, 0.7)), "")
    hint = f" (there is {near})" if near else ""
    yield finding(
        "config.bad_address",
        entity(workload),
        f"StatefulSet {name_of(workload)} names Service {name}, which does not exist{hint}: its pods have no names "
        f"under which they find each other; {ready_text(graph, graph.owner_key(workload))}.",
        severity=Severity.HIGH,
        confidence=0.75,
        evidence=cite_present(workload, "/spec/serviceName"),
        person_decides=f"Make the headless Service {name}, or have the StatefulSet name the right one.",
    )


def _refused(graph: Graph, workload: Object) -> Iterator[Judged]:
    """Judge refusals while pods are missing: satisfied ReplicaSets keep their old events."""
    sources = [workload]
    if workload.get("kind") == "Deployment":
        current = revisions_of(graph, workload).current
        if current is None:
            return
        wanted = spec_of(current).get("replicas")
        if int(status_of(current).get("replicas") or 0) >= (1 if wanted is None else int(wanted)):
            return
        sources = [current, workload]
    elif not _lacks_pods(graph, workload):
        return
    for source in sources:
        for message, evidence in _messages(graph, source):
            for key, pattern in _RULES:
                if pattern.search(message):
                    yield _report_refused(graph, workload, key, message, evidence)
                    return


def _lacks_pods(graph: Graph, workload: Object) -> bool:
    status, pods = status_of(workload), graph.pods_of(workload)
    if workload.get("kind") == "DaemonSet":
        return int(status.get("currentNumberScheduled") or 0) < int(status.get("desiredNumberScheduled") or 0)
    if workload.get("kind") == "Job":
        return not pods and condition_of(workload, "Complete") is None
    desired = spec_of(workload).get("replicas")
    return len(pods) < (1 if desired is None else int(desired))


def _messages(graph: Graph, source: Object) -> Iterator[tuple[str, tuple[Citation, ...]]]:
    found = condition_of(source, "ReplicaFailure")
    if found is not None and found[1].get("status") == "True":
        pointer = f"/status/conditions/{found[0]}/message"
        yield str(found[1].get("message") or ""), cite_present(source, pointer)
    for event in graph.events_of(source, "FailedCreate"):
        if graph.event_age(event) <= _FRESH_SECONDS:
            yield str(event.get("message") or ""), cite_present(event, "/message", "/count")


def _report_refused(graph: Graph, workload: Object, key: str, message: str, evidence: tuple[Citation, ...]) -> Judged:
    owner = graph.owner_key(workload)
    severity, ready, desired = outage(graph, owner)
    undo = rollback_action(graph, workload, entity(workload))
    actions: list[SuggestedAction] = []
    if key in _UNDONE and undo is not None:
        actions.append(undo)
    if key == "quota.exceeded" and workload.get("kind") in {"Deployment", "StatefulSet"} and 0 < ready < desired:
        actions.append(action("scale", entity(workload), f"{ready} pods fit the quota", replicas=ready))
    return finding(
        key,
        entity(workload),
        f"The API server refuses to create pods of {name_of(workload)}: {clip(message, 200)}; "
        f"{ready_text(graph, owner)}.",
        severity=Severity.HIGH if severity is Severity.WARNING else severity,
        confidence=0.94,
        evidence=evidence,
        actions=actions,
        person_decides=_DECIDE[key],
    )


def _deadline(graph: Graph, deployment: Object) -> Iterator[Judged]:
    found = condition_of(deployment, "Progressing")
    late = found is not None and found[1].get("reason") == "ProgressDeadlineExceeded"
    history = revisions_of(graph, deployment)
    evidence = cite_present(deployment, f"/status/conditions/{found[0]}/reason") if found and late else ()
    severity, _, desired = outage(graph, graph.owner_key(deployment))
    older = [item for item in history.earlier if int(status_of(item).get("readyReplicas") or 0) > 0]
    current = history.current
    stuck = current is not None and older and not int(status_of(current).get("readyReplicas") or 0)
    if (not late and not (stuck and _is_old(graph, current))) or desired == 0:
        return
    undo = rollback_action(graph, deployment, entity(deployment))
    key = "rollout.bad_revision" if stuck else "rollout.deadline"
    told = f"revision {revision_of(current)} does not become ready" if current else "its rollout makes no progress"
    still = f" while revision {revision_of(older[0])} still serves" if older else ""
    if stuck and current is not None:
        evidence += (*cite_present(current, "/status/replicas"), *cite_present(older[0], "/status/readyReplicas"))
    yield finding(
        key,
        entity(deployment),
        f"Deployment {name_of(deployment)}: {told}{still}; {ready_text(graph, graph.owner_key(deployment))}."
        f"{describe_change(graph, deployment)}",
        severity=Severity.HIGH if severity is Severity.WARNING else severity,
        confidence=0.8,
        evidence=evidence,
        actions=[undo] if undo else [],
        person_decides="Look at why the new pods do not become ready.",
    )


def _is_old(graph: Graph, replica_set: Object | None) -> bool:
    """Whether a revision had five minutes to become ready."""
    created = ((replica_set or {}).get("metadata") or {}).get("creationTimestamp")
    age = graph.age_seconds(created)
    return age is not None and age > 300
