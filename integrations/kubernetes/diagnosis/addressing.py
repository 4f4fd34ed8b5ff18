"""Addresses that nobody serves, and protocols on which two sides do not agree."""

import re
from collections.abc import Iterable, Iterator
from difflib import SequenceMatcher
from typing import Any

from bot.domain.alert import Severity
from bot.domain.finding import SuggestedAction
from integrations.kubernetes.diagnosis.addresses import Address, addresses_of, is_local, served_ports, service_at
from integrations.kubernetes.diagnosis.changes import container_of, describe_change, env_names, rollback_action
from integrations.kubernetes.diagnosis.citations import cite_present
from integrations.kubernetes.diagnosis.complaints import Complaint
from integrations.kubernetes.diagnosis.databases import is_database
from integrations.kubernetes.diagnosis.findings import Judged, action, finding, is_gone, is_ready, is_starting
from integrations.kubernetes.diagnosis.graph import Graph
from integrations.kubernetes.diagnosis.objects import entity, name_of, namespace_of, spec_of
from integrations.kubernetes.snapshot import Object

_CONNECTING = frozenset({"unresolved", "refused", "timeout", "reset", "gateway"})
_NEAR = 0.72
_ALIKE = 0.85
_BESIDE = frozenset({"management", "admin", "metrics", "console", "ui", "stats", "monitoring", "prometheus"})
"""Names of ports at which nobody serves what the Service is there for."""
_TLS = frozenset({"https", "tls", "grpcs"})
_FAMILIES = {
    "http": "http", "https": "tls", "tls": "tls", "grpc": "http2", "h2c": "http2", "http2": "http2",
    "mysql": "mysql", "redis": "redis", "mongo": "mongo", "postgres": "postgres", "postgresql": "postgres",
}  # fmt: skip


def judge_addresses(graph: Graph, said: dict[str, list[Complaint]]) -> Iterator[Judged]:
    """Judge what workloads are told to call. `said` holds the complaints of each workload by entity."""
    seen: set[tuple[str, str, str, int | None]] = set()
    for workload in graph.workloads:
        if (workload.get("kind") == "Job" and graph.entity_of(workload) != entity(workload)) or not graph.all(
            "Service"
        ):
            continue
        about = graph.entity_of(workload)
        for address in addresses_of(graph, workload):
            place = (address.source, address.name, address.host, address.port)
            if place in seen:
                continue
            judged = _judge(graph, workload, address, said.get(about, []))
            if judged is not None:
                seen.add(place)
                yield judged


def _judge(graph: Graph, workload: Object, address: Address, said: list[Complaint]) -> Judged | None:
    namespace = namespace_of(workload)
    service = service_at(graph, address.host, namespace)
    heard = [c for c in said if c.kind in _CONNECTING and _is_about(graph, c, address)]
    suffers = bool(heard) or _suffers(graph, workload)
    logged = any(graph.has_log(pod) for pod in graph.pods_of(workload))
    if service is None:
        if not is_local(graph, address.host) or not graph.services_in(namespace):
            return None
        near = _nearest(graph, address.host, namespace)
        if not heard and (near is None or not suffers or logged):
            return None
        told = f"the host {address.host}, which no Service serves"
        if near:
            told += f" (the nearest is {near})"
        wanted = near and address.value.replace(address.host, near)
        confidence = 0.93 if heard and near else 0.85 if heard else 0.7
        return _report(graph, workload, address, "config.bad_address", told, heard, wanted or "", confidence, None)
    ports = served_ports(graph, service)
    if address.port is None or not ports or address.port in ports or (logged and not heard and not suffers):
        return None
    right = next(iter(ports)) if len(ports) == 1 else _likely(service, address)
    key = "db.bad_port" if is_database(graph, service) else "config.bad_address"
    told = f"port {address.port} of Service {name_of(service)}, which serves {', '.join(map(str, sorted(ports)))}"
    wanted = (
        address.value.replace(f":{address.port}", f":{right}") if right and f":{address.port}" in address.value else ""
    )
    confidence = 0.95 if heard else 0.85 if suffers else 0.7
    return _report(graph, workload, address, key, told, heard, wanted, confidence, service)


