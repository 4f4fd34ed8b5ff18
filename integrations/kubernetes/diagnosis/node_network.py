"""Trouble of a node's network: what many complaints of different programs have in common is one node."""

from collections.abc import Iterator

from bot.domain.alert import Severity
from bot.domain.finding import Citation
from integrations.kubernetes.diagnosis.addresses import service_at
from integrations.kubernetes.diagnosis.citations import cite_log
from integrations.kubernetes.diagnosis.complaints import Complaint
from integrations.kubernetes.diagnosis.findings import Judged, finding, is_gone, is_ready
from integrations.kubernetes.diagnosis.graph import Graph
from integrations.kubernetes.diagnosis.objects import is_network_agent, name_of, namespace_of, spec_of
from integrations.kubernetes.logs import clean, is_error
from integrations.kubernetes.snapshot import Object

_KINDS = frozenset({"timeout", "reset", "unresolved", "latency"})
_FEWEST = 3
_SHARE = 0.75


def judge_nodes(graph: Graph, said: dict[str, list[Complaint]]) -> Iterator[Judged]:
    """Judge a node that nearly all complaints have in common, at one end or the other, while no workload has."""
    heard = [c for found in said.values() for c in found if c.kind in _KINDS]
    ends = {id(c): _ends(graph, c) for c in heard}
    nodes = sorted({node for found, _ in ends.values() for node in found if node})
    loud = {name_of(c.view.pod) for c in heard}
    for node in nodes:
        found = [c for c in heard if node in ends[id(c)][0]]
        clients = {c.view.entity for c in found}
        shared = [about for about in clients if sum(about in ends[id(c)][1] for c in found) >= _SHARE * len(found)]
        called = {about for c in found for about in ends[id(c)][1]}
        shared += [about for about in called if sum(about in ends[id(c)][1] for c in found) >= _SHARE * len(found)]
        everywhere = any(sum(other in ends[id(c)][0] for c in heard) >= len(found) for other in nodes if other != node)
        if len(found) < _SHARE * len(heard) or len(clients) < _FEWEST or shared or everywhere:
            continue
        if _quiet_elsewhere(graph, node, loud) >= _FEWEST:
            yield _report(graph, node, found, sorted(clients))


def _ends(graph: Graph, complaint: Complaint) -> tuple[set[str], set[str]]:
    """Return the nodes and the workloads at both ends of a call: the server's node only where it has but one."""
    nodes, workloads = {str(spec_of(complaint.view.pod).get("nodeName") or "")}, {complaint.view.entity}
    namespace = namespace_of(complaint.view.pod)
    if (pod := graph.pod_by_ip.get(complaint.host)) is not None:
        servers = [pod]
    else:
        service = service_at(graph, complaint.host, namespace) if complaint.host else None
        selector = spec_of(service or {}).get("selector") or {}
        servers = graph.pods_selected(namespace_of(service), selector) if service is not None else []
    there = {str(spec_of(pod).get("nodeName") or "") for pod in servers if not is_gone(pod)}
    return nodes | (there if len(there) == 1 else set()), workloads | {graph.entity_of(pod) for pod in servers}


def _quiet_elsewhere(graph: Graph, node: str, loud: set[str]) -> int:
    """Count the ready pods on other nodes whose logs were read and do not complain."""
    return sum(
        1
        for pod in graph.pods
        if spec_of(pod).get("nodeName") not in {node, None}
        and is_ready(pod)
        and graph.has_log(pod)
        and name_of(pod) not in loud
        and namespace_of(pod) != "kube-system"
    )


def _report(graph: Graph, node: str, found: list[Complaint], here: list[str]) -> Judged:
    broken = any(c.kind == "reset" or "retransm" in c.text for c in found)
    agents = _agents(graph, node)
    who = ", ".join(about.rpartition("/")[2] for about in here[:3])
    told = f", and so does {name_of(agents[0][0])}" if agents else ""
    return finding(
        "net.loss" if broken else "net.delay",
        f"Node/{node}",
        f"{len(here)} workloads ({who}) lose or await answers, and what their calls share is node {node}{told}; "
        "calls between other nodes go well: the network of this node is likely.",
        severity=Severity.HIGH,
        confidence=0.8 if agents else 0.7,
        evidence=(*(c.cite() for c in found[:4]), *(citation for _, citation in agents[:1])),
        person_decides="Cordon the node, and look at its network plugin, its cables and its kernel's log.",
        explains=here,
    )


def _agents(graph: Graph, node: str) -> list[tuple[Object, Citation]]:
    """Return the network agents of a node whose own log ends with errors, each with its last one."""
    found = []
    for pod in graph.pods:
        if spec_of(pod).get("nodeName") != node or not is_network_agent(pod):
            continue
        for container in spec_of(pod).get("containers") or ():
            name = str(container.get("name"))
            lines = graph.log(pod, name, previous=False)
            for number in range(len(lines), max(0, len(lines) - 20), -1):
                if is_error(clean(lines[number - 1])):
                    line = lines[number - 1]
                    found.append((pod, cite_log(pod, name, previous=False, number=number, line=line)))
                    break
    return found
