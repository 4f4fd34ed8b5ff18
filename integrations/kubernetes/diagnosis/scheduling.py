"""Pods that find no node."""

import re
from collections.abc import Iterable, Iterator

from bot.domain.alert import Severity
from bot.domain.finding import Citation, SuggestedAction
from integrations.kubernetes.diagnosis.changes import describe_change, rollback_action
from integrations.kubernetes.diagnosis.citations import cite_present
from integrations.kubernetes.diagnosis.config import mounted_claims
from integrations.kubernetes.diagnosis.findings import Judged, action, clip, finding, is_gone, outage, ready_text
from integrations.kubernetes.diagnosis.graph import Graph
from integrations.kubernetes.diagnosis.objects import (
    condition_of,
    controller_of,
    entity,
    labels_of,
    matches,
    name_of,
    namespace_of,
    selector_matches,
    spec_of,
    status_of,
)
from integrations.kubernetes.snapshot import Object

_CLAIM_GONE = re.compile(r"persistentvolumeclaim \"(?P<name>[^\"]+)\" not found")
_RULES = (
    ("pvc.pending", re.compile(r"unbound immediate PersistentVolumeClaims|waiting for .*volume")),
    ("sched.volume_affinity", re.compile(r"volume node affinity conflict")),
    ("sched.hostport", re.compile(r"didn't have free ports")),
    ("sched.anti_affinity", re.compile(r"anti-affinity rules|topology spread constraints")),
    ("sched.insufficient", re.compile(r"Insufficient (?P<what>[\w./-]+)|Too many pods")),
    ("sched.affinity", re.compile(r"didn't match (?:[Pp]od's |pod )?(?:node (?:affinity/)?selector|\w+ affinity)")),
    ("sched.taint", re.compile(r"untolerated taint|had taints? ")),
    ("sched.cordoned", re.compile(r"were unschedulable")),
)  # fmt: skip
_PREEMPTED_SECONDS = 3600.0
_CORDON = "node.kubernetes.io/unschedulable"
_CONTROL_PLANE = ("node-role.kubernetes.io/control-plane", "node-role.kubernetes.io/master")
_WHAT = {
    "sched.insufficient": "no node has enough free {what}",
    "sched.taint": "every node that would fit carries a taint that it does not tolerate",
    "sched.affinity": "no node carries the labels it asks for ({what})",
    "sched.cordoned": "the nodes that would fit are cordoned ({what})",
    "sched.anti_affinity": "its anti-affinity or spread rules leave no node",
    "sched.hostport": "its host port is taken on every node",
    "sched.volume_affinity": "its volume lives where it may not run",
    "pvc.pending": "its PersistentVolumeClaim {what} is not bound",
}

_UNDONE = frozenset({"sched.insufficient", "sched.taint", "sched.affinity", "sched.anti_affinity", "sched.hostport",
                     "pvc.claim_missing", "sched.volume_affinity"})  # fmt: skip
"""What a change of the pod's own template can have brought about."""
_DECIDE = {
    "sched.cordoned": "Uncordon one of these nodes if its maintenance is over, or add nodes.",
    "sched.no_scheduler": "Bring the scheduler back: look at its pod and at the leader it elects.",
    "sched.taint": "Remove the taint if its reason is gone, or give the pod a toleration.",
    "sched.affinity": "Correct the selector, or label a node so that it fits.",
    "sched.volume_affinity": "Let the pod run where its volume is, or move the data.",
    "sched.hostport": "Give one of those who ask for the port another one, or add nodes.",
    "preempted": "Make room for both, or give this workload a higher priority.",
    "pvc.claim_missing": "Create the claim, or correct its name.",
}


def analyze(graph: Graph) -> Iterable[Judged]:
    """Judge pods that wait for a node; one finding for each workload."""
    seen: set[str] = set()
    for pod in graph.pods:
        if is_gone(pod) or spec_of(pod).get("nodeName") or status_of(pod).get("phase") != "Pending":
            continue
        about = graph.entity_of(pod)
        if about in seen:
            continue
        judged = list(_judge(graph, pod))
        if judged:
            seen.add(about)
            yield from judged[:1]


