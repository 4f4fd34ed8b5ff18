"""Names that cannot be resolved: the cluster's name servers, their rules, and pods that ask elsewhere."""

import re
from collections.abc import Generator, Iterator

from bot.domain.alert import Severity
from integrations.kubernetes.diagnosis.addresses import addresses_of, is_local, service_at
from integrations.kubernetes.diagnosis.citations import cite_present
from integrations.kubernetes.diagnosis.complaints import Complaint
from integrations.kubernetes.diagnosis.findings import Judged, finding, is_ready, quote
from integrations.kubernetes.diagnosis.graph import (
    Graph,
    entity,
    labels_of,
    name_of,
    namespace_of,
    spec_of,
    template_of,
)
from integrations.kubernetes.diagnosis.policies import dns_denier
from integrations.kubernetes.snapshot import Object

_TEMPLATE = re.compile(
    r"^\s*template\s+(?:IN|ANY|CH)\s+(?P<type>\w+)\s*(?P<zone>[^{\n]*)\{(?P<body>[^}]*)\}", re.MULTILINE
)
_REFUSAL = re.compile(r"rcode\s+(NXDOMAIN|SERVFAIL|REFUSED)", re.IGNORECASE)
_NODE_LOCAL = "169.254."


def judge_names(graph: Graph, said: dict[str, list[Complaint]]) -> Iterator[Judged]:
    """Judge name servers, their Corefile, and every workload that says it cannot resolve a name."""
    lost = {about: [c for c in found if c.kind == "unresolved"] for about, found in said.items()}
    lost = {about: found for about, found in lost.items() if found}
    servers = [item for item in graph.all("Service") if labels_of(item).get("k8s-app") in {"kube-dns", "coredns"}]
    servers = servers or [s for s in graph.services_in("kube-system") if name_of(s) in {"kube-dns", "coredns"}]
    ill = yield from _servers(graph, servers, lost)
    ill = (yield from _corefiles(graph, lost)) or ill
    if ill:
        return
    for about, found in sorted(lost.items()):
        yield from _client(graph, about, found, servers)


def _servers(graph: Graph, servers: list[Object], lost: dict[str, list[Complaint]]) -> Generator[Judged, None, bool]:
    ill = False
    for service in servers:
        pods = graph.pods_selected(namespace_of(service), spec_of(service).get("selector") or {})
        seen = bool(pods) or any(namespace_of(item) == namespace_of(service) for item in graph.workloads)
        if not seen or any(is_ready(pod) for pod in pods):
            continue
        ill = True
        evidence = cite_present(service, "/spec/selector", "/metadata/name")
        evidence += tuple(c for pod in pods[:1] for c in cite_present(pod, "/status/conditions"))
        yield finding(
            "dns.unavailable",
            entity(service),
            f"No name server is ready behind Service {name_of(service)}: no name can be resolved in the cluster.",
            severity=Severity.CRITICAL,
            confidence=0.93,
            evidence=(*evidence, *(c.cite() for found in list(lost.values())[:2] for c in found[:1])),
            person_decides="Bring the name servers' pods back.",
            explains=lost,
        )
    return ill


def _corefiles(graph: Graph, lost: dict[str, list[Complaint]]) -> Generator[Judged, None, bool]:
    """Judge rules of CoreDNS that refuse names; a template for AAAA is a habit and hurts nobody."""
    ill = False
    for held in graph.all("ConfigMap"):
        text = str((held.get("data") or {}).get("Corefile") or "")
        if not text:
            continue
        told = ""
        for match in _TEMPLATE.finditer(text):
            if match["type"].upper() != "AAAA" and (code := _REFUSAL.search(match["body"])):
                told = f"answers {code[1].upper()} for {match['zone'].strip() or 'every name'}"
        if not told and "kubernetes" not in text and "forward" in text and name_of(held) == "coredns":
            told = "has no rule for the cluster's own names"
        if not told:
            continue
        ill = True
        yield finding(
            "dns.corefile",
            entity(held),
            f"The Corefile in ConfigMap {name_of(held)} {told}.",
            severity=Severity.HIGH,
            confidence=0.92 if lost else 0.8,
            evidence=(
                *cite_present(held, "/data/Corefile"),
                *(c.cite() for f in list(lost.values())[:2] for c in f[:1]),
            ),
            person_decides="Take the rule out of the Corefile, then reload CoreDNS.",
            explains=lost,
        )
    return ill


def _client(graph: Graph, about: str, found: list[Complaint], servers: list[Object]) -> Iterator[Judged]:
    complaint = found[0]
    workload = graph.snapshot.objects.get(complaint.view.owner)
    spec = template_of(workload or complaint.view.pod).get("spec") or {}
    addresses = {str(spec_of(item).get("clusterIP")) for item in servers}
    asked = [str(item) for item in (spec.get("dnsConfig") or {}).get("nameservers") or ()]
    policy = str(spec.get("dnsPolicy") or "ClusterFirst")
    foreign = policy == "None" and not any(item in addresses or item.startswith(_NODE_LOCAL) for item in asked)
    outside = policy == "Default" or (policy == "ClusterFirst" and bool(spec.get("hostNetwork")))
    if foreign or (outside and any(is_local(graph, c.host) for c in found if c.host)):
        root = "/spec/template/spec" if workload is not None else "/spec"
        item = workload or complaint.view.pod
        evidence = cite_present(item, f"{root}/dnsPolicy", f"{root}/dnsConfig", f"{root}/hostNetwork")
        told = f"asks {', '.join(asked) or 'the node'} for names (dnsPolicy {policy}), not the cluster's"
        yield finding("dns.policy", about, f"{about.rpartition('/')[2]} {told}.", severity=Severity.HIGH,
                      confidence=0.92, evidence=(*evidence, complaint.cite()), explains=[about],
                      person_decides="Set dnsPolicy back to ClusterFirst.")  # fmt: skip
    elif (denying := dns_denier(graph, complaint.view.pod)) is not None:
        yield finding("netpol.deny", entity(denying),
                      f"NetworkPolicy {name_of(denying)} blocks {about.rpartition('/')[2]} from asking name servers: "
                      f"no egress rule covers port 53.", severity=Severity.HIGH, confidence=0.93,
                      evidence=(*cite_present(denying, "/spec"), complaint.cite()), explains=[about],
                      person_decides="Add an egress rule for UDP and TCP port 53 to the name servers.")  # fmt: skip
    else:
        yield from _missing_host(graph, about, found)


def _missing_host(graph: Graph, about: str, found: list[Complaint]) -> Iterator[Judged]:
    """Judge a name that only a log shows: no variable or ConfigMap that was seen holds it."""
    for complaint in found:
        namespace = namespace_of(complaint.view.pod)
        workload = graph.snapshot.objects.get(complaint.view.owner)
        told = {address.host for address in addresses_of(graph, workload)} if workload is not None else set()
        if (
            complaint.view.crashes
            or not complaint.host
            or complaint.host in told
            or not is_local(graph, complaint.host)
            or service_at(graph, complaint.host, namespace) is not None
        ):
            continue
        yield finding(
            "config.bad_address",
            about,
            f"{about.rpartition('/')[2]} calls {complaint.host}, which no Service serves: {quote(complaint.text, 120)}.",
            severity=Severity.HIGH,
            confidence=0.75,
            evidence=[complaint.cite()],
            person_decides=f"Find where {complaint.host} is configured, and correct it.",
        )
        return
