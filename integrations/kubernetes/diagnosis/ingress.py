"""Ingresses that lead nowhere."""

from collections.abc import Iterable, Iterator
from typing import Any

from bot.domain.alert import Severity
from integrations.kubernetes.diagnosis.citations import cite_present
from integrations.kubernetes.diagnosis.findings import Judged, finding
from integrations.kubernetes.diagnosis.graph import Graph, entity, name_of, namespace_of, spec_of
from integrations.kubernetes.snapshot import Object


def analyze(graph: Graph) -> Iterable[Judged]:
    """Judge the Services and ports that Ingresses name; silent when no Service was read at all."""
    if not graph.all("Service"):
        return
    for ingress in graph.all("Ingress"):
        seen: set[tuple[str, str]] = set()
        for pointer, backend in _backends(ingress):
            service = backend.get("service") or {}
            place = (str(service.get("name")), str(service.get("port")))
            if service and place not in seen:
                seen.add(place)
                yield from _backend(graph, ingress, pointer, service)


def _backends(ingress: Object) -> Iterator[tuple[str, dict[str, Any]]]:
    spec = spec_of(ingress)
    if spec.get("defaultBackend"):
        yield "/spec/defaultBackend", spec["defaultBackend"]
    for rule_position, rule in enumerate(spec.get("rules") or ()):
        for path_position, path in enumerate((rule.get("http") or {}).get("paths") or ()):
            if path.get("backend"):
                yield f"/spec/rules/{rule_position}/http/paths/{path_position}/backend", path["backend"]


def _backend(graph: Graph, ingress: Object, pointer: str, service: dict[str, Any]) -> Iterator[Judged]:
    name, port = str(service.get("name")), service.get("port") or {}
    found = graph.snapshot.get("Service", namespace_of(ingress), name)
    evidence = cite_present(ingress, f"{pointer}/service/name")
    if found is None:
        told, key = f"Service {name}, which does not exist", "ingress.backend"
    else:
        wanted = port.get("name") or port.get("number")
        offered = [(entry.get("name"), entry.get("port")) for entry in spec_of(found).get("ports") or ()]
        if any(wanted in pair for pair in offered):
            return
        told, key = f"port {wanted} of Service {name}, which has no such port", "ingress.port"
        evidence = (*cite_present(ingress, f"{pointer}/service/port"), *cite_present(found, "/spec/ports"))
    yield finding(
        key,
        entity(ingress),
        f"Ingress {name_of(ingress)} leads to {told}.",
        severity=Severity.HIGH,
        confidence=0.93,
        evidence=evidence,
        person_decides="Correct the backend of the Ingress, or bring the Service back.",
    )
