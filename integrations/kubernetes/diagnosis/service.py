"""Services that reach nobody."""

from collections.abc import Iterable, Iterator
from difflib import SequenceMatcher, get_close_matches
from typing import Any

from bot.domain.alert import Severity
from bot.domain.finding import Citation
from integrations.kubernetes.diagnosis.addresses import service_at
from integrations.kubernetes.diagnosis.citations import cite_present, escape
from integrations.kubernetes.diagnosis.findings import (
    Judged,
    action,
    finding,
    is_gone,
    is_ready,
    is_starting,
    names,
)
from integrations.kubernetes.diagnosis.graph import Graph
from integrations.kubernetes.diagnosis.objects import (
    condition_of,
    entity,
    labels_of,
    matches,
    name_of,
    namespace_of,
    spec_of,
    status_of,
    template_of,
)
from integrations.kubernetes.snapshot import Object

_SERVING = ("Deployment", "StatefulSet", "DaemonSet")


def analyze(graph: Graph) -> Iterable[Judged]:
    """Judge selectors, ports and readiness; a Service without a selector is somebody's purpose."""
    for service in graph.all("Service"):
        selector = spec_of(service).get("selector") or {}
        if spec_of(service).get("type") == "ExternalName":
            yield from _elsewhere(graph, service)
            continue
        if not selector:
            continue
        pods = [pod for pod in graph.pods_selected(namespace_of(service), selector) if not is_gone(pod)]
        if not pods:
            yield from _no_pods(graph, service, selector)
            continue
        yield from _ports(service, pods)
        if not any(is_ready(pod) or is_starting(graph, pod) for pod in pods):
            yield _not_ready(service, pods)


def _elsewhere(graph: Graph, service: Object) -> Iterator[Judged]:
    """Judge an ExternalName that stands for a Service of this cluster which is not there."""
    host = str(spec_of(service).get("externalName") or "").rstrip(".")
    name, _, rest = host.removesuffix(".cluster.local").removesuffix(".svc").partition(".")
    if not host.endswith((".svc", ".svc.cluster.local")) or "." in rest or service_at(graph, host, "") is not None:
        return
    spaces = {name_of(item) for item in graph.all("Namespace")}
    if not graph.services_in(rest) and (not spaces or rest in spaces):
        return  # that namespace was not read
    twins = [item for item in graph.all("Service") if name_of(item) == name and item is not service]
    near = next((f"{name}.{namespace_of(item)}" for item in twins), "")
    near = near or next(iter(get_close_matches(name, sorted(graph.service_names(rest)), 1, 0.7)), "")
    hint = f" (the nearest is {near})" if near else ""
    yield finding(
        "config.bad_address",
        entity(service),
        f"Service {name_of(service)} stands for {host}, which no Service serves{hint}.",
        severity=Severity.HIGH,
        confidence=0.93 if near else 0.85,
        evidence=cite_present(service, "/spec/externalName"),
        person_decides="Correct the externalName of the Service.",
    )


def _no_pods(graph: Graph, service: Object, selector: dict[str, str]) -> Iterator[Judged]:
    namespace = namespace_of(service)
    fitting = [w for w in _serving(graph, namespace) if matches(_template_labels(w), selector)]
    if fitting:  # the workload is there but has no pods: what keeps it from having some is a finding of its own
        return
    near = _nearest(graph, service, selector)
    if near is None:
        return
    workload, wanted, differing = near
    labels = _template_labels(workload)
    told = ", ".join(f"{name}={selector[name]} should be {wanted.get(name, 'left out')}" for name in differing)
    slices = [item for item in graph.all("EndpointSlice") if namespace_of(item) == namespace]
    slices = [item for item in slices if labels_of(item).get("kubernetes.io/service-name") == name_of(service)]
    evidence: tuple[Citation, ...] = tuple(
        c for name in differing for c in cite_present(service, f"/spec/selector/{escape(name)}")
    )
    prefix = "/spec/template/metadata/labels"
    evidence += tuple(
        c for name in differing if name in labels for c in cite_present(workload, f"{prefix}/{escape(name)}")
    )
    evidence += tuple(c for s in slices[:1] for c in cite_present(s, "/endpoints"))
    ready = sum(1 for pod in graph.pods_of(workload) if is_ready(pod))
    reason = f"these labels select the {ready} ready pods of {entity(workload)}"
    yield finding(
        "svc.selector",
        entity(service),
        f"Service {name_of(service)} selects no pod: {told}, as on the pods of {entity(workload)} ({ready} ready).",
        severity=Severity.CRITICAL if ready else Severity.HIGH,
        confidence=0.93 if ready else 0.75,
        evidence=evidence,
        actions=[action("patch_service", entity(service), reason, selector=wanted)],
    )