def _report(
    graph: Graph, workload: Object, address: Address, key: str, told: str, heard: list[Complaint], wanted: str,
    confidence: float, service: Object | None,
) -> Judged:  # fmt: skip
    evidence = (*address.evidence, *(c.cite() for c in heard[:2]))
    if service is not None:
        evidence += cite_present(service, "/spec/ports")
    actions: list[SuggestedAction] = []
    if address.source == entity(workload):

        def differs(template: dict[str, Any]) -> bool:
            before = env_names(container_of(template, address.container)).get(address.name, {})
            return bool(before.get("value")) and before["value"] != address.value

        if undo := rollback_action(graph, workload, entity(workload), differs):
            actions.append(undo)
        if wanted and "[redacted]" not in wanted and address.name.replace("_", "").isalnum():
            reason = f"{address.name} then names what is served"
            change = {"container": address.container, "name": address.name, "value": wanted}
            actions.append(action("set_env", entity(workload), reason, **change))
    return finding(
        key,
        address.source,
        f"{workload['kind']} {name_of(workload)} is told by {address.name} to call {told}."
        f"{describe_change(graph, workload)}",
        severity=Severity.HIGH if heard or confidence >= 0.85 else Severity.WARNING,
        confidence=confidence,
        evidence=evidence,
        actions=actions,
        person_decides=f"Correct {address.name} in {address.source}, then restart the pods that read it.",
        explains=[entity(workload)],
    )


def _is_about(graph: Graph, complaint: Complaint, address: Address) -> bool:
    if complaint.port not in {None, address.port}:
        return False
    called = graph.service_by_ip.get(complaint.host)  # programs often print the address that a name stood for
    if called is not None:
        return called is service_at(graph, address.host, namespace_of(complaint.view.pod))
    first = address.host.split(".")[0]
    if complaint.host and complaint.host.split(".")[0] == first:
        return True
    if complaint.kind == "gateway" and complaint.host and _are_alike(first, complaint.host):
        return True  # a gateway logs the path that was asked for, and that is often called like its backend
    return bool(re.search(rf"(?<![\w.-]){re.escape(address.host)}(?![\w-])", complaint.text))


def _are_alike(one: str, other: str) -> bool:
    return one.startswith(f"{other}-") or SequenceMatcher(None, one, other).ratio() >= _ALIKE


def _suffers(graph: Graph, workload: Object) -> bool:
    pods = [pod for pod in graph.pods_of(workload) if not is_gone(pod)]
    return any(not is_ready(pod) and not is_starting(graph, pod) for pod in pods)


def _nearest(graph: Graph, host: str, namespace: str) -> str | None:
    """Return the host that was probably meant: a Service of a similar name there, or of this name elsewhere."""
    first, *rest = host.split(".")
    where = rest[0] if rest else namespace
    scored = [
        (SequenceMatcher(None, first, name).ratio(), name)
        for name in sorted(graph.service_names(where) or graph.service_names(namespace))
    ]
    best = max(scored, default=(0.0, ""))
    if best[0] >= _NEAR:
        return ".".join([best[1], *rest]) if graph.service_names(where) else best[1]
    elsewhere = [namespace_of(service) for service in graph.all("Service") if name_of(service) == first]
    return f"{first}.{elsewhere[0]}" if len(elsewhere) == 1 else None


def _likely(service: Object, address: Address) -> int | None:
    """Return the port of a Service whose name the variable's scheme speaks of."""
    for port in spec_of(service).get("ports") or ():
        if address.scheme and str(port.get("name")).startswith(address.scheme):
            return int(port.get("port") or 0)
    return None


