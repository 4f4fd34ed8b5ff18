"""Trouble of a node's network: what many complaints of different programs have in common is one node."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

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

_UNANSWERED = re.compile(r"time(?:d)?[ -]?out|EAI_AGAIN|temporary failure|try again", re.IGNORECASE)
_KINDS = frozenset({"timeout", "reset", "unresolved", "latency"})
_FEWEST = 3
_HALF, _SHARE = 0.5, 0.75


def judge_nodes(graph: Graph, said: dict[str, list[Complaint]]) -> Iterator[Judged]:
    """Judge a node that nearly all complaints have in common, at one end or the other, while no workload has."""
    heard = [c for found in said.values() for c in _that_say_most(found)]
    ends = {id(c): _ends(graph, c) for c in heard}
    nodes = sorted({node for end in ends.values() for node in end.nodes if node})
    loud = {name_of(c.view.pod) for c in heard}
    for node in nodes:
        found = [c for c in heard if node in ends[id(c)].nodes]
        possible = sum(node in ends[id(c)].nodes | ends[id(c)].possible for c in heard)
        clients = {c.view.entity for c in found}
        called = {about for c in found for about in ends[id(c)].workloads}
        shared = any(sum(about in ends[id(c)].workloads for c in found) >= _SHARE * len(found) for about in called)
        others = (sum(other in ends[id(c)].nodes for c in heard) for other in nodes if other != node)
        everywhere = any(count >= len(found) for count in others)
        # What is only possible needs more voices.
        enough = _FEWEST if len(found) >= _SHARE * len(heard) else 2 * _FEWEST
        few = len(found) < _HALF * len(heard) or possible < _SHARE * len(heard) or len(clients) < enough
        if few or shared or everywhere:
            continue
        if _quiet_elsewhere(graph, node, loud) >= _FEWEST:
            yield _report(graph, node, found, sorted(clients))


@dataclass(frozen=True, slots=True)
class _Ends:
    """The nodes and workloads at both ends of a call; `possible` are the nodes of a server that has several."""

    nodes: set[str]
    possible: set[str]
    workloads: set[str]


def _that_say_most(found: list[Complaint]) -> list[Complaint]:
    """Return a client's complaints of the network, without the lines that name no host where others do."""
    heard = [c for c in found if c.kind in _KINDS and (c.kind != "unresolved" or _UNANSWERED.search(c.text))]
    return [c for c in heard if c.host] or heard


def _ends(graph: Graph, complaint: Complaint) -> _Ends:
    nodes, workloads = {str(spec_of(complaint.view.pod).get("nodeName") or "")}, {complaint.view.entity}
    namespace = namespace_of(complaint.view.pod)
    if (pod := graph.pod_by_ip.get(complaint.host)) is not None:
        servers = [pod]
    else:
        service = service_at(graph, complaint.host, namespace) if complaint.host else None
        selector = spec_of(service or {}).get("selector") or {}
        servers = graph.pods_selected(namespace_of(service), selector) if service is not None else []
    there = {str(spec_of(pod).get("nodeName") or "") for pod in servers if not is_gone(pod)}
    workloads |= {graph.entity_of(pod) for pod in servers}
    return _Ends(nodes | there, set(), workloads) if len(there) == 1 else _Ends(nodes, there, workloads)


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
