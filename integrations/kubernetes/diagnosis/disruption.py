"""What keeps or pushes pods from their nodes: disruption budgets, and quotas that are used up."""

import re
from collections.abc import Iterable, Iterator

from bot.domain.alert import Severity
from integrations.kubernetes.diagnosis.addresses import is_local, service_at
from integrations.kubernetes.diagnosis.citations import cite_present, escape
from integrations.kubernetes.diagnosis.complaints import complaints
from integrations.kubernetes.diagnosis.findings import Judged, clip, finding, is_gone
from integrations.kubernetes.diagnosis.graph import Graph
from integrations.kubernetes.diagnosis.objects import (
    entity,
    labels_of,
    name_of,
    namespace_of,
    selector_matches,
    spec_of,
    status_of,
)
from integrations.kubernetes.diagnosis.quantity import amount_of
from integrations.kubernetes.snapshot import Object

_REFUSED = re.compile(
    r"would violate the pod's disruption budget|disruption budget .*(?:prevent|block|need)", re.IGNORECASE
)
_QUOTA = re.compile(r"exceeded quota: (?P<name>[\w.-]+)")
_PODS = frozenset({"Deployment", "StatefulSet", "DaemonSet", "Job", "ReplicaSet", "ReplicationController"})
_FRESH_SECONDS = 3600.0
_COUNTED = re.compile(r"^(?:count/.+|services.*|persistentvolumeclaims|requests\.storage|.*/requests\.storage|"
                      r".*/persistentvolumeclaims)$")  # fmt: skip


def analyze(graph: Graph) -> Iterable[Judged]:
    """Judge budgets that hold up a drain, and quotas at their limit."""
    cordoned = {name_of(node) for node in graph.all("Node") if spec_of(node).get("unschedulable")}
    for budget in graph.all("PodDisruptionBudget"):
        yield from _budget(graph, budget, cordoned)
    yield from _quotas(graph)


def _budget(graph: Graph, budget: Object, cordoned: set[str]) -> Iterator[Judged]:
    """Zero allowed disruptions are a budget's business until somebody wants to move a pod."""
    status = status_of(budget)
    if int(status.get("disruptionsAllowed") or 0) > 0 or not int(status.get("expectedPods") or 0):
        return
    selector = spec_of(budget).get("selector") or {}
    pods = [
        pod
        for pod in graph.pods_in(namespace_of(budget))
        if not is_gone(pod) and selector and selector_matches(labels_of(pod), selector)
    ]
    held = [pod for pod in pods if spec_of(pod).get("nodeName") in cordoned]
    refusals = [
        event
        for pod in pods
        for event in graph.events_of(pod)
        if graph.event_age(event) <= _FRESH_SECONDS and _REFUSED.search(str(event.get("message")))
    ]
    if not held and not refusals:
        return
    evidence = cite_present(budget, "/status/disruptionsAllowed", "/spec/minAvailable", "/spec/maxUnavailable")
    evidence += tuple(c for event in refusals[:1] for c in cite_present(event, "/message"))
    for pod in held[:1]:
        node = graph.snapshot.get("Node", None, str(spec_of(pod).get("nodeName")))
        evidence += cite_present(pod, "/spec/nodeName") + (cite_present(node, "/spec/unschedulable") if node else ())
    healthy, desired = int(status.get("currentHealthy") or 0), int(status.get("desiredHealthy") or 0)
    why = f"it wants {desired} healthy pods and {healthy} are" if desired else "it allows no disruption"
    place = f" on the cordoned node {spec_of(held[0]).get('nodeName')}" if held else ""
    yield finding(
        "pdb.blocks",
        entity(budget),
        f"PodDisruptionBudget {name_of(budget)} lets nobody evict {name_of((held or pods)[0])}{place}: {why}.",
        severity=Severity.WARNING,
        confidence=0.85,
        evidence=evidence,
        person_decides="Run one more replica or loosen the budget; then the drain goes on.",
    )


def _quotas(graph: Graph) -> Iterator[Judged]:
    """Judge quotas that refuse something other than a workload's pods: those refusals show at the workload."""
    refused: dict[tuple[str, str], Object] = {}
    for event in graph.snapshot.events:
        about = event.get("involvedObject") or event.get("regarding") or {}
        message = str(event.get("message") or "")
        if not (match := _QUOTA.search(message)) or graph.event_age(event) > _FRESH_SECONDS:
            continue
        if about.get("kind") not in _PODS or "persistentvolumeclaims" in message or "create Claim" in message:
            refused[(str(about.get("namespace") or ""), match["name"])] = event
    for quota in graph.all("ResourceQuota"):
        hard, used = status_of(quota).get("hard") or {}, status_of(quota).get("used") or {}
        full = [
            name
            for name in sorted(hard)
            if (amount_of(used.get(name)) or 0.0) >= (amount_of(hard[name]) or 0.0) and amount_of(used.get(name))
        ]
        said = refused.get((namespace_of(quota), name_of(quota)))
        counted = [name for name in full if _COUNTED.match(name)]
        if not said and not counted:
            continue
        exceeded = any((amount_of(used.get(name)) or 0.0) > (amount_of(hard[name]) or 0.0) for name in counted)
        missed = any(name.endswith("services") for name in counted) and _misses_services(graph, namespace_of(quota))
        shown = (counted or full or sorted(hard))[:3]
        evidence = tuple(
            c
            for name in shown
            for c in cite_present(quota, f"/status/used/{escape(name)}", f"/status/hard/{escape(name)}")
        )
        evidence += cite_present(said, "/message") if said else ()
        refusal = f"; it refuses: {clip(str(said.get('message')))}" if said else ""
        told = ", ".join(f"{name} {used.get(name)} of {hard.get(name)}" for name in shown)
        yield finding(
            "quota.exceeded",
            entity(quota),
            f"ResourceQuota {name_of(quota)} {'has no room for more' if said and not full else 'is used up'}: "
            f"{told}{refusal}.",
            # A quota that is just full and refuses nobody is what it is meant to be.
            severity=Severity.HIGH if said or missed else Severity.WARNING if exceeded else Severity.INFO,
            confidence=0.92 if said else 0.8 if exceeded or missed else 0.5,
            evidence=evidence,
            person_decides="Raise the quota, or delete what is no longer used.",
        )


def _misses_services(graph: Graph, namespace: str) -> bool:
    """Whether programs of a namespace ask for names of it that no Service has."""
    return any(
        c.kind == "unresolved" and c.host and is_local(graph, c.host) and service_at(graph, c.host, namespace) is None
        for c in complaints(graph)
        if namespace_of(c.view.pod) == namespace
    )