def judge_protocols(graph: Graph, found: Iterable[Complaint]) -> Iterator[Judged]:
    """Judge declared protocols that contradict each other, and what clients say about the other side's words."""
    heard: dict[str, list[Complaint]] = {}
    for complaint in found:
        service = _spoken_of(graph, complaint) if complaint.kind == "protocol" else None
        if service is not None:
            heard.setdefault(entity(service), []).append(complaint)
    for service in graph.all("Service"):
        said = heard.get(entity(service), [])
        if (client := _wrong_scheme(graph, service, said)) is not None:
            yield client
            continue
        mismatch = _contradiction(graph, service)
        if mismatch is None and not said:
            continue
        position, told = mismatch or (0, "does not speak the protocol that its callers use")
        evidence = cite_present(service, f"/spec/ports/{position}/appProtocol", f"/spec/ports/{position}/port")
        yield finding(
            "svc.protocol",
            entity(service),
            f"Service {name_of(service)} {told}.",
            severity=Severity.HIGH if said else Severity.WARNING,
            confidence=0.9 if said and mismatch else 0.75,
            evidence=(*evidence, *(c.cite() for c in said[:2])),
            person_decides="Make the Service, the container and the callers speak the same protocol on this port.",
            explains=[c.view.entity for c in said],
        )


def _spoken_of(graph: Graph, complaint: Complaint) -> Object | None:
    """Return the Service that a complaint about a protocol means, by its host, else by the one address that misfits."""
    namespace = namespace_of(complaint.view.pod)
    if complaint.host:
        return service_at(graph, complaint.host, namespace)
    workload = graph.snapshot.objects.get(complaint.view.owner)
    for address in addresses_of(graph, workload) if workload is not None else ():
        service = service_at(graph, address.host, namespace)
        stated = _stated(service, address.port) if service is not None else ""
        if stated in _BESIDE:
            return service
        if address.scheme and stated in _FAMILIES and (stated in _TLS) != (address.scheme in _TLS):
            return service
    return None


def _stated(service: Object, number: int | None) -> str:
    """Return the protocol that a Service's port states, by its appProtocol or its name."""
    ports = spec_of(service).get("ports") or ()
    port: dict[str, Any] = next((p for p in ports if number in {None, p.get("port")}), {})
    return str(port.get("appProtocol") or port.get("name") or "").rpartition("/")[2].split("-")[0].lower()


def _contradiction(graph: Graph, service: Object) -> tuple[int, str] | None:
    """Compare a port's appProtocol with the name of the container's port behind it."""
    pods = graph.pods_selected(namespace_of(service), spec_of(service).get("selector") or {})
    declared = [
        port
        for pod in pods[:1]
        for container in spec_of(pod).get("containers") or ()
        for port in container.get("ports") or ()
    ]
    for position, port in enumerate(spec_of(service).get("ports") or ()):
        stated = str(port.get("appProtocol") or "").rpartition("/")[2].lower()
        target = port.get("targetPort", port.get("port"))
        for entry in declared:
            if target not in {entry.get("name"), entry.get("containerPort")}:
                continue
            spoken = str(entry.get("name") or "").split("-")[0].lower()
            families = _FAMILIES.get(stated), _FAMILIES.get(spoken)
            if None not in families and families[0] != families[1]:
                return position, f"declares {stated} on port {port.get('port')}, but its pods name that port {spoken}"
    return None


def _wrong_scheme(graph: Graph, service: Object, said: list[Complaint]) -> Judged | None:
    """Judge a client that is told to use TLS where the Service's port is plain, or the other way round."""
    for complaint in said:
        workload = graph.snapshot.objects.get(complaint.view.owner)
        for address in addresses_of(graph, workload) if workload is not None else ():
            about, stated = not complaint.host or _is_about(graph, complaint, address), _stated(service, address.port)
            meant = service_at(graph, address.host, namespace_of(service)) is service
            if about and meant and workload is not None and stated in _BESIDE:
                told = f"port {address.port} of Service {name_of(service)}, which is for {stated}"
                return _report(graph, workload, address, "config.bad_address", told, [complaint], "", 0.85, service)
            if not about or not meant or not address.scheme:
                continue
            if stated in _FAMILIES and (stated in _TLS) != (address.scheme in _TLS) and workload is not None:
                told = f"{address.scheme}://{address.host}, whose port speaks {stated}"
                right = "http" if address.scheme in _TLS else "https"
                wanted = address.value.replace(f"{address.scheme}://", f"{right}://")
                return _report(graph, workload, address, "config.bad_address", told, [complaint], wanted, 0.9, service)
    return None
