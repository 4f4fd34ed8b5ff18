"""Ingresses that lead nowhere, and those whose certificate is not there."""

import re
from collections.abc import Iterable, Iterator
from difflib import get_close_matches
from typing import Any

from bot.domain.alert import Severity
from bot.domain.finding import Citation
from integrations.kubernetes.diagnosis.citations import cite_log, cite_present
from integrations.kubernetes.diagnosis.findings import Judged, finding
from integrations.kubernetes.diagnosis.graph import Graph
from integrations.kubernetes.diagnosis.objects import entity, name_of, namespace_of, spec_of
from integrations.kubernetes.snapshot import Object

_NOT_FOUND = re.compile(r"not found|no object matching|does not exist|could not be found")
_TAIL = 200


def analyze(graph: Graph) -> Iterable[Judged]:
    """Judge the Services and ports that Ingresses name; silent when no Service was read at all."""
    if not graph.all("Service"):
        return
    for ingress in graph.all("Ingress"):
        yield from _certificates(graph, ingress)
        seen: set[tuple[str, str]] = set()
        for pointer, backend in _backends(ingress):
            service = backend.get("service") or {}
            place = (str(service.get("name")), str(service.get("port")))
            if service and place not in seen:
                seen.add(place)
                yield from _backend(graph, ingress, pointer, service)


def _certificates(graph: Graph, ingress: Object) -> Iterator[Judged]:
    """Judge a TLS Secret that is not in its namespace, as the list of Secrets or the controller's log says."""
    namespace = namespace_of(ingress)
    secrets = {name_of(item) for item in graph.all("Secret") if namespace_of(item) == namespace}
    for position, entry in enumerate(spec_of(ingress).get("tls") or ()):
        name = str(entry.get("secretName") or "")
        if not name or name in secrets:
            continue
        said = _missed_by_controller(graph, f"{namespace}/{name}")
        if not said and not secrets:
            continue
        near = next(iter(get_close_matches(name, sorted(secrets), 1, 0.8)), "")
        hint = f" (there is {near})" if near else ""
        yield finding(
            "ingress.tls",
            entity(ingress),
            f"Ingress {name_of(ingress)} takes its certificate from Secret {name}, which does not exist{hint}: "
            "browsers are shown the controller's own certificate.",
            severity=Severity.HIGH,
            confidence=0.93 if said else 0.85,
            evidence=(*cite_present(ingress, f"/spec/tls/{position}/secretName"), *said),
            person_decides="Bring the Secret back (often cert-manager makes it), or correct its name.",
        )


def _missed_by_controller(graph: Graph, secret: str) -> tuple[Citation, ...]:
    for (namespace, pod, container, previous), lines in sorted(graph.snapshot.logs.items()):
        if previous or "ingress" not in f"{namespace}/{pod}":
            continue
        for number in range(len(lines), max(0, len(lines) - _TAIL), -1):
            line = lines[number - 1]
            if secret in line and _NOT_FOUND.search(line):
                item = graph.snapshot.get("Pod", namespace, pod)
                return (cite_log(item, container, previous=False, number=number, line=line),) if item else ()
    return ()


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
