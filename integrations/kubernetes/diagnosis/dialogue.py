"""Services that wait for each other: what their logs say is followed along the calls to the one that is ill."""

import re
from collections.abc import Iterable, Iterator

from bot.domain.alert import Severity
from bot.domain.finding import Citation, Finding
from integrations.kubernetes.diagnosis.addresses import addresses_of, backing, database_behind, service_at
from integrations.kubernetes.diagnosis.addressing import judge_addresses, judge_protocols
from integrations.kubernetes.diagnosis.citations import cite_log, cite_present
from integrations.kubernetes.diagnosis.complaints import Complaint, complaints
from integrations.kubernetes.diagnosis.crash_remedies import claim_of
from integrations.kubernetes.diagnosis.dns import judge_names
from integrations.kubernetes.diagnosis.findings import Judged, clip, finding, is_gone, is_ready
from integrations.kubernetes.diagnosis.graph import Graph, entity, name_of, namespace_of, spec_of
from integrations.kubernetes.diagnosis.policies import denier
from integrations.kubernetes.snapshot import Object

_WAITING = frozenset({"timeout", "refused", "reset"})
_MILD = re.compile(r"\bWARN(?:ING)?\b|\"(?:level|severity)\": ?\"warn|level=warn", re.IGNORECASE)
_SLOW = re.compile(
    r"\bslow(?: query| request|ly)?\b|(?:took|duration|elapsed|latency)\W{0,4}\d{4,}(?:\.\d+)? ?(?:ms)?\b|"
    r"(?:took|duration|elapsed|latency)\W{0,4}(?:\d{2,}|[2-9])(?:\.\d+)? ?s\b|GC pause|overload|queue (?:is )?full|"
    r"lock wait|deadlock|thread ?pool|backpressure|too busy",
    re.IGNORECASE,
)


def analyze(graph: Graph) -> Iterable[Judged]:
    """Judge addresses, protocols, names, policies, databases and waits."""
    found = complaints(graph)
    said: dict[str, list[Complaint]] = {}
    for complaint in found:
        said.setdefault(complaint.view.entity, []).append(complaint)
    first = [
        *judge_names(graph, said),
        *judge_addresses(graph, said),
        *judge_protocols(graph, found),
        *_policies(graph, said),
    ]
    yield from first
    yield from _own_words(graph, said)
    yield from _waits(graph, _unanswered(said, first))


def _unanswered(said: dict[str, list[Complaint]], judged: list[Judged]) -> dict[str, list[Complaint]]:
    """Leave out the complaints that a finding cites already, with all that the same client says of the same host."""
    cited = {(c.entity, c.pointer) for item in judged if isinstance(item, Finding) for c in item.evidence}
    answered = {
        (about, complaint.host)
        for about, found in said.items()
        for complaint in found
        if ((citation := complaint.cite()).entity, citation.pointer) in cited
    }
    return {about: [c for c in found if (about, c.host) not in answered] for about, found in said.items()}


def _policies(graph: Graph, said: dict[str, list[Complaint]]) -> Iterator[Judged]:
    """Judge the calls that a NetworkPolicy forbids: those that are seen to fail, or that nothing contradicts."""
    if not graph.all("NetworkPolicy"):
        return
    denied: dict[str, list[tuple[Object, Object, list[Complaint], tuple[Citation, ...]]]] = {}
    policies: dict[str, Object] = {}
    for workload in graph.workloads:
        pods = [pod for pod in graph.pods_of(workload) if not is_gone(pod)]
        for service, port, evidence in _calls(graph, workload, said) if pods else ():
            servers = graph.pods_selected(namespace_of(service), spec_of(service).get("selector") or {})
            if not servers or graph.owner_key(servers[0]) == graph.owner_key(pods[0]):
                continue
            policy = denier(graph, pods[0], servers[0], _target_port(servers[0], service, port))
            heard = [c for c in said.get(entity(workload), []) if c.kind in _WAITING and _names(graph, c, service)]
            quiet = all(is_ready(pod) for pod in pods) and any(graph.has_log(pod) for pod in pods)
            if policy is not None and (heard or not quiet):
                policies[entity(policy)] = policy
                denied.setdefault(entity(policy), []).append((workload, service, heard, evidence))
    for about, calls in sorted(denied.items()):
        workload, service, heard, evidence = next((call for call in calls if call[2]), calls[0])
        seen = any(call[2] for call in calls)
        verb = "blocks" if seen else "would block"
        more = len({(entity(call[0]), entity(call[1])) for call in calls}) - 1
        yield finding(
            "netpol.deny",
            about,
            f"NetworkPolicy {name_of(policies[about])} {verb} {name_of(workload)} from calling Service "
            f"{name_of(service)}{f' and {more} more calls' if more else ''}: no rule covers it.",
            severity=Severity.HIGH if seen else Severity.WARNING,
            confidence=0.92 if seen else 0.65,
            evidence=(*cite_present(policies[about], "/spec"), *(c.cite() for c in heard[:2]), *evidence),
            person_decides="Add a rule for this call if it is meant to work, or remove the policy.",
            explains=[entity(call[0]) for call in calls if call[2]],
        )


