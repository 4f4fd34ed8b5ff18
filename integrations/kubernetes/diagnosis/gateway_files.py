"""Gateways whose routes stand in a ConfigMap: a path that bears one Service's name and is sent to another one."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from bot.domain.alert import Severity
from bot.domain.finding import Citation
from integrations.kubernetes.diagnosis.addresses import service_at
from integrations.kubernetes.diagnosis.citations import cite_log, cite_present, escape
from integrations.kubernetes.diagnosis.findings import Judged, finding, is_gone
from integrations.kubernetes.diagnosis.graph import Graph
from integrations.kubernetes.diagnosis.objects import entity, name_of, namespace_of, spec_of, template_of
from integrations.kubernetes.snapshot import Object

_PATH = r"(?P<path>/[\w./-]*[\w-])"
_TARGET = r"\w{2,6}://(?P<host>[a-z][a-z0-9.-]*)"
_GAP = r"(?:(?!\n\s*- (?:id|match)\b|\blocation\b)[\s\S]){0,240}?"
_ROUTES = tuple(
    re.compile(pattern)
    for pattern in (
        rf"\blocation\s+(?:[=~^*]+\s+)?\^?{_PATH}[^{{]*\{{{_GAP}proxy_pass\s+{_TARGET}",
        rf"\buri:\s*[\"']?{_TARGET}{_GAP}\bPath=[\"']?{_PATH}",
        rf"\bprefix:\s*[\"']?{_PATH}[\"']?{_GAP}\bcluster:\s*[\"']?(?P<host>[a-z][a-z0-9-]*)",
    )
)
"""nginx, Spring Cloud Gateway, Envoy."""
_STEPS = frozenset({"api", "v1", "v2", "v3", "svc", "service", "services", "rest"})
_REFUSED = re.compile(r"\b(?:404|405|400|500|502|503)\b")
_FILE_LIMIT, _TAIL, _FEWEST = 20_000, 150, 2


@dataclass(frozen=True, slots=True)
class _Crossed:
    """A route by its path, the Service that the path is called after and the one that it is sent to."""

    path: str
    meant: str
    sent_to: str


def judge_gateway_files(graph: Graph) -> Iterator[Judged]:
    """Judge crossed routes of which the gateway's own log says that they are refused."""
    for workload in graph.workloads:
        namespace = namespace_of(workload)
        for volume in (template_of(workload).get("spec") or {}).get("volumes") or ():
            held = graph.snapshot.get("ConfigMap", namespace, str((volume.get("configMap") or {}).get("name") or ""))
            for key, text in sorted(((held or {}).get("data") or {}).items()):
                for crossed in _crossed(graph, namespace, str(text)[:_FILE_LIMIT]):
                    said = _refusals(graph, workload, crossed)
                    if held is not None and len(said) >= _FEWEST:
                        yield _report(workload, held, key, crossed, said)


def _crossed(graph: Graph, namespace: str, text: str) -> Iterator[_Crossed]:
    names = graph.service_names(namespace)
    for pattern in _ROUTES:
        for match in pattern.finditer(text):
            steps = [step for step in match["path"].split("/") if step and step.lower() not in _STEPS]
            service = service_at(graph, match["host"], namespace)
            if not steps or steps[0] not in names or service is None:
                continue
            sent_to = name_of(service)
            if steps[0] not in sent_to and sent_to not in steps[0]:
                yield _Crossed(match["path"], steps[0], sent_to)


def _refusals(graph: Graph, workload: Object, crossed: _Crossed) -> list[Citation]:
    found = []
    for pod in graph.pods_of(workload):
        for container in spec_of(pod).get("containers") or () if not is_gone(pod) else ():
            name = str(container.get("name"))
            lines = graph.log(pod, name, previous=False)
            for number in range(len(lines), max(0, len(lines) - _TAIL), -1):
                line = lines[number - 1]
                if f"{crossed.path.rstrip('/')}" in line and _REFUSED.search(line):
                    found.append(cite_log(pod, name, previous=False, number=number, line=line))
    return found


def _report(workload: Object, held: Object, key: str, crossed: _Crossed, said: list[Citation]) -> Judged:
    return finding(
        "route.misdirected",
        entity(held),
        f"{workload['kind']} {name_of(workload)} sends {crossed.path} to Service {crossed.sent_to} although Service "
        f"{crossed.meant} exists, and is refused there ({len(said)} times at the end of its log).",
        severity=Severity.HIGH,
        confidence=0.85,
        evidence=(*cite_present(held, f"/data/{escape(key)}"), *said[:3]),
        person_decides=f"Correct the route in {entity(held)}, then restart the gateway.",
        explains=[entity(workload)],
    )
