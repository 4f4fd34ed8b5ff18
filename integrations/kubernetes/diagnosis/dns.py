"""Names that cannot be resolved: the cluster's name servers, their rules, and pods that ask elsewhere."""

import re
from collections.abc import Generator, Iterator
from typing import Any

from bot.domain.alert import Severity
from integrations.kubernetes.diagnosis.addresses import addresses_of, is_local, service_at
from integrations.kubernetes.diagnosis.changes import rollback_action
from integrations.kubernetes.diagnosis.citations import cite_present, escape
from integrations.kubernetes.diagnosis.complaints import Complaint
from integrations.kubernetes.diagnosis.findings import Judged, finding, is_ready
from integrations.kubernetes.diagnosis.graph import Graph
from integrations.kubernetes.diagnosis.objects import entity, labels_of, name_of, namespace_of, spec_of, template_of
from integrations.kubernetes.diagnosis.policies import dns_denier
from integrations.kubernetes.diagnosis.spoken import is_unserved, missing_host
from integrations.kubernetes.snapshot import Object

_TEMPLATE = re.compile(
    r"^\s*template\s+(?:IN|ANY|CH)\s+(?P<type>\w+)\s*(?P<zone>[^{\n]*)\{(?P<body>[^}]*)\}", re.MULTILINE
)
_REWRITE = re.compile(
    r"^\s*(?:rewrite\s+(?:stop\s*\{\s*|continue\s*\{\s*|stop\s+|continue\s+)?)?name\s+(?:exact\s+)?"
    r"(?P<name>[a-z0-9][\w.-]+)\s+(?P<instead>[a-z0-9][\w.-]+)",
    re.MULTILINE,
)
_OWN_NAMES = re.compile(r"^\s*kubernetes\b", re.MULTILINE)
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
        key, text = _rules_of(held)
        if not text:
            continue
        told = next((told for match in _REWRITE.finditer(text) if (told := _rewritten(graph, match))), "")
        for match in _TEMPLATE.finditer(text):
            if match["type"].upper() != "AAAA" and (code := _REFUSAL.search(match["body"])):
                told = f"answers {code[1].upper()} for {match['zone'].strip() or 'every name'}"
        if (
            not told
            and key == "Corefile"
            and not re.search(r"^\s*kubernetes\b", text, re.MULTILINE)
            and "forward" in text
        ):
            told = "has no rule for the cluster's own names"
        if not told:
            continue
        ill = True
        yield finding(
            "dns.corefile",
            entity(held),
            f"{key} in ConfigMap {name_of(held)}, a rule of CoreDNS, {told}.",
            severity=Severity.HIGH,
            confidence=0.92 if lost else 0.8,
            evidence=(
                *cite_present(held, f"/data/{escape(key)}"),
                *(c.cite() for f in list(lost.values())[:2] for c in f[:1]),
            ),
            person_decides="Take the rule out of the Corefile, then reload CoreDNS.",
            explains=lost,
        )
    return ill


def _rules_of(held: Object) -> tuple[str, str]:
    """Return the key and text of CoreDNS rules in a ConfigMap: its Corefile, or what that imports."""
    data = held.get("data") or {}
    custom = namespace_of(held) == "kube-system" and "coredns" in name_of(held)
    keys = [key for key in sorted(data) if key == "Corefile" or (custom and key.endswith((".override", ".server")))]
    return (keys[0], "\n".join(str(data[key]) for key in keys)) if keys else ("", "")


def _rewritten(graph: Graph, match: re.Match[str]) -> str:
    """Say what is wrong with a rule that answers for one Service with the address of one that does not exist."""
    name, instead = match["name"].rstrip("."), match["instead"].rstrip(".")
    if (
        service_at(graph, name, "") is None
        or not is_local(graph, instead)
        or service_at(graph, instead, "") is not None
    ):
        return ""
    return f"sends those who ask for {name} to {instead}, which no Service serves"


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
        undo = rollback_action(graph, workload, about, _asks_the_cluster)
        yield finding("dns.policy", about, f"{about.rpartition('/')[2]} {told}.", severity=Severity.HIGH,
                      confidence=0.92, evidence=(*evidence, complaint.cite()), explains=[about],
                      actions=[undo] if undo is not None else [],
                      person_decides="Set dnsPolicy back to ClusterFirst.")  # fmt: skip
    elif (denying := dns_denier(graph, complaint.view.pod)) is not None:
        yield finding("netpol.deny", entity(denying),
                      f"NetworkPolicy {name_of(denying)} blocks {about.rpartition('/')[2]} from asking name servers: "
                      f"no egress rule covers port 53.", severity=Severity.HIGH, confidence=0.93,
                      evidence=(*cite_present(denying, "/spec"), complaint.cite()), explains=[about],
                      person_decides="Add an egress rule for UDP and TCP port 53 to the name servers.")  # fmt: skip
    else:
        yield from _missing_host(graph, found)


def _asks_the_cluster(template: dict[str, Any]) -> bool:
    spec = template.get("spec") or {}
    return (spec.get("dnsPolicy") or "ClusterFirst") in {"ClusterFirst", "ClusterFirstWithHostNet"}


def _missing_host(graph: Graph, found: list[Complaint]) -> Iterator[Judged]:
    """Judge a name that only a log shows: no variable or ConfigMap that was seen holds it."""
    for complaint in found:
        workload = graph.snapshot.objects.get(complaint.view.owner)
        told = {address.host for address in addresses_of(graph, workload)} if workload is not None else set()
        if (governed := _without_record(graph, complaint)) is not None:
            yield governed
            return
        if complaint.view.crashes or complaint.host in told or not is_unserved(graph, complaint):
            continue
        yield missing_host(graph, complaint)
        return


def _without_record(graph: Graph, complaint: Complaint) -> Judged | None:
    """Judge the name of one pod of a StatefulSet that names another Service as its own: only that one has records."""
    pod, _, rest = complaint.host.partition(".")
    namespace = namespace_of(complaint.view.pod)
    service = service_at(graph, rest, namespace) if rest else None
    found = graph.snapshot.get("StatefulSet", namespace_of(service) if service else namespace, pod.rpartition("-")[0])
    governing = str(spec_of(found or {}).get("serviceName") or "")
    if found is None or not rest or governing == rest.split(".")[0]:
        return None
    if graph.snapshot.get("Service", namespace_of(found), governing) is not None:
        return missing_host(graph, complaint)  # the names exist under another Service: the caller has the wrong one
    told = f"its serviceName is {governing}, which does not exist"
    return finding(
        "config.bad_address",
        entity(found),
        f"The pods of StatefulSet {name_of(found)} have no names under {rest.split('.')[0]}: {told}; "
        f"{complaint.view.entity.rpartition('/')[2]} asks for {complaint.host}.",
        severity=Severity.HIGH,
        confidence=0.9,
        evidence=(*cite_present(found, "/spec/serviceName"), complaint.cite()),
        person_decides="Make the headless Service that the StatefulSet names, or give callers that one's name.",
        explains=[complaint.view.entity],
    )
