"""Encryption that a mesh or an ingress demands of one side and not of the other."""

from collections.abc import Iterator

from bot.domain.alert import Severity
from bot.domain.finding import Citation
from integrations.kubernetes.diagnosis.addresses import service_at
from integrations.kubernetes.diagnosis.citations import cite_present, escape
from integrations.kubernetes.diagnosis.complaints import Complaint
from integrations.kubernetes.diagnosis.findings import Judged, finding, is_gone, quote
from integrations.kubernetes.diagnosis.graph import Graph
from integrations.kubernetes.diagnosis.objects import (
    entity,
    labels_of,
    name_of,
    namespace_of,
    selector_matches,
    spec_of,
)
from integrations.kubernetes.snapshot import Object

_PROXY = "istio-proxy"
_BROKEN = frozenset({"reset", "gateway", "refused", "protocol"})
_BACKEND = "nginx.ingress.kubernetes.io/backend-protocol"
_ENCRYPTED = frozenset({"HTTPS", "GRPCS"})
_PLAIN_NAMES = ("http", "grpc", "web", "h2c")


def judge_mesh(graph: Graph, said: dict[str, list[Complaint]]) -> Iterator[Judged]:
    """Judge strict mutual TLS that a rule or a pod without a sidecar does not speak, and protocols of ingresses."""
    strict = [item for item in graph.all("PeerAuthentication") if _mode(item) == "STRICT"]
    if strict:
        yield from _rules(graph, strict, said)
        yield from _outsiders(graph, strict, said)
    yield from _ingresses(graph, said)


def _mode(policy: Object) -> str:
    return str((spec_of(policy).get("mtls") or {}).get("mode") or "")


def _applies(policy: Object, pod: Object) -> bool:
    everywhere = namespace_of(policy) == "istio-system" and not spec_of(policy).get("selector")
    if not everywhere and namespace_of(policy) != namespace_of(pod):
        return False
    return selector_matches(labels_of(pod), spec_of(policy).get("selector") or {})


def _has_proxy(pod: Object) -> bool:
    spec = spec_of(pod)
    return any(
        item.get("name") == _PROXY for item in (*(spec.get("containers") or ()), *(spec.get("initContainers") or ()))
    )


def _rules(graph: Graph, strict: list[Object], said: dict[str, list[Complaint]]) -> Iterator[Judged]:
    """Judge a DestinationRule that switches encryption off towards pods that demand it."""
    for rule in graph.all("DestinationRule"):
        mode = ((spec_of(rule).get("trafficPolicy") or {}).get("tls") or {}).get("mode")
        service = service_at(graph, str(spec_of(rule).get("host") or ""), namespace_of(rule))
        if mode not in {"DISABLE", "SIMPLE"} or service is None:
            continue
        pods = graph.pods_selected(namespace_of(service), spec_of(service).get("selector") or {})
        policies = [policy for policy in strict if any(_applies(policy, pod) and _has_proxy(pod) for pod in pods)]
        if not policies:
            continue
        heard = [c for c in _all(said) if c.kind in _BROKEN and _is_of(graph, c, service)]
        told = f"DestinationRule {name_of(rule)} sends {name_of(service)} traffic with TLS mode {mode}, but "
        told += f"PeerAuthentication {name_of(policies[0])} demands STRICT mutual TLS there"
        evidence = cite_present(rule, "/spec/trafficPolicy/tls/mode") + cite_present(policies[0], "/spec/mtls/mode")
        yield _report(entity(rule), told, evidence, heard, "Use ISTIO_MUTUAL in the rule, or loosen the policy.")


def _outsiders(graph: Graph, strict: list[Object], said: dict[str, list[Complaint]]) -> Iterator[Judged]:
    """Judge clients without a sidecar that are cut off by servers that demand mutual TLS."""
    cut: dict[str, list[Complaint]] = {}
    for complaint in _all(said):
        service = service_at(graph, complaint.host, namespace_of(complaint.view.pod)) if complaint.host else None
        if service is None or complaint.kind not in _BROKEN or _has_proxy(complaint.view.pod):
            continue
        pods = graph.pods_selected(namespace_of(service), spec_of(service).get("selector") or {})
        if any(_applies(policy, pod) and _has_proxy(pod) for policy in strict for pod in pods if not is_gone(pod)):
            cut.setdefault(complaint.view.entity, []).append(complaint)
    for about, heard in sorted(cut.items()):
        pod = heard[0].view.pod
        told = f"{about.rpartition('/')[2]} has no sidecar, and {heard[0].host} takes only mutual TLS "
        told += f"(PeerAuthentication {name_of(strict[0])} is STRICT)"
        evidence = cite_present(strict[0], "/spec/mtls/mode")
        evidence += cite_present(pod, "/metadata/labels/sidecar.istio.io~1inject", "/metadata/annotations")
        yield _report(about, told, evidence, heard, "Give it a sidecar, or make an exception for it in the policy.")


def _ingresses(graph: Graph, said: dict[str, list[Complaint]]) -> Iterator[Judged]:
    """Judge an Ingress that has its controller speak TLS to backends whose ports are plain."""
    heard = [
        c for c in _all(said) if c.kind == "protocol" and "ingress" in f"{namespace_of(c.view.pod)}/{c.view.entity}"
    ]
    for ingress in graph.all("Ingress") if heard else ():
        wanted = ((ingress.get("metadata") or {}).get("annotations") or {}).get(_BACKEND)
        names = _backends(ingress)
        services = [s for s in graph.services_in(namespace_of(ingress)) if name_of(s) in names]
        plain = [s for s in services if all(_is_plain(port) for port in spec_of(s).get("ports") or ())]
        if wanted in _ENCRYPTED and plain:
            told = (
                f"Ingress {name_of(ingress)} has its controller speak {wanted} to {name_of(plain[0])}, which is plain"
            )
            evidence = cite_present(ingress, f"/metadata/annotations/{escape(_BACKEND)}")
            evidence += cite_present(plain[0], "/spec/ports")
            yield _report(entity(ingress), told, evidence, heard, "Correct the annotation, or serve TLS behind it.")


def _backends(ingress: Object) -> set[str]:
    found = [spec_of(ingress).get("defaultBackend") or {}]
    for rule in spec_of(ingress).get("rules") or ():
        found += [path.get("backend") or {} for path in (rule.get("http") or {}).get("paths") or ()]
    return {str((backend.get("service") or {}).get("name")) for backend in found}


def _is_plain(port: Object) -> bool:
    stated = str(port.get("appProtocol") or port.get("name") or "").lower()
    return not stated.startswith(("https", "tls", "grpcs")) and (
        stated.startswith(_PLAIN_NAMES) or port.get("port") not in {443, 8443}
    )


def _all(said: dict[str, list[Complaint]]) -> list[Complaint]:
    return [complaint for _, found in sorted(said.items()) for complaint in found]


def _is_of(graph: Graph, complaint: Complaint, service: Object) -> bool:
    return bool(complaint.host) and service_at(graph, complaint.host, namespace_of(complaint.view.pod)) is service


def _report(about: str, told: str, evidence: tuple[Citation, ...], heard: list[Complaint], decide: str) -> Judged:
    said = f": {quote(heard[0].text, 120)}" if heard else ""
    return finding(
        "svc.protocol",
        about,
        f"{told}{said}.",
        severity=Severity.HIGH if heard else Severity.WARNING,
        confidence=0.92 if heard else 0.7,
        evidence=(*evidence, *(c.cite() for c in heard[:2])),
        person_decides=decide,
        explains=[c.view.entity for c in heard],
    )