def _calls(
    graph: Graph, workload: Object, said: dict[str, list[Complaint]]
) -> Iterator[tuple[Object, int | None, tuple[Citation, ...]]]:
    """Yield the Services that a workload calls, as its settings and its complaints name them."""
    namespace, seen = namespace_of(workload), set()
    for address in addresses_of(graph, workload):
        service = service_at(graph, address.host, namespace)
        if service is not None and entity(service) not in seen:
            seen.add(entity(service))
            yield service, address.port, address.evidence
    for complaint in said.get(entity(workload), []):
        service = service_at(graph, complaint.host, namespace) if complaint.host else None
        if service is not None and entity(service) not in seen and complaint.kind in _WAITING:
            seen.add(entity(service))
            yield service, complaint.port, ()


def _target_port(pod: Object, service: Object, port: int | None) -> int | None:
    ports = list(spec_of(service).get("ports") or ())
    chosen = [entry for entry in ports if entry.get("port") == port] or (ports if len(ports) == 1 else [])
    target = chosen[0].get("targetPort", chosen[0].get("port")) if chosen else None
    if isinstance(target, int):
        return target
    for container in spec_of(pod).get("containers") or ():
        for entry in container.get("ports") or ():
            if entry.get("name") == target:
                return int(entry.get("containerPort") or 0)
    return None


def _names(graph: Graph, complaint: Complaint, service: Object) -> bool:
    return bool(complaint.host) and service_at(graph, complaint.host, namespace_of(complaint.view.pod)) is service


_OWN = {
    "connections": ("db.connections_exhausted", "takes no more connections",
                    "Find who holds the connections; lower the clients' pools or raise the database's limit."),
    "read_only": ("db.read_only", "refuses to write",
                  "Find out why: a replica that was not promoted, a full disk, or a setting."),
    "credentials": ("db.bad_credentials", "is refused because of its credentials",
                    "Somebody who may read the Secret has to correct the credentials, then restart the pods."),
    "certificate": ("cert.expired", "meets a certificate that is not valid",
                    "Renew the certificate, then restart what serves it."),
    "forbidden": ("rbac.forbidden", "lacks a permission of its ServiceAccount",
                  "Grant the permission, or correct the ServiceAccount."),
    "disk": ("pvc.full", "has a full disk", "Free space or enlarge the volume."),
}  # fmt: skip


