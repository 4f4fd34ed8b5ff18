"""Services that wait for each other: what their logs say is followed along the calls to the one that is ill."""

from collections.abc import Iterable, Iterator

from bot.domain.alert import Severity
from bot.domain.finding import Abstention, Citation, Finding
from integrations.kubernetes.diagnosis.addresses import addresses_of, service_at
from integrations.kubernetes.diagnosis.addressing import judge_addresses, judge_protocols
from integrations.kubernetes.diagnosis.citations import cite_present
from integrations.kubernetes.diagnosis.complaints import Complaint, complaints
from integrations.kubernetes.diagnosis.containers import ContainerView, containers
from integrations.kubernetes.diagnosis.databases import is_database, runs_database, speaks_of
from integrations.kubernetes.diagnosis.dns import judge_names
from integrations.kubernetes.diagnosis.findings import Judged, finding, is_gone, is_ready, quote
from integrations.kubernetes.diagnosis.gateway_files import judge_gateway_files
from integrations.kubernetes.diagnosis.graph import Graph
from integrations.kubernetes.diagnosis.mesh import judge_mesh
from integrations.kubernetes.diagnosis.node_network import judge_nodes
from integrations.kubernetes.diagnosis.objects import entity, name_of, namespace_of, spec_of
from integrations.kubernetes.diagnosis.own_words import judge_clocks, judge_own_words
from integrations.kubernetes.diagnosis.policies import denier
from integrations.kubernetes.diagnosis.spoken import judge_spoken
from integrations.kubernetes.diagnosis.waits import WAITING, called_by, is_over, judge_waits
from integrations.kubernetes.log_fields import level_of
from integrations.kubernetes.logs import clean, template_of
from integrations.kubernetes.snapshot import Object

_CUT_OFF = WAITING | {"connections"}
"""What clients say when a policy keeps them out: pools wait for a connection that never comes."""
_UNEXPLAINED = WAITING | {"unresolved", "protocol"}
_OFTEN = 3
_STORM_LINES, _STORM_FEWEST, _STORM_SHARE, _LINE_LIMIT = 40, 8, 0.5, 1000
_CITED_CALLS = 8


def analyze(graph: Graph) -> Iterable[Judged]:
    """Judge addresses, protocols, names, policies, databases and waits."""
    found = complaints(graph)
    said = _by_workload(found)
    first = [
        *judge_names(graph, said),
        *judge_addresses(graph, said),
        *judge_protocols(graph, found),
        *judge_gateway_files(graph),
        *judge_mesh(graph, said),
        *_policies(graph, said),
    ]
    first += [*judge_spoken(graph, _unanswered(said, first)), *judge_clocks(graph, said)]
    yield from first
    left = _unanswered(said, first)
    yield from judge_own_words(graph, left)
    nodes = list(judge_nodes(graph, left))
    yield from nodes
    yield from judge_waits(graph, _unanswered(left, nodes))


def unexplained(graph: Graph, findings: Iterable[Finding]) -> Iterator[Abstention]:
    """Yield an abstention for each workload whose log goes on complaining and of which no finding speaks."""
    told = {place for found in findings for place in (found.entity, *found.explains)}
    over = {(c.view.entity, c.view.name, c.kind) for c in complaints(graph) if is_over(graph, c)}
    said = {
        about: [c for c in found if c.kind in _UNEXPLAINED and not (c.mild or c.view.crashes or _past(graph, c, over))]
        for about, found in _by_workload(complaints(graph)).items()
    }
    calls = {about: {place for c in found if (place := called_by(graph, c))} for about, found in said.items()}
    grown = True
    while grown:  # those who call somebody whose trouble is explained need no explanation of their own
        more = {about for about, places in calls.items() if about not in told and places & told}
        told |= more
        grown = bool(more)
    for about, found in sorted(said.items()):
        loudest = max(found, key=lambda c: (c.count, c.view.entity, c.number), default=None)
        if about not in told and loudest is not None and loudest.count >= _OFTEN:
            told.add(about)
            yield _unsure(about, loudest.count, loudest.text)
    for view in containers(graph):
        if view.entity not in told and (storm := _storm(graph, view)) is not None:
            told.add(view.entity)
            yield _unsure(view.entity, *storm)


