"""Programs that wait for others in vain: followed along the calls to the one that is ill, or to what lies between."""

import re
from collections.abc import Iterator
from datetime import datetime

from bot.domain.alert import Severity
from bot.domain.finding import Citation
from integrations.kubernetes.diagnosis.addresses import backing, service_at
from integrations.kubernetes.diagnosis.citations import cite_log, cite_present
from integrations.kubernetes.diagnosis.complaints import Complaint
from integrations.kubernetes.diagnosis.findings import Judged, finding, is_gone, is_ready, quote
from integrations.kubernetes.diagnosis.graph import Graph
from integrations.kubernetes.diagnosis.log_times import CURRENT_SECONDS, is_old, last_time, silent_since, time_of
from integrations.kubernetes.diagnosis.objects import condition_of, entity, name_of, namespace_of, spec_of
from integrations.kubernetes.logs import clean
from integrations.kubernetes.snapshot import Object

WAITING = frozenset({"timeout", "refused", "reset", "gateway", "latency"})
_LINE_LIMIT = 500
_BY_STATUS = frozenset({"gateway", "refused"})
_SLOW = re.compile(
    r"GC pause|overload|queue (?:is )?full|lock wait|deadlock|thread ?pool|backpressure|too busy|\bgc\b.{0,40}overhead|"
    r"spent \[?\d+(?:\.\d+)?m?s\]? (?:in|collecting)|active for \d{2,} sec",
    re.IGNORECASE,
)
_TOOK = re.compile(
    r"(?:slow|took|dur(?:ation)?|elapsed|latency|response.?time|completed \d* ?\w* ?in|handled in|\bin)"
    r"(?P<unit>Millis|_?ms)?\W{0,5}(?P<number>\d+(?:\.\d+)?) ?(?P<suffix>ms|milliseconds|s|sec|seconds)?\b",
    re.IGNORECASE,
)
_FINE = re.compile(
    r"below threshold|checkpoint|vacuum|within|\bstart(?:ed|up|ing)\b|initiali[sz]|\d+ changes in \d+ seconds",
    re.IGNORECASE,
)
_LONG_SECONDS, _NOTABLE_SECONDS = 1.0, 0.5
_OTHERS = 2
_NEXT = {
    "app.dependency_timeout": "Find out what {name} is busy with: its threads, its connections, its load.",
    "net.delay": "Measure a call to {name} on its own node and from its callers' nodes.",
    "net.loss": "Look for dropped packets between {name} and its callers: their nodes, the network plugin, conntrack.",
}


def judge_waits(graph: Graph, said: dict[str, list[Complaint]]) -> Iterator[Judged]:
    """Follow those who wait to the last one that does not wait itself; one finding for each such end."""
    ends: dict[str, list[Complaint]] = {}
    said = {about: [c for c in found if c.kind in WAITING and not is_over(graph, c)] for about, found in said.items()}
    heard = [c for found in said.values() for c in found]
    singled = {name_of(graph.pod_by_ip[c.host]) for c in heard if _is_singled_out(graph, c)}
    for found in said.values():
        for complaint in found:
            if name_of(complaint.view.pod) in singled:
                continue  # others complain of this very pod: what it says of its own calls is the same trouble
            if end := _follow(graph, said, complaint):
                ends.setdefault(end, []).append(complaint)
    for end, callers in sorted(ends.items()):
        judged = _report_wait(graph, end, sorted(callers, key=lambda c: (c.view.crashes, -c.count, c.view.entity)))
        if judged is not None:
            yield judged


def _follow(graph: Graph, said: dict[str, list[Complaint]], complaint: Complaint) -> str | None:
    seen = {complaint.view.entity}
    current: Complaint | None = complaint
    end = None
    while current is not None:
        place = called_by(graph, current)
        if place is None or place in seen:
            return place or end
        end = place
        seen.add(end)
        if _is_singled_out(graph, current):
            return end
        current = next((c for c in said.get(end, []) if c.host), None)
    return end


def _is_singled_out(graph: Graph, complaint: Complaint) -> bool:
    """Whether a line names the address of one pod of several: what lies behind all of them is not to blame."""
    pod = graph.pod_by_ip.get(complaint.host)
    return pod is not None and len(graph.pods_of_key(graph.owner_key(pod))) > 1


