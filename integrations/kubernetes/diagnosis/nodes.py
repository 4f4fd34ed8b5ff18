"""Nodes that do not do their work, and what they did to pods."""

import re
from collections.abc import Iterable, Iterator

from bot.domain.alert import Severity
from bot.domain.finding import Citation, SuggestedAction
from integrations.kubernetes.diagnosis.citations import cite_present
from integrations.kubernetes.diagnosis.containers import containers
from integrations.kubernetes.diagnosis.findings import Judged, action, clip, finding, is_gone, is_ready, names
from integrations.kubernetes.diagnosis.graph import Graph
from integrations.kubernetes.diagnosis.objects import (
    condition_of,
    entity,
    labels_of,
    name_of,
    namespace_of,
    spec_of,
    status_of,
    timestamp_of,
)
from integrations.kubernetes.snapshot import Object

_PRESSURES = ("MemoryPressure", "DiskPressure", "PIDPressure")
_RUNTIME = re.compile(
    r"container runtime (?:is )?(?:down|not ready)|runtime is down|PLEG is not healthy|RuntimeReady=false|"
    r"RuntimeNotReady|(?:containerd|docker|crio|cri-o)\S*:? .*(?:down|unavailable|refused|no such file)",
    re.IGNORECASE,
)
_NETWORK = re.compile(
    r"NetworkReady=false|NetworkPluginNotReady|cni (?:plugin|config) (?:not |un)initialized", re.IGNORECASE
)
_PROXY_LABELS = (("k8s-app", "kube-proxy"), ("component", "kube-proxy"), ("app.kubernetes.io/name", "kube-proxy"))
_FRESH_SECONDS = 3600.0
_YOUNG_SECONDS = 300.0


def analyze(graph: Graph) -> Iterable[Judged]:
    """Judge nodes, their kube-proxies, their memory and the pods that they evicted."""
    occupied = {
        str(spec_of(pod).get("nodeName"))
        for pod in graph.pods
        if not is_gone(pod) and graph.owner_key(pod)[0] != "DaemonSet" and status_of(pod).get("phase") != "Failed"
    }
    for node in graph.all("Node"):
        yield from _ready(node, name_of(node) in occupied)
        yield from _pressure(node)
        yield from _starved(graph, node)
    yield from _proxies(graph)
    yield from _evicted(graph)


def _ready(node: Object, occupied: bool) -> Iterator[Judged]:
    found = condition_of(node, "Ready")
    if found is None or found[1].get("status") == "True":
        return
    position, condition = found
    message = clip(str(condition.get("message") or ""))
    said = f"{condition.get('reason')} {condition.get('message')}"
    pointer = f"/status/conditions/{position}"
    key, decide = "node.not_ready", "Cordon the node and look at its kubelet and container runtime."
    if condition.get("status") == "Unknown":
        key, decide = "node.kubelet_down", "Look at the machine and its kubelet; drain it if it stays away."
    elif _RUNTIME.search(said):
        key, decide = "node.runtime_down", "Cordon the node and restart its container runtime."
    elif _NETWORK.search(said):
        key, decide = "sandbox.cni", "Look at the node's CNI plugin and its configuration."
    # A node that was emptied and switched off on purpose hurts nobody.
    away = bool(spec_of(node).get("unschedulable")) and not occupied
    yield finding(
        key,
        entity(node),
        f"Node {name_of(node)} is not ready: {message}.",
        severity=Severity.INFO if away else Severity.CRITICAL,
        confidence=0.6 if away else 0.95,
        evidence=cite_present(node, f"{pointer}/status", f"{pointer}/reason", f"{pointer}/message"),
        actions=[] if spec_of(node).get("unschedulable") else [_keep_away(node)],
        person_decides=decide,
    )


def _keep_away(node: Object) -> SuggestedAction:
    """Return the action that keeps new pods off a node; nothing that runs there is touched."""
    return action("cordon", entity(node), "no new pods go there until it is well again; it can be undone at once")


