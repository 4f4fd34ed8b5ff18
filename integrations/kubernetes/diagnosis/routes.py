"""Routes of gateways and meshes that lead nowhere, or to somebody else's Service."""

from collections.abc import Iterable, Iterator
from typing import Any

from bot.domain.alert import Severity
from integrations.kubernetes.diagnosis.addresses import service_at
from integrations.kubernetes.diagnosis.citations import cite_present
from integrations.kubernetes.diagnosis.findings import Judged, finding
from integrations.kubernetes.diagnosis.graph import Graph
from integrations.kubernetes.diagnosis.objects import entity, name_of, namespace_of, spec_of, status_of
from integrations.kubernetes.snapshot import Object

_ROUTES = ("HTTPRoute", "GRPCRoute", "TCPRoute", "TLSRoute")
_STEPS = frozenset({"api", "v1", "v2", "v3", "svc", "service"})


def analyze(graph: Graph) -> Iterable[Judged]:
    """Judge routes of gateways, meshes, Traefik and OpenShift, and Ingresses' classes and paths."""
    if not graph.all("Service"):
        return
    for route in (item for kind in _ROUTES for item in graph.all(kind)):
        yield from _targets(graph, route, list(_gateway_backends(route)))
        yield from _refused(route)
    for route in graph.all("VirtualService"):
        yield from _targets(graph, route, list(_mesh_backends(route)))
        yield from _subsets(graph, route)
    for route in graph.all("IngressRoute"):
        yield from _targets(graph, route, list(_traefik_backends(route)))
    for route in graph.all("Route"):
        yield from _targets(graph, route, list(_openshift_backends(graph, route)))
    for ingress in graph.all("Ingress"):
        yield from _class(graph, ingress)
        yield from _crossed(graph, ingress)


def _gateway_backends(route: Object) -> Iterator[tuple[str, str, str, Any]]:
    for number, rule in enumerate(spec_of(route).get("rules") or ()):
        for position, backend in enumerate(rule.get("backendRefs") or ()):
            if (backend.get("kind") or "Service") == "Service":
                space = str(backend.get("namespace") or namespace_of(route))
                pointer = f"/spec/rules/{number}/backendRefs/{position}"
                yield f"{pointer}/name", f"{backend.get('name')}.{space}", f"{pointer}/port", backend.get("port")


def _mesh_backends(route: Object) -> Iterator[tuple[str, str, str, Any]]:
    for protocol in ("http", "tcp", "tls"):
        for number, rule in enumerate(spec_of(route).get(protocol) or ()):
            for position, hop in enumerate(rule.get("route") or ()):
                target = hop.get("destination") or {}
                host = str(target.get("host") or "")
                labels = host.split(".")
                if len(labels) > 1 and "svc" not in labels and labels[-1] != namespace_of(route) and len(labels) != 2:
                    continue  # a host outside the cluster, made known by a ServiceEntry
                pointer = f"/spec/{protocol}/{number}/route/{position}/destination"
                whole = host if len(labels) > 1 else f"{host}.{namespace_of(route)}"
                yield f"{pointer}/host", whole, f"{pointer}/port/number", (target.get("port") or {}).get("number")


def _traefik_backends(route: Object) -> Iterator[tuple[str, str, str, Any]]:
    for number, rule in enumerate(spec_of(route).get("routes") or ()):
        for position, backend in enumerate(rule.get("services") or ()):
            if (backend.get("kind") or "Service") == "Service":
                space = str(backend.get("namespace") or namespace_of(route))
                pointer = f"/spec/routes/{number}/services/{position}"
                yield f"{pointer}/name", f"{backend.get('name')}.{space}", f"{pointer}/port", backend.get("port")


def _openshift_backends(graph: Graph, route: Object) -> Iterator[tuple[str, str, str, Any]]:
    """Yield a Route's backends. Its port names a port of the Service or one of its target ports."""
    spec = spec_of(route)
    port = (spec.get("port") or {}).get("targetPort")
    backends = [("/spec/to", spec.get("to") or {})]
    backends += [(f"/spec/alternateBackends/{n}", b) for n, b in enumerate(spec.get("alternateBackends") or ())]
    for pointer, backend in backends:
        if (backend.get("kind") or "Service") != "Service" or not backend.get("name"):
            continue
        service = graph.snapshot.get("Service", namespace_of(route), str(backend["name"]))
        targets = [entry.get("targetPort") for entry in spec_of(service or {}).get("ports") or ()]
        wanted = None if port in targets else port
        yield f"{pointer}/name", f"{backend['name']}.{namespace_of(route)}", "/spec/port/targetPort", wanted