def _own_words(graph: Graph, said: dict[str, list[Complaint]]) -> Iterator[Judged]:
    """Judge what running programs say about databases, certificates, permissions and disks."""
    seen: set[tuple[str, str]] = set()
    for about, found in sorted(said.items()):
        for complaint in found:
            if complaint.kind not in _OWN or complaint.view.crashes:
                continue
            key, told, decide = _OWN[complaint.kind]
            workload = graph.snapshot.objects.get(complaint.view.owner)
            place, who = about, about.rpartition("/")[2]
            if complaint.kind in {"connections", "read_only"}:
                database = database_behind(graph, workload, complaint.text)
                place, who = (entity(database), name_of(database)) if database is not None else (place, who)
            elif complaint.kind == "disk":
                place = claim_of(complaint.view.pod, complaint.view.spec, complaint.text) or about
            if (key, place) in seen:
                continue
            seen.add((key, place))
            yield finding(
                key,
                place,
                f"{who} {told}: {clip(complaint.text)} ({complaint.count} times at the end of the log).",
                severity=Severity.HIGH,
                confidence=0.85 if complaint.count > 1 else 0.7,
                evidence=(complaint.cite(), *cite_present(complaint.view.pod, f"{complaint.view.pointer}/ready")),
                person_decides=decide,
                explains=[about],
            )


def _waits(graph: Graph, said: dict[str, list[Complaint]]) -> Iterator[Judged]:
    """Follow those who wait to the last one that does not wait itself; one finding for each such end."""
    ends: dict[str, list[Complaint]] = {}
    for found in said.values():
        for complaint in found:
            if complaint.kind in _WAITING and (end := _follow(graph, said, complaint)):
                ends.setdefault(end, []).append(complaint)
    for end, heard in sorted(ends.items()):
        yield _report_wait(graph, end, sorted(heard, key=lambda c: (c.view.crashes, -c.count, c.view.entity)))


def _follow(graph: Graph, said: dict[str, list[Complaint]], complaint: Complaint) -> str | None:
    seen = {complaint.view.entity}
    current: Complaint | None = complaint
    end = None
    while current is not None:
        service = service_at(graph, current.host, namespace_of(current.view.pod)) if current.host else None
        owners = backing(graph, service) if service is not None else []
        if service is None:
            return end
        if not owners:
            return entity(service)
        end = entity(owners[0])
        if end in seen:
            return end
        seen.add(end)
        current = next((c for c in said.get(end, []) if c.kind in _WAITING and c.host), None)
    return end


def _report_wait(graph: Graph, end: str, heard: list[Complaint]) -> Judged:
    clients = sorted({c.view.entity for c in heard})
    who = ", ".join(client.rpartition("/")[2] for client in clients[:3])
    kind, _, rest = end.partition("/")
    namespace, _, name = rest.rpartition("/")
    workload = graph.snapshot.get(kind, namespace, name)
    pods = [pod for pod in (graph.pods_of(workload) if workload is not None else ()) if not is_gone(pod)]
    evidence = tuple(c.cite() for c in heard[:3])
    slow = _slow_line(graph, pods)
    key, told, confidence = "app.dependency_timeout", "does not answer in time", 0.65
    if slow is not None:
        evidence, told, confidence = (*evidence, slow), f"is slow by its own log ({clip(str(slow.value), 80)})", 0.8
    elif all(c.kind == "refused" for c in heard):
        told = "refuses connections although its pods run"
    elif pods and all(is_ready(pod) for pod in pods) and any(graph.has_log(pod) for pod in pods):
        # It runs, it writes and it does not complain: what is slow lies between the two.
        key = "net.loss" if any(c.kind == "reset" for c in heard) else "net.delay"
        told, confidence = (
            "looks well by its own log: the network between them is likely, not proven",
            0.5,
        )
        end = _common_node(graph, heard, pods) or end
        evidence += cite_present(pods[0], "/status/conditions")
    return finding(
        key,
        end,
        f"{who} wait{'s' if len(clients) == 1 else ''} in vain for {name}: it {told}.",
        severity=Severity.WARNING if all(_MILD.search(c.text, 0, 200) for c in heard) else Severity.HIGH,
        confidence=confidence,
        evidence=evidence,
        person_decides=f"Look at {name} first: those who call it recover by themselves.",
        explains=clients,
    )


def _slow_line(graph: Graph, pods: list[Object]) -> Citation | None:
    for pod in pods:
        for container in spec_of(pod).get("containers") or ():
            lines = graph.log(pod, str(container.get("name")), previous=False)
            for number in range(len(lines), max(0, len(lines) - 60), -1):
                if _SLOW.search(lines[number - 1], 0, 500):
                    line = lines[number - 1]
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