def _serving(graph: Graph, namespace: str) -> list[Object]:
    return [w for kind in _SERVING for w in graph.all(kind) if namespace_of(w) == namespace]


def _template_labels(workload: Object) -> dict[str, str]:
    return (template_of(workload).get("metadata") or {}).get("labels") or {}


def _nearest(
    graph: Graph, service: Object, selector: dict[str, str]
) -> tuple[Object, dict[str, str], list[str]] | None:
    """Return the workload that the selector misses by least, the selector it should have, and what differs."""
    best: tuple[float, Object, dict[str, str], list[str]] | None = None
    for workload in _serving(graph, namespace_of(service)):
        labels = _template_labels(workload)
        differing = [name for name in sorted(selector) if str(labels.get(name)) != str(selector[name])]
        agreed = len(selector) - len(differing)
        likeness = sum(
            SequenceMatcher(None, str(selector[name]), str(labels.get(name, ""))).ratio() for name in differing
        ) / max(1, len(differing))
        named = SequenceMatcher(None, name_of(service), name_of(workload)).ratio()
        score = 2.0 * agreed / len(selector) + likeness + (1.5 if named == 1 else named)
        if agreed == 0 and named < 0.75 and likeness < 0.7:
            continue
        claimed = [s for s in graph.services_of(namespace_of(service), labels) if s is not service]
        if claimed and named < 0.9:
            score -= 1.0  # it has a Service already: this one is probably meant for something else
        if score > (best[0] if best else 1.8):
            wanted = {name: str(labels[name]) for name in sorted(selector) if name in labels}
            best = (score, workload, wanted or _identity(labels), differing)
    return best[1:] if best else None


def _identity(labels: dict[str, str]) -> dict[str, str]:
    """Return the labels that name a workload when none of the selector's names occurs among them."""
    for name in ("app.kubernetes.io/name", "app", "k8s-app"):
        if name in labels:
            return {name: str(labels[name])}
    return dict(sorted(labels.items())[:1])


def _ports(service: Object, pods: list[Object]) -> Iterator[Judged]:
    """Compare targetPort with what the pods declare; a number may be undeclared, so only plain misses count."""
    declared = _declared(pods[0])
    if any(_declared(pod) != declared for pod in pods[1:5]):
        return
    for position, port in enumerate(spec_of(service).get("ports") or ()):
        target, protocol = port.get("targetPort", port.get("port")), port.get("protocol") or "TCP"
        if any(target in {number, name} and protocol == spoken for name, number, spoken in declared):
            continue
        # Callers of a headless Service reach the pods themselves, at whatever port they name.
        headless = spec_of(service).get("clusterIP") == "None"
        if isinstance(target, int) and (headless or not declared or (protocol == "TCP" and _probed(pods[0], target))):
            continue
        other = [entry for entry in declared if target in {entry[0], entry[1]}]
        if other and not headless:
            yield _report_protocol(service, pods, position, port, other[0])
            continue
        same = [entry for entry in declared if entry[2] == protocol]
        yield _report_port(service, pods, position, port, same or declared)


def _declared(pod: Object) -> list[tuple[str, int, str]]:
    return sorted(
        (str(port.get("name") or ""), int(port.get("containerPort") or 0), str(port.get("protocol") or "TCP"))
        for container in spec_of(pod).get("containers") or ()
        for port in container.get("ports") or ()
    )


