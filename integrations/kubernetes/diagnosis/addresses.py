"""Who calls whom: the hosts and ports that variables and configuration name, and what stands behind them."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from ipaddress import ip_address
from typing import Any

from bot.domain.finding import Citation
from bot.domain.redaction import MARKER
from integrations.kubernetes.diagnosis.citations import cite_present, escape
from integrations.kubernetes.diagnosis.graph import Graph
from integrations.kubernetes.diagnosis.objects import entity, namespace_of, spec_of, status_of, template_of
from integrations.kubernetes.snapshot import Object

_URL = re.compile(
    r"(?P<scheme>[a-z][a-z0-9+.-]*)://(?:[^@/\s\"']*@)?(?P<host>[a-zA-Z0-9][\w.-]*)(?::(?P<port>\d{2,5}))?(?=[/?\s,;\"')]|$)"
)
_PAIR = re.compile(r"^(?:[^@/\s]*@)?(?P<host>[a-zA-Z][\w.-]*|\d+(?:\.\d+){3}):(?P<port>\d{2,5})(?:/.*)?$")
_BARE = re.compile(r"^(?P<host>[a-zA-Z][a-zA-Z0-9-]*(?:\.[a-zA-Z0-9-]+)*)$")
_OPTION = re.compile(
    r"(?:^|[;\s])(?:host|server|data source|addr(?:ess)?|hostname)\s*=\s*(?:tcp:)?"
    r"(?P<host>[a-zA-Z][\w.-]*)(?:,(?P<port>\d{2,5}))?(?=[;\s]|$)",
    re.IGNORECASE,
)
_OPTION_PORT = re.compile(r"(?:^|[;\s])port\s*=\s*(?P<port>\d{2,5})", re.IGNORECASE)
_DIALED = re.compile(r"\w+\((?P<host>[a-zA-Z][\w.-]*):(?P<port>\d{2,5})\)")
_HOST_NAME = re.compile(r"(?:HOST|HOSTNAME|SERVER|ADDR|ADDRESS|SERVICE|ENDPOINT|_SVC)$")
_IN_FILE = re.compile(
    r"(?:proxy_pass\s+\w+://|\w{2,12}://|server\s+|host[=:]\s*[\"']?|address[=:]\s*[\"']?)"
    r"(?P<host>[a-z][a-z0-9.-]*)(?::(?P<port>\d{2,5})|(?=[;/]))"
)
_TOKEN = re.compile(r"(?<![\w.:/@-])(?P<host>[a-z][a-z0-9-]*(?:\.[a-z0-9-]+)*):(?P<port>\d{2,5})(?![\w:.])")
_ON_TWO_LINES = re.compile(
    r"(?:address|host|hostname)[\"']?\s*:\s*[\"']?(?P<host>[a-z][a-z0-9.-]*)[\"']?,?\s+"
    r"[\"']?(?:port|port_value)[\"']?\s*:\s*[\"']?(?P<port>\d{2,5})",
    re.IGNORECASE,
)
_FILE_LIMIT = 20_000
_LOOP = ("localhost", "127.", "0.0.0.0", "::1")  # noqa: S104 - compared with, never bound


@dataclass(frozen=True, slots=True)
class Address:
    """A host (and port) that a workload is told to call.

    `source` is the object to change, `name` the variable or key.
    """

    host: str
    port: int | None
    scheme: str
    source: str
    name: str
    container: str
    value: str
    evidence: tuple[Citation, ...]


def addresses_of(graph: Graph, workload: Object) -> list[Address]:
    """Return what a workload's variables, arguments and mounted ConfigMaps name; loopback is left out."""
    spec = template_of(workload).get("spec") or {}
    found: list[Address] = []
    for position, container in enumerate(spec.get("containers") or ()):
        for name, value, source, evidence in _settings(graph, workload, container, position):
            found += _parse(name, value, source, str(container.get("name")), evidence)
        ports = {address.name: int(address.value) for address in found if address.value.isdigit()}
        found = [_with_port(item, ports) for item in found if not item.value.isdigit()]
    for volume in spec.get("volumes") or ():
        found += _files(graph, workload, str((volume.get("configMap") or {}).get("name") or ""))
    return [item for item in found if not item.host.startswith(_LOOP)]