def called_by(graph: Graph, complaint: Complaint) -> str | None:
    """Return the workload that a complaint is about, or its Service when nothing stands behind that."""
    if (pod := graph.pod_by_ip.get(complaint.host)) is not None:
        return graph.entity_of(pod)
    service = service_at(graph, complaint.host, namespace_of(complaint.view.pod)) if complaint.host else None
    if service is None:
        return None
    owners = backing(graph, service)
    return entity(owners[0]) if owners else entity(service)


def _report_wait(graph: Graph, end: str, heard: list[Complaint]) -> Judged | None:
    clients = sorted({c.view.entity for c in heard})
    who = ", ".join(client.rpartition("/")[2] for client in clients[:3])
    name = end.rpartition("/")[2]
    pods = _pods_of(graph, end)
    evidence = tuple(c.cite() for c in heard[:3])
    slow = _slow_line(graph, pods)
    key, told, confidence = "app.dependency_timeout", "does not answer in time", 0.65
    if slow is not None:
        line = clean(str(slow.value))
        evidence, told, confidence = (*evidence, slow), f"is slow by its own log ({quote(line, 80)})", 0.8
    elif all(c.kind == "refused" for c in heard):
        running = pods and all(is_ready(pod) for pod in pods)
        told = "refuses connections although its pods run" if running else "refuses connections"
    elif pods and all(is_ready(pod) for pod in pods) and any(graph.has_log(pod) for pod in pods):
        if (last := _last_words(graph, pods, heard)) is not None:
            at, words = last
            told = f"runs and has written nothing since {at:%H:%M:%S}: it hangs, or nothing reaches it"
            evidence += (words,)
        elif all(c.kind in _BY_STATUS for c in heard):
            return None  # an answer with an error is an answer: the network carried it
        elif all(c.mild and c.kind == "latency" and not _takes(c.text, _NOTABLE_SECONDS) for c in heard):
            return None  # a warning about a tight budget
        else:
            # It runs, it writes and it does not complain: what is slow lies between the two.
            key = _network_key(heard)
            told, confidence = "looks well by its own log: the network between them is likely, not proven", 0.5
            evidence += cite_present(pods[0], "/status/conditions")
            if (node := _common_node(graph, heard, pods)) is not None:
                end = node
            elif (middle := _in_the_middle(graph, end, heard)) is not None:
                return _report_middle(middle, name, heard, evidence)
    return finding(
        key,
        end,
        f"{who} wait{'s' if len(clients) == 1 else ''} in vain for {name}: it {told}{_one_of(graph, heard, pods)}.",
        severity=Severity.WARNING if all(c.mild for c in heard) else Severity.HIGH,
        confidence=confidence,
        evidence=evidence,
        person_decides=_NEXT[key].format(name=name),
        explains=clients,
    )


def _network_key(heard: list[Complaint]) -> str:
    return "net.loss" if any(c.kind == "reset" for c in heard) else "net.delay"


def _report_middle(middle: str, last: str, heard: list[Complaint], evidence: tuple[Citation, ...]) -> Judged:
    """Report one that is waited for and waits itself, while the one it calls looks well: its own network, likely."""
    clients = sorted({c.view.entity for c in heard} - {middle})
    who, name = ", ".join(client.rpartition("/")[2] for client in clients[:3]), middle.rpartition("/")[2]
    return finding(
        _network_key(heard),
        middle,
        f"{who} wait in vain for {name}, and {name} for {last}, which looks well by its own log: what all slow calls "
        f"share is {name}, and its network is likely, not proven.",
        severity=Severity.WARNING if all(c.mild for c in heard) else Severity.HIGH,
        confidence=0.5,
        evidence=evidence,
        person_decides=f"Look at the network of {name}'s pods and of their nodes, then at {last}.",
        explains=(*clients, middle),
    )


def _pods_of(graph: Graph, about: str) -> list[Object]:
    workload = graph.object_of(about)
    return [pod for pod in (graph.pods_of(workload) if workload is not None else ()) if not is_gone(pod)]