def _probed(pod: Object, number: int) -> bool:
    """Whether a probe uses the port: then something does listen there although no containerPort says so."""
    for container in spec_of(pod).get("containers") or ():
        for probe in ("readinessProbe", "livenessProbe", "startupProbe"):
            for way in ("httpGet", "tcpSocket", "grpc"):
                if ((container.get(probe) or {}).get(way) or {}).get("port") == number:
                    return True
    return False


def _report_protocol(
    service: Object, pods: list[Object], position: int, port: dict[str, Any], offered: tuple[str, int, str]
) -> Judged:
    """Judge a port that exists on the pods, but for another transport: TCP is not UDP."""
    name, number, spoken = offered
    wanted = port.get("protocol") or "TCP"
    change: dict[str, Any] = {"port": port.get("port"), "target_port": port.get("targetPort", number)}
    change |= {"protocol": spoken} | ({"name": port["name"]} if port.get("name") else {})
    pointer = f"/spec/ports/{position}"
    return finding(
        "svc.protocol",
        entity(service),
        f"Service {name_of(service)} forwards port {port.get('port')} as {wanted}, but its pods listen on {number} "
        f"for {spoken}{f' ({name})' if name else ''}: no connection gets through.",
        severity=Severity.CRITICAL if any(is_ready(pod) for pod in pods) else Severity.HIGH,
        confidence=0.93,
        evidence=(
            *cite_present(service, f"{pointer}/protocol", f"{pointer}/targetPort", f"{pointer}/port"),
            *cite_present(pods[0], "/spec/containers/0/ports"),
        ),
        actions=[action("patch_service", entity(service), f"the pods speak {spoken} there", ports=[change])],
    )


def _report_port(
    service: Object, pods: list[Object], position: int, port: dict[str, Any], offered: list[tuple[str, int, str]]
) -> Judged:
    target = port.get("targetPort", port.get("port"))
    shown = ", ".join(f"{number}/{spoken}{f' ({name})' if name else ''}" for name, number, spoken in offered)
    ready = any(is_ready(pod) for pod in pods)
    actions = []
    if len(offered) == 1:
        change: dict[str, Any] = {"port": port.get("port"), "target_port": offered[0][1]}
        if port.get("name"):
            change["name"] = port["name"]
        reason = f"the pods listen on {shown} only"
        actions = [action("patch_service", entity(service), reason, ports=[change])]
    evidence = cite_present(service, f"/spec/ports/{position}/targetPort", f"/spec/ports/{position}/port")
    evidence += cite_present(pods[0], "/spec/containers/0/ports")
    named = isinstance(target, str)
    return finding(
        "svc.port",
        entity(service),
        f"Service {name_of(service)} sends port {port.get('port')} to {target}, but its pods listen on {shown}.",
        severity=Severity.CRITICAL if named or ready else Severity.HIGH,
        confidence=0.95 if named else 0.8,
        evidence=evidence,
        actions=actions,
        person_decides="The pods listen on several ports: somebody has to say which one is meant.",
    )


def _not_ready(service: Object, pods: list[Object]) -> Judged:
    pod = pods[0]
    found = condition_of(pod, "Ready")
    evidence = cite_present(pod, f"/status/conditions/{found[0]}/status") if found else ()
    count = "The only pod" if len(pods) == 1 else f"None of the {len(pods)} pods"
    is_or_not = "is not" if len(pods) == 1 else "is"
    return finding(
        "svc.not_ready",
        entity(service),
        f"{count} behind Service {name_of(service)} {is_or_not} ready ({names(pods)}).",
        severity=Severity.CRITICAL,
        confidence=0.75,
        evidence=(*evidence, *cite_present(service, "/spec/selector")),
        person_decides="Find out whether the probe or the program is wrong."
        if any(status_of(item).get("phase") == "Running" for item in pods)
        else "Find out why its pods do not run.",
    )