def _settings(
    graph: Graph, workload: Object, container: Mapping[str, Any], position: int
) -> Iterator[tuple[str, str, str, tuple[Citation, ...]]]:
    """Yield name, value, entity to change and evidence of every variable whose value can be seen."""
    root = "" if workload.get("kind") == "Pod" else "/spec/template"
    if workload.get("kind") == "CronJob":
        root = "/spec/jobTemplate/spec/template"
    for index, entry in enumerate(container.get("env") or ()):
        name = str(entry.get("name"))
        if entry.get("value"):
            pointer = f"{root}/spec/containers/{position}/env/{index}/value"
            yield name, str(entry["value"]), entity(workload), cite_present(workload, pointer)
        elif reference := ((entry.get("valueFrom") or {}).get("configMapKeyRef")):
            held = graph.snapshot.get("ConfigMap", namespace_of(workload), str(reference.get("name")))
            key = str(reference.get("key"))
            if held is not None and (value := (held.get("data") or {}).get(key)):
                yield name, str(value), entity(held), cite_present(held, f"/data/{escape(key)}")
    for source in container.get("envFrom") or ():
        reference = source.get("configMapRef") or {}
        held = graph.snapshot.get("ConfigMap", namespace_of(workload), str(reference.get("name")))
        for key, value in sorted(((held or {}).get("data") or {}).items()):
            if held is not None:
                yield key, str(value), entity(held), cite_present(held, f"/data/{escape(key)}")
    for field in ("command", "args"):
        for index, part in enumerate(container.get(field) or ()):
            flag, joined, value = str(part).partition("=")
            pointer = f"{root}/spec/containers/{position}/{field}/{index}"
            shown = value if joined and flag.startswith("-") else str(part)
            if "://" in shown or (joined and _PAIR.match(shown)):
                yield flag, shown, entity(workload), cite_present(workload, pointer)


def _parse(name: str, value: str, source: str, container: str, evidence: tuple[Citation, ...]) -> Iterator[Address]:
    value = value.strip()
    if len(value) > 500:
        return
    if value.isdigit() and name.endswith("PORT"):
        yield Address("", None, "", source, name, container, value, evidence)
        return
    matched = [*_URL.finditer(value)]
    if not matched:
        parts = [part.strip() for part in value.split(",")]
        matched = [match for part in parts if (match := _PAIR.match(part))]
    if not matched:
        matched = [*_DIALED.finditer(value)] or _options(value)
    if not matched and _HOST_NAME.search(name.upper()) and (bare := _BARE.match(value)):
        matched = [bare]
    shared = _OPTION_PORT.search(value)
    for match in matched:
        parts_of = match.groupdict()
        if shared is not None and not parts_of.get("port") and match.re is _OPTION:
            parts_of["port"] = shared["port"]
        port = int(parts_of["port"]) if parts_of.get("port") else None
        host = parts_of["host"].lower().rstrip(".")
        yield Address(host, port, parts_of.get("scheme") or "", source, name, container, value, evidence)
        if match.re is _URL and value[match.end() : match.end() + 1] == ",":  # drivers take several hosts in one URL
            for part in value[match.end() + 1 :].partition("/")[0].split(","):
                if more := _PAIR.match(part):
                    yield Address(more["host"].lower(), int(more["port"]), "", source, name, container, value, evidence)


def _options(value: str) -> list[re.Match[str]]:
    """Return the hosts of a connection string of `key=value` parts."""
    return [*_OPTION.finditer(value)] if value.count("=") > 1 else []