def _past(graph: Graph, complaint: Complaint, over: set[tuple[str, str, str]]) -> bool:
    """Whether a complaint is over; one that names no host goes with the others of its kind."""
    view = complaint.view
    return is_over(graph, complaint) if complaint.host else (view.entity, view.name, complaint.kind) in over


def _unsure(about: str, count: int, text: str) -> Abstention:
    return Abstention(entity=about, reason=f"Its log keeps saying, {count} times at its end: {quote(text, 160)}")


def _storm(graph: Graph, view: ContainerView) -> tuple[int, str] | None:
    """Return how often and what a running program's log ends with, when that is mostly one error over and over."""
    lines = graph.log(view.pod, view.name, previous=False)[-_STORM_LINES:]
    workload = graph.snapshot.objects.get(view.owner)
    guests = workload is not None and runs_database(graph, workload)  # what a database logs is its clients' trouble
    if view.crashes or not view.running or len(lines) < _STORM_FEWEST or guests:
        return None
    errors = [text for line in lines if level_of(text := clean(line)[:_LINE_LIMIT]) == "error"]
    kinds: dict[str, list[str]] = {}
    for text in errors:
        kinds.setdefault(template_of(text), []).append(text)
    most = max(kinds.values(), key=len, default=[])
    if len(most) < _STORM_FEWEST or len(errors) < _STORM_SHARE * len(lines):
        return None
    return len(most), most[-1]


def _by_workload(found: Iterable[Complaint]) -> dict[str, list[Complaint]]:
    said: dict[str, list[Complaint]] = {}
    for complaint in found:
        said.setdefault(complaint.view.entity, []).append(complaint)
    return said


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
            heard = [c for c in said.get(entity(workload), []) if c.kind in _CUT_OFF and _names(graph, c, service)]
            quiet = all(is_ready(pod) for pod in pods) and any(graph.has_log(pod) for pod in pods)
            if policy is not None and (heard or not quiet):
                policies[entity(policy)] = policy
                denied.setdefault(entity(policy), []).append((workload, service, heard, evidence))
    for about, calls in sorted(denied.items()):
        workload, service, heard, evidence = next((call for call in calls if call[2]), calls[0])
        seen = any(call[2] for call in calls)
        verb = "blocks" if seen else "would block"
        more = len({(entity(call[0]), entity(call[1])) for call in calls}) - 1
        others = f" and {more} more call{'s' if more > 1 else ''}" if more else ""
        yield finding(
            "netpol.deny",
            about,
            f"NetworkPolicy {name_of(policies[about])} {verb} {name_of(workload)} from calling Service "
            f"{name_of(service)}{others}: no rule covers it.",
            severity=Severity.HIGH if seen else Severity.WARNING,
            confidence=0.92 if seen else 0.65,
            evidence=(*cite_present(policies[about], "/spec"), *_each_call(calls, heard), *evidence),
            person_decides="Add a rule for this call if it is meant to work, or remove the policy.",
            explains=[entity(call[0]) for call in calls if call[2]],
        )


def _each_call(
    calls: Iterable[tuple[Object, Object, list[Complaint], object]], first: list[Complaint]
) -> list[Citation]:
    """Cite what is said of every call that a policy forbids, so that nobody else is blamed for it."""
    said = [*first[:2], *(call[2][0] for call in calls if call[2] and call[2] is not first)]
    return [complaint.cite() for complaint in said[:_CITED_CALLS]]


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
        if service is not None and entity(service) not in seen and complaint.kind in WAITING:
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
    if not complaint.host:
        return speaks_of(graph, service, complaint.text) or (
            complaint.kind == "connections" and is_database(graph, service)
        )
    return service_at(graph, complaint.host, namespace_of(complaint.view.pod)) is service