def _subsets(graph: Graph, route: Object) -> Iterator[Judged]:
    """Judge subsets that no DestinationRule of the host defines: the mesh answers 503 for them."""
    for number, rule in enumerate(spec_of(route).get("http") or ()):
        for position, hop in enumerate(rule.get("route") or ()):
            target = hop.get("destination") or {}
            host, subset = str(target.get("host") or ""), target.get("subset")
            service = service_at(graph, host, namespace_of(route))
            if not subset or service is None:
                continue
            rules = [
                item
                for item in graph.all("DestinationRule")
                if service_at(graph, str(spec_of(item).get("host") or ""), namespace_of(item)) is service
            ]
            defined = {entry.get("name") for item in rules for entry in spec_of(item).get("subsets") or ()}
            if subset in defined:
                continue
            pointer = f"/spec/http/{number}/route/{position}/destination/subset"
            evidence = (*cite_present(route, pointer), *(c for i in rules for c in cite_present(i, "/spec/subsets")))
            shown = ", ".join(sorted(map(str, defined))) or "none"
            told = f"subset {subset} of {host}, which no DestinationRule defines (there are: {shown})"
            yield _report(route, told, evidence, 0.93)
            return


def _targets(graph: Graph, route: Object, backends: list[tuple[str, str, str, Any]]) -> Iterator[Judged]:
    for pointer, host, port_pointer, port in backends:
        space = host.removesuffix(".svc.cluster.local").removesuffix(".svc").rpartition(".")[2]
        service = service_at(graph, host, namespace_of(route))
        if service is None:
            if graph.services_in(space):
                told = f"Service {host.split('.')[0]}, which does not exist"
                yield _report(route, told, cite_present(route, pointer), 0.93)
            continue
        offered = [
            value for entry in spec_of(service).get("ports") or () for value in (entry.get("port"), entry.get("name"))
        ]
        if port is not None and port not in offered:
            evidence = (*cite_present(route, port_pointer), *cite_present(service, "/spec/ports"))
            yield _report(route, f"port {port} of Service {name_of(service)}, which has no such port", evidence, 0.93)


def _refused(route: Object) -> Iterator[Judged]:
    """Judge what the gateway itself says about a route that otherwise looks right."""
    for place, parent in enumerate(status_of(route).get("parents") or ()):
        for position, condition in enumerate(parent.get("conditions") or ()):
            reason = str(condition.get("reason"))
            if condition.get("status") == "False" and reason in {"RefNotPermitted", "InvalidKind", "NoMatchingParent"}:
                pointer = f"/status/parents/{place}/conditions/{position}/reason"
                yield _report(route, f"where its gateway does not let it ({reason})", cite_present(route, pointer), 0.9)


def _report(route: Object, told: str, evidence: tuple[Any, ...], confidence: float) -> Judged:
    return finding(
        "route.misdirected",
        entity(route),
        f"{route['kind']} {name_of(route)} leads to {told}.",
        severity=Severity.HIGH if confidence >= 0.85 else Severity.WARNING,
        confidence=confidence,
        evidence=evidence,
        person_decides="Correct the backend of the route, or bring the Service back.",
    )


def _class(graph: Graph, ingress: Object) -> Iterator[Judged]:
    """Judge an Ingress whose class nobody serves; without a class, a default may take it."""
    name = spec_of(ingress).get("ingressClassName")
    classes = graph.all("IngressClass")
    if not name or not classes or any(name_of(item) == name for item in classes):
        return
    yield finding(
        "ingress.class",
        entity(ingress),
        f"Ingress {name_of(ingress)} names the class {name}, which does not exist: no controller serves it.",
        severity=Severity.HIGH,
        confidence=0.92,
        evidence=(*cite_present(ingress, "/spec/ingressClassName"), *cite_present(classes[0], "/metadata/name")),
        person_decides=f"Name one of the classes that exist: {', '.join(name_of(item) for item in classes[:4])}.",
    )


def _crossed(graph: Graph, ingress: Object) -> Iterator[Judged]:
    """Judge a path that bears one Service's name and leads to another one: a weak sign, said as such."""
    names = graph.service_names(namespace_of(ingress))
    for number, rule in enumerate(spec_of(ingress).get("rules") or ()):
        for position, path in enumerate((rule.get("http") or {}).get("paths") or ()):
            backend = str(((path.get("backend") or {}).get("service") or {}).get("name") or "")
            steps = [step for step in str(path.get("path") or "").strip("/").split("/") if step and step not in _STEPS]
            word = steps[0] if steps else ""
            if word not in names or backend == word or backend not in names or word in backend or backend in word:
                continue
            pointer = f"/spec/rules/{number}/http/paths/{position}"
            evidence = cite_present(ingress, f"{pointer}/path", f"{pointer}/backend/service/name")
            yield _report(
                ingress, f"Service {backend} for the path {path.get('path')}, although {word} exists", evidence, 0.6
            )
