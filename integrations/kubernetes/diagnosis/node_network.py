"""Trouble of a node's network: programs of many kinds complain there, and their twins on other nodes do not."""

from collections.abc import Iterator

from bot.domain.alert import Severity
from bot.domain.finding import Citation
from integrations.kubernetes.diagnosis.citations import cite_log
from integrations.kubernetes.diagnosis.complaints import Complaint
from integrations.kubernetes.diagnosis.findings import Judged, finding, is_ready
from integrations.kubernetes.diagnosis.graph import Graph, is_network_agent, name_of, namespace_of, spec_of
from integrations.kubernetes.logs import clean, is_error
from integrations.kubernetes.snapshot import Object

_KINDS = frozenset({"timeout", "reset", "unresolved"})
_FEWEST = 3
_SHARE = 0.75


def judge_nodes(graph: Graph, said: dict[str, list[Complaint]]) -> Iterator[Judged]:
    """Judge a node on which nearly all who complain run, about several others, while other nodes are quiet."""
    heard = [c for found in said.values() for c in found if c.kind in _KINDS]
    by_node: dict[str, list[Complaint]] = {}
    for complaint in heard:
        by_node.setdefault(str(spec_of(complaint.view.pod).get("nodeName") or ""), []).append(complaint)
    loud = {name_of(c.view.pod) for c in heard}
    for node, found in sorted(by_node.items()):
        here = {c.view.entity for c in found}
        hosts = {c.host for c in found}
        if not node or len(here) < _FEWEST or len({name_of(c.view.pod) for c in found}) < _SHARE * len(loud):
            continue
        if (len(hosts) < 2 and "" not in hosts) or _quiet_elsewhere(graph, node, loud) < _FEWEST:
            continue
        yield _report(graph, node, found, sorted(here))


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
        f"{len(here)} workloads on node {node} ({who}) lose or await answers of different others{told}, while pods on "
        "other nodes do not: the network of this node is likely.",
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