def _pressure(node: Object) -> Iterator[Judged]:
    for pressure in _PRESSURES:
        found = condition_of(node, pressure)
        if found is not None and found[1].get("status") == "True":
            yield finding(
                "node.pressure",
                entity(node),
                f"Node {name_of(node)} reports {pressure}: {clip(str(found[1].get('message') or ''))}.",
                severity=Severity.HIGH,
                confidence=0.92,
                evidence=cite_present(
                    node, f"/status/conditions/{found[0]}/type", f"/status/conditions/{found[0]}/status"
                ),
                person_decides="Free the resource on the node, or drain it.",
            )


def starving(graph: Graph, node: str) -> Object | None:
    """Return the event that says that a node's own memory ran out within the last hour."""
    found = graph.snapshot.get("Node", None, node)
    if found is None:
        return None
    events = graph.events_of(found, "SystemOOM", "OOMKilling")
    return next((event for event in events if graph.event_age(event) <= _FRESH_SECONDS), None)


def _starved(graph: Graph, node: Object) -> Iterator[Judged]:
    """Judge kills by the kernel on a whole node: containers die with 137 although they keep within their limits."""
    event = starving(graph, name_of(node))
    if event is None:
        return
    victims = [
        view
        for view in containers(graph)
        if spec_of(view.pod).get("nodeName") == name_of(node)
        and view.ended is not None
        and view.ended[1].get("exitCode") == 137
        and view.ended[1].get("reason") != "OOMKilled"
        and (view.crashes or (graph.age_seconds(view.ended[1].get("finishedAt")) or _FRESH_SECONDS) < _FRESH_SECONDS)
    ]
    if not victims:
        return
    evidence: tuple[Citation, ...] = cite_present(event, "/reason", "/message")
    for view in victims[:3]:
        evidence += cite_present(view.pod, f"{(view.ended or ('', {}))[0]}/exitCode")
    pods = sorted({name_of(view.pod) for view in victims})
    yield finding(
        "oom.node",
        entity(node),
        f"Node {name_of(node)} ran out of memory and killed {', '.join(pods[:3])}: {clip(str(event.get('message')))}.",
        severity=Severity.HIGH,
        confidence=0.88,
        evidence=evidence,
        person_decides="Give the pods of this node honest memory requests, or drain it and add memory.",
    )


def _proxies(graph: Graph) -> Iterator[Judged]:
    """Judge nodes whose kube-proxy is away or ill while others have one; without any, another program does its work."""
    by_node: dict[str, Object] = {}
    for pod in graph.pods:
        labels = labels_of(pod)
        if any(labels.get(name) == value for name, value in _PROXY_LABELS) and not is_gone(pod):
            by_node[str(spec_of(pod).get("nodeName"))] = pod
    if not any(is_ready(pod) for pod in by_node.values()):
        return  # none at all, or all of them ill: that is a finding of their DaemonSet
    for node in graph.all("Node"):
        ready, proxy = condition_of(node, "Ready"), by_node.get(name_of(node))
        age = graph.age_seconds(timestamp_of(node))
        well = proxy is not None and is_ready(proxy)
        if well or ready is None or ready[1].get("status") != "True" or (age is not None and age < _YOUNG_SECONDS):
            continue
        if proxy is None and _opts_out(node):
            continue
        evidence = cite_present(node, f"/status/conditions/{ready[0]}/status")
        if proxy is not None:
            evidence += cite_present(proxy, "/status/conditions", "/spec/nodeName")
        else:
            evidence += cite_present(next(iter(by_node.values())), "/spec/nodeName")
        state = f"its kube-proxy ({name_of(proxy)}) is not ready" if proxy is not None else "it has no kube-proxy"
        yield finding(
            "node.kube_proxy_down",
            entity(node),
            f"Node {name_of(node)}: {state}; Services may be unreachable from there.",
            severity=Severity.HIGH,
            confidence=0.88,
            evidence=evidence,
            explains=[graph.entity_of(proxy)] if proxy is not None else (),
            person_decides="Look at the kube-proxy of this node; cordon it until Services work from there.",
        )


def _opts_out(node: Object) -> bool:
    """Whether a node is of a kind on which DaemonSets do not run: virtual nodes and serverless ones."""
    labels = labels_of(node)
    return labels.get("type") == "virtual-kubelet" or "eks.amazonaws.com/compute-type" in labels


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
