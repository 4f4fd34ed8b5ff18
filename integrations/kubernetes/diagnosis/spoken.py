"""Addresses that only logs show: where they are configured is looked up in what a program, or its server, is given."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from bot.domain.alert import Severity
from bot.domain.finding import Citation
from integrations.kubernetes.diagnosis.addresses import is_local, served_ports, service_at
from integrations.kubernetes.diagnosis.changes import describe_change
from integrations.kubernetes.diagnosis.citations import cite_present, escape
from integrations.kubernetes.diagnosis.complaints import Complaint
from integrations.kubernetes.diagnosis.databases import is_database
from integrations.kubernetes.diagnosis.findings import Judged, finding, quote
from integrations.kubernetes.diagnosis.graph import Graph
from integrations.kubernetes.diagnosis.objects import entity, name_of, namespace_of, spec_of, template_of
from integrations.kubernetes.snapshot import Object

_FAILED = frozenset({"refused", "timeout", "reset", "gateway", "protocol", "unresolved"})
_FILE_LIMIT = 50_000


@dataclass(frozen=True, slots=True)
class Holder:
    """The object in which an address is written, the variable or key, and where."""

    entity: str
    name: str
    evidence: tuple[Citation, ...]


def judge_spoken(graph: Graph, said: dict[str, list[Complaint]]) -> Iterator[Judged]:
    """Judge calls to a port that a Service does not serve, as those who make them say; one finding for each place."""
    seen: set[tuple[str, str, int]] = set()
    for about, found in sorted(said.items()):
        for complaint in found:
            if complaint.kind not in _FAILED or not complaint.port or not complaint.host:
                continue
            service = service_at(graph, complaint.host, namespace_of(complaint.view.pod))
            ports = served_ports(graph, service) if service is not None else set()
            if service is None or not ports or complaint.port in ports | _own_ports(graph, service):
                continue
            place = (about, entity(service), complaint.port)
            if place not in seen:
                seen.add(place)
                yield _report(graph, complaint, service, sorted(ports))


def holder_of(graph: Graph, workload: Object | None, host: str, port: int | None = None) -> Holder | None:
    """Return what a workload is given in which a host (and port) is written: its files first, then its variables."""
    if workload is None or not host:
        return None
    namespace = namespace_of(workload)
    for name in _config_maps(workload):
        held = graph.snapshot.get("ConfigMap", namespace, name)
        for key, text in sorted(((held or {}).get("data") or {}).items()):
            if held is not None and _is_written(str(text)[:_FILE_LIMIT], host, port):
                return Holder(entity(held), key, cite_present(held, f"/data/{escape(key)}"))
    root = "/spec" if workload.get("kind") == "Pod" else "/spec/template/spec"
    for position, container in enumerate((template_of(workload).get("spec") or {}).get("containers") or ()):
        for index, entry in enumerate(container.get("env") or ()):
            if _is_written(str(entry.get("value") or ""), host, None):
                pointer = f"{root}/containers/{position}/env/{index}/value"
                return Holder(entity(workload), str(entry.get("name")), cite_present(workload, pointer))
    return None


def announced_by(graph: Graph, namespace: str, host: str, client: str) -> Holder | None:
    """Return the workload whose own variables announce a host to its clients, as brokers do."""
    for workload in graph.workloads:
        if namespace_of(workload) != namespace or entity(workload) == client:
            continue
        found = holder_of(graph, workload, host)
        if found is not None and re.search(r"ADVERTISED|ANNOUNCE|EXTERNAL|PUBLIC|advertised", found.name):
            return found
    return None


def _is_written(text: str, host: str, port: int | None) -> bool:
    first = re.escape(host.split(".", maxsplit=1)[0])
    if not re.search(rf"(?<![\w.-]){first}(?![\w-])", text):
        return False
    return port is None or re.search(rf"(?<!\d){port}(?!\d)", text) is not None


def _config_maps(workload: Object) -> list[str]:
    spec = template_of(workload).get("spec") or {}
    names = [str((volume.get("configMap") or {}).get("name") or "") for volume in spec.get("volumes") or ()]
    for container in spec.get("containers") or ():
        names += [
            str((source.get("configMapRef") or {}).get("name") or "") for source in container.get("envFrom") or ()
        ]
        for entry in container.get("env") or ():
            names.append(str(((entry.get("valueFrom") or {}).get("configMapKeyRef") or {}).get("name") or ""))
    return [name for name in dict.fromkeys(names) if name]


def _own_ports(graph: Graph, service: Object) -> set[int]:
    """Return what the pods behind a headless Service declare: their callers reach them without it."""
    if spec_of(service).get("clusterIP") != "None":
        return set()
    pods = graph.pods_selected(namespace_of(service), spec_of(service).get("selector") or {})
    return {
        int(port.get("containerPort") or 0)
        for pod in pods[:1]
        for container in spec_of(pod).get("containers") or ()
        for port in container.get("ports") or ()
    }


def _report(graph: Graph, complaint: Complaint, service: Object, ports: list[int]) -> Judged:
    workload = graph.snapshot.objects.get(complaint.view.owner)
    holder = holder_of(graph, workload, name_of(service), complaint.port)
    place = holder.entity if holder is not None else complaint.view.entity
    where = f" ({holder.name} of {holder.entity})" if holder is not None else ""
    shown = ", ".join(map(str, ports))
    return finding(
        "db.bad_port" if is_database(graph, service) else "config.bad_address",
        place,
        f"{complaint.view.entity.rpartition('/')[2]} calls port {complaint.port} of Service {name_of(service)}, which "
        f"serves {shown}{where}: {quote(complaint.text, 120)}.{describe_change(graph, workload)}",
        severity=Severity.HIGH,
        confidence=0.9,
        evidence=(complaint.cite(), *cite_present(service, "/spec/ports"), *(holder.evidence if holder else ())),
        person_decides=f"Correct the port where it is configured, then restart {complaint.view.entity}.",
        explains=[complaint.view.entity],
    )


def missing_host(graph: Graph, complaint: Complaint) -> Judged:
    """Return that a program asks for a host that no Service serves, at the place that names the host."""
    workload = graph.snapshot.objects.get(complaint.view.owner)
    about = complaint.view.entity
    holder = holder_of(graph, workload, complaint.host)
    holder = holder or announced_by(graph, namespace_of(complaint.view.pod), complaint.host, about)
    where = f" ({holder.name} of {holder.entity})" if holder is not None else ""
    return finding(
        "config.bad_address",
        holder.entity if holder is not None else about,
        f"{about.rpartition('/')[2]} calls {complaint.host}, which no Service serves{where}: "
        f"{quote(complaint.text, 120)}.",
        severity=Severity.HIGH,
        confidence=0.9 if holder is not None else 0.75,
        evidence=(complaint.cite(), *(holder.evidence if holder is not None else ())),
        person_decides=f"Find where {complaint.host} is configured, and correct it.",
        explains=[about],
    )


def is_unserved(graph: Graph, complaint: Complaint) -> bool:
    """Say whether a complaint names a host of the cluster that no Service serves."""
    namespace = namespace_of(complaint.view.pod)
    return bool(complaint.host) and is_local(graph, complaint.host) and not service_at(graph, complaint.host, namespace)