def _judge(graph: Graph, pod: Object) -> Iterator[Judged]:
    found = condition_of(pod, "PodScheduled")
    if found is None or found[1].get("status") != "False":
        yield from _nobody_schedules(graph, pod)
        return
    position, condition = found
    message = str(condition.get("message") or "")
    evidence = cite_present(pod, f"/status/conditions/{position}/message")
    if match := _CLAIM_GONE.search(message):
        what = f"the PersistentVolumeClaim {match['name']} does not exist"
        yield _report(graph, pod, "pvc.claim_missing", what, evidence, 0.96)
        return
    matched = [(key, match) for key, pattern in _RULES if (match := pattern.search(message))]
    if not matched:
        return
    key, match = matched[0]
    if key in {"sched.affinity", "sched.taint", "sched.cordoned"}:
        yield from _placement(graph, pod, {name for name, _ in matched}, evidence)
    elif key == "pvc.pending":
        claims = [name for name in mounted_claims(pod) if not _is_bound(graph, pod, name)]
        yield _report(graph, pod, key, _WHAT[key].format(what=", ".join(claims)), evidence, 0.8)
    else:
        if key == "sched.insufficient" and (displaced := _preempted(graph, pod)) is not None:
            what = f"a pod of higher priority took its place ({clip(str(displaced.get('message')), 120)})"
            yield _report(graph, pod, "preempted", what, (*evidence, *cite_present(displaced, "/message")), 0.9)
            return
        resource = (match.groupdict().get("what") or "room for pods").rstrip(".")
        what = f"{_WHAT[key].format(what=resource)} ({clip(message, 120)})"
        extra = _fewer(graph, pod) if key in {"sched.insufficient", "sched.anti_affinity"} else None
        yield _report(graph, pod, key, what, evidence, 0.92, extra)


def _is_bound(graph: Graph, pod: Object, claim: str) -> bool:
    found = graph.snapshot.get("PersistentVolumeClaim", namespace_of(pod), claim)
    return found is not None and status_of(found).get("phase") == "Bound"


def _placement(graph: Graph, pod: Object, keys: set[str], evidence: tuple[Citation, ...]) -> Iterator[Judged]:
    """Tell a missing label from cordoned nodes and from taints by looking at the nodes themselves."""
    selector = {str(k): str(v) for k, v in (spec_of(pod).get("nodeSelector") or {}).items()}
    nodes = [node for node in graph.all("Node") if not any(name in labels_of(node) for name in _CONTROL_PLANE)]
    fitting = [node for node in nodes if matches(labels_of(node), selector)]
    cordoned = [node for node in fitting if spec_of(node).get("unschedulable")]
    fitting = [node for node in fitting if _satisfies(node, pod)]
    repelled = [node for node in fitting if not _tolerates(pod, node)]
    asked = ", ".join(f"{name}={value}" for name, value in sorted(selector.items())) or "node affinity"
    if selector and nodes and not fitting:
        evidence += cite_present(pod, "/spec/nodeSelector")
        yield _report(graph, pod, "sched.affinity", _WHAT["sched.affinity"].format(what=asked), evidence, 0.95)
    elif repelled and len(repelled) == len(fitting) and "sched.taint" in keys:
        evidence += tuple(c for node in repelled[:2] for c in cite_present(node, "/spec/taints"))
        told = f"{_WHAT['sched.taint']} ({', '.join(name_of(node) for node in repelled[:3])})"
        yield _report(graph, pod, "sched.taint", told, evidence, 0.93)
    elif cordoned and len(cordoned) == len(fitting):
        told = _WHAT["sched.cordoned"].format(what=", ".join(name_of(node) for node in cordoned[:3]))
        evidence += tuple(c for node in cordoned[:3] for c in cite_present(node, "/spec/unschedulable"))
        back = action("uncordon", f"Node/{name_of(cordoned[0])}", "it fits the pod and nothing else keeps it away")
        yield _report(graph, pod, "sched.cordoned", told, evidence, 0.93, back)
    elif "sched.affinity" in keys:
        yield _report(graph, pod, "sched.affinity", _WHAT["sched.affinity"].format(what=asked), evidence, 0.8)
    elif "sched.taint" in keys:
        tainted = [node for node in fitting if spec_of(node).get("taints")]
        evidence += tuple(c for node in tainted[:2] for c in cite_present(node, "/spec/taints"))
        yield _report(graph, pod, "sched.taint", _WHAT["sched.taint"], evidence, 0.9)
    else:
        yield _report(
            graph, pod, "sched.cordoned", _WHAT["sched.cordoned"].format(what="by the scheduler"), evidence, 0.7
        )