def is_over(graph: Graph, complaint: Complaint) -> bool:
    """Whether something was said of a workload before its pods became ready, as during a restart."""
    pods = _pods_of(graph, called_by(graph, complaint) or "")
    said = time_of(complaint.line)
    ready = [found[1] for pod in pods if (found := condition_of(pod, "Ready")) is not None and is_ready(pod)]
    if said is None or not pods or len(ready) < len(pods):
        return False
    ages = [graph.age_seconds(item.get("lastTransitionTime")) for item in ready]
    since = max((age for age in ages if age is not None), default=None)
    return since is not None and since < (graph.now - said).total_seconds() < CURRENT_SECONDS


def _in_the_middle(graph: Graph, end: str, heard: list[Complaint]) -> str | None:
    """Return the only one that calls an end directly, where others wait for it too: all slow calls touch it."""
    direct = {c.view.entity for c in heard if called_by(graph, c) == end}
    if len(direct) != 1:
        return None
    [middle] = direct
    others = {c.view.entity for c in heard if called_by(graph, c) == middle}
    return middle if len(others) >= _OTHERS else None


def _last_words(graph: Graph, pods: list[Object], heard: list[Complaint]) -> tuple[datetime, Citation] | None:
    """Return when all pods that are waited for stopped writing, though they used to, with the newest line."""
    until = max((at for c in heard if (at := time_of(c.line)) is not None), default=None)
    if until is None:
        return None
    found = []
    for pod in pods:
        for container in spec_of(pod).get("containers") or ():
            name = str(container.get("name"))
            lines = graph.log(pod, name, previous=False)
            if not lines:
                continue
            if (at := silent_since(lines, until)) is None:
                return None
            found.append((at, cite_log(pod, name, previous=False, number=len(lines), line=lines[-1])))
    return max(found, key=lambda pair: pair[0], default=None)


def _one_of(graph: Graph, heard: list[Complaint], pods: list[Object]) -> str:
    """Say that of several pods only one is complained of, where the lines name their addresses."""
    meant = {name_of(pod): pod for c in heard if (pod := graph.pod_by_ip.get(c.host)) is not None}
    if len(meant) != 1 or len(pods) < 2 or any(c.host not in graph.pod_by_ip for c in heard):
        return ""
    [(name, pod)] = meant.items()
    return f"; of its {len(pods)} pods only {name} on node {spec_of(pod).get('nodeName')} is complained of"


def _is_slow(line: str) -> bool:
    """Say whether a line tells of work that took a second or longer, or of what makes all work wait."""
    return not _FINE.search(line) and (_SLOW.search(line) is not None or _takes(line, _LONG_SECONDS))


def _takes(line: str, least: float) -> bool:
    """Say whether a line tells of work that took at least so many seconds."""
    for match in _TOOK.finditer(line):
        unit = (match["unit"] or match["suffix"] or "").lower().strip("_")
        seconds = float(match["number"]) / (1000 if unit.startswith("m") else 1)
        if unit and seconds >= least:
            return True
    return False


def _slow_line(graph: Graph, pods: list[Object]) -> Citation | None:
    for pod in pods:
        for container in spec_of(pod).get("containers") or ():
            lines = graph.log(pod, str(container.get("name")), previous=False)
            last = last_time(lines)
            for number in range(len(lines), max(0, len(lines) - 60), -1):
                line = lines[number - 1]
                if _is_slow(line[:_LINE_LIMIT]) and not is_old(line, graph.now, last):
                    return cite_log(pod, str(container.get("name")), previous=False, number=number, line=line)
    return None


def _common_node(graph: Graph, heard: list[Complaint], servers: list[Object]) -> str | None:
    """Return the node on which all who complain, or all who are complained of, run while others run elsewhere."""
    nodes = {str(spec_of(pod).get("nodeName")) for pod in graph.pods}
    for pods in ([c.view.pod for c in heard], servers):
        where = {str(spec_of(pod).get("nodeName")) for pod in pods}
        if len(where) == 1 and len(pods) > 2 and len(nodes) > 1:
            return f"Node/{where.pop()}"
    return None