def _with_port(address: Address, ports: Mapping[str, int]) -> Address:
    """Take the port from the variable beside it: DB_HOST and DB_PORT."""
    stem = _HOST_NAME.sub("", address.name)
    port = ports.get(f"{stem}PORT") or ports.get(f"{stem}_PORT") or ports.get(f"{address.name}_PORT")
    if address.port is not None or port is None or address.scheme:
        return address
    return Address(
        address.host, port, "", address.source, address.name, address.container, address.value, address.evidence
    )


def _files(graph: Graph, workload: Object, config_map: str) -> Iterator[Address]:
    held = graph.snapshot.get("ConfigMap", namespace_of(workload), config_map) if config_map else None
    for key, text in sorted(((held or {}).get("data") or {}).items()):
        seen: set[tuple[str, str]] = set()
        start = str(text)[:_FILE_LIMIT]
        for match in (*_IN_FILE.finditer(start), *_ON_TWO_LINES.finditer(start), *_TOKEN.finditer(start)):
            place = (match["host"], match["port"] or "")
            if not match["port"] and "://" not in match[0]:
                continue
            if held is None or place in seen:
                continue
            seen.add(place)
            evidence = cite_present(held, f"/data/{escape(key)}")
            yield Address(
                match["host"].rstrip("."),
                int(match["port"]) if match["port"] else None,
                "",
                entity(held),
                key,
                "",
                MARKER,
                evidence,
            )


def service_at(graph: Graph, host: str, namespace: str) -> Object | None:
    """Return the Service that a host name or address stands for, seen from a namespace."""
    if _is_ip(host):
        return graph.service_by_ip.get(host)
    labels = host.lower().rstrip(".").split(".")
    if labels[-2:] == ["cluster", "local"]:
        labels = labels[:-2]
    if labels[-1:] == ["svc"]:
        labels = labels[:-1]
    if len(labels) == 1:
        return graph.snapshot.get("Service", namespace, labels[0])
    if len(labels) == 2 and not graph.services_in(labels[1]):  # `pod.service` of a StatefulSet
        return graph.snapshot.get("Service", namespace, labels[1])
    return graph.snapshot.get("Service", labels[-1], labels[-2])  # also `pod.service.namespace` of a StatefulSet


def is_local(graph: Graph, host: str) -> bool:
    """Say whether a name can only mean something inside the cluster."""
    labels = host.lower().rstrip(".").split(".")
    if _is_ip(host):
        return False
    if len(labels) == 1 or labels[-1] == "svc" or labels[-2:] == ["cluster", "local"]:
        return True
    return len(labels) == 2 and (bool(graph.services_in(labels[1])) or _is_ordinal(labels[0]))


def _is_ordinal(label: str) -> bool:
    """Whether a label names a pod of a StatefulSet."""
    return label.rpartition("-")[2].isdigit()


def _is_ip(host: str) -> bool:
    try:
        ip_address(host)
    except ValueError:
        return False
    return True


def served_ports(graph: Graph, service: Object) -> set[int]:
    """Return the ports under which a Service can be called; empty when any port may work."""
    spec = spec_of(service)
    if spec.get("type") == "ExternalName" or not spec.get("ports"):
        return set()
    ports = {int(port.get("port") or 0) for port in spec.get("ports") or ()}
    if spec.get("clusterIP") == "None":  # callers reach the pods themselves
        declared = [
            int(port.get("containerPort") or 0)
            for pod in graph.pods_selected(namespace_of(service), spec.get("selector") or {})[:1]
            for container in spec_of(pod).get("containers") or ()
            for port in container.get("ports") or ()
        ]
        return ports | set(declared) if declared else set()
    return ports


def backing(graph: Graph, service: Object) -> list[Object]:
    """Return the workloads whose pods stand behind a Service."""
    pods = graph.pods_selected(namespace_of(service), spec_of(service).get("selector") or {})
    keys = sorted({graph.owner_key(pod) for pod in pods if status_of(pod).get("phase") != "Succeeded"})
    return [found for key in keys if (found := graph.snapshot.objects.get(key)) is not None]