def _satisfies(node: Object, pod: Object) -> bool:
    """Whether a node has what the pod's required node affinity asks for; one of its terms is enough."""
    required = ((spec_of(pod).get("affinity") or {}).get("nodeAffinity") or {}).get(
        "requiredDuringSchedulingIgnoredDuringExecution"
    )
    terms = (required or {}).get("nodeSelectorTerms") or ()
    return not terms or any(selector_matches(labels_of(node), term) for term in terms)


def _tolerates(pod: Object, node: Object) -> bool:
    """Whether a pod tolerates every taint of a node that keeps pods away."""
    tolerations = spec_of(pod).get("tolerations") or ()
    return all(
        any(_covers(toleration, taint) for toleration in tolerations)
        for taint in spec_of(node).get("taints") or ()
        if taint.get("effect") in {"NoSchedule", "NoExecute"} and taint.get("key") != _CORDON
    )


def _covers(toleration: Object, taint: Object) -> bool:
    if toleration.get("effect") not in {None, "", taint.get("effect")}:
        return False
    if (toleration.get("operator") or "Equal") == "Exists":
        return toleration.get("key") in {None, "", taint.get("key")}
    return toleration.get("key") == taint.get("key") and (toleration.get("value") or "") == (taint.get("value") or "")


def _nobody_schedules(graph: Graph, pod: Object) -> Iterator[Judged]:
    age = graph.age_seconds((pod.get("metadata") or {}).get("creationTimestamp"))
    scheduler = str(spec_of(pod).get("schedulerName") or "default-scheduler")
    if (
        age is None
        or age < 120
        or graph.events_of(pod, "FailedScheduling", "Scheduled")
        or spec_of(pod).get("schedulingGates")
    ):
        return
    evidence = cite_present(pod, "/spec/schedulerName", "/status/phase")
    told, confidence = f"the scheduler {scheduler} does not look at it", 0.8
    system = [name_of(item) for item in graph.pods_in("kube-system") if not is_gone(item)]
    seen = any(name.startswith(("kube-apiserver", "kube-controller-manager", "etcd")) for name in system)
    if scheduler == "default-scheduler" and seen and not any(name.startswith("kube-scheduler") for name in system):
        told, confidence = "no kube-scheduler runs in kube-system", 0.93
    yield _report(graph, pod, "sched.no_scheduler", told, evidence, confidence)


def _preempted(graph: Graph, pod: Object) -> Object | None:
    """Return the event that says that a pod of this one's workload had to make room within the last hour."""
    owner = controller_of(pod) or {}
    siblings = (f"{owner.get('name')}-", name_of(pod)) if owner else (name_of(pod),)
    for event in graph.events_because("Preempted"):
        about = event.get("involvedObject") or event.get("regarding") or {}
        same = str(about.get("name") or "").startswith(siblings) and about.get("namespace") == namespace_of(pod)
        if same and graph.event_age(event) <= _PREEMPTED_SECONDS:
            return event
    return None


def _fewer(graph: Graph, pod: Object) -> SuggestedAction | None:
    """Return the scale to the number of pods that do run, when some do."""
    key = graph.owner_key(pod)
    _, ready, desired = outage(graph, key)
    if key[0] not in {"Deployment", "StatefulSet"} or not 0 < ready < desired:
        return None
    return action("scale", graph.entity_of(pod), f"{ready} of {desired} pods fit", replicas=ready)


def _report(
    graph: Graph,
    pod: Object,
    key: str,
    what: str,
    evidence: tuple[Citation, ...],
    confidence: float,
    extra: SuggestedAction | None = None,
) -> Judged:
    owner = graph.owner_key(pod)
    workload = graph.snapshot.objects.get(owner)
    severity, _, _ = outage(graph, owner)
    undo = rollback_action(graph, workload, graph.entity_of(pod)) if key in _UNDONE else None
    waiting = [p for p in graph.pods_of_key(owner) if not spec_of(p).get("nodeName") and not is_gone(p)]
    pods = "1 pod" if len(waiting) == 1 else f"{len(waiting)} pods"
    count = f"{pods} of {entity(workload)}" if workload is not None else f"Pod {name_of(pod)}"
    return finding(
        key,
        graph.entity_of(pod),
        f"{count} cannot be scheduled: {what}; {ready_text(graph, owner)}.{describe_change(graph, workload)}",
        severity=Severity.HIGH if severity is Severity.WARNING else severity,
        confidence=confidence,
        evidence=evidence,
        actions=[item for item in (undo, extra) if item is not None],
        person_decides=_DECIDE.get(key, "Make room, correct the constraint, or add nodes."),
    )
