"""NetworkPolicies: whether one pod may talk to another, and which policy says no."""

from collections.abc import Iterable
from ipaddress import ip_address, ip_network
from typing import Any

from integrations.kubernetes.diagnosis.graph import Graph
from integrations.kubernetes.diagnosis.objects import (
    labels_of,
    name_of,
    namespace_of,
    selector_matches,
    spec_of,
    status_of,
    timestamp_of,
)
from integrations.kubernetes.snapshot import Object


def denier(graph: Graph, client: Object, server: Object, port: int | None, protocol: str = "TCP") -> Object | None:
    """Return the policy that keeps a client's pod from a server's pod, the newest of several; None when none does."""
    for direction, subject, peer in (("Ingress", server, client), ("Egress", client, server)):
        chosen = selecting(graph, subject, direction)
        if chosen and not any(_allows(graph, policy, direction, peer, server, port, protocol) for policy in chosen):
            return _newest(chosen)
    return None


def dns_denier(graph: Graph, client: Object) -> Object | None:
    """Return the policy that keeps a pod from asking any name server; None when none does."""
    chosen = selecting(graph, client, "Egress")
    rules = [rule for policy in chosen for rule in spec_of(policy).get("egress") or ()]
    if chosen and not any(
        _fits_port(rule.get("ports"), None, 53, "UDP") and _reaches_name_servers(graph, client, rule) for rule in rules
    ):
        return _newest(chosen)
    return None


def _reaches_name_servers(graph: Graph, client: Object, rule: dict[str, Any]) -> bool:
    """Say whether a rule may let a pod ask a name server; a block of addresses may always hold one."""
    peers = rule.get("to")
    servers = graph.pods_selected("kube-system", {"k8s-app": "kube-dns"})
    if not peers or any(entry.get("ipBlock") for entry in peers):
        return True
    if servers:
        return any(_is_peer(graph, client, entry, pod) for entry in peers for pod in servers)
    return any("namespaceSelector" in entry for entry in peers)


def selecting(graph: Graph, pod: Object, direction: str) -> list[Object]:
    """Return the policies that select a pod for a direction; an empty podSelector selects every pod."""
    return [
        policy
        for policy in graph.policies_in(namespace_of(pod))
        if direction in _types(policy) and selector_matches(labels_of(pod), spec_of(policy).get("podSelector") or {})
    ]


def _types(policy: Object) -> Iterable[str]:
    spec = spec_of(policy)
    return spec.get("policyTypes") or (["Ingress", "Egress"] if spec.get("egress") else ["Ingress"])


def _newest(policies: list[Object]) -> Object:
    return max(policies, key=lambda policy: (str(timestamp_of(policy) or ""), name_of(policy)))


def _allows(
    graph: Graph, policy: Object, direction: str, peer: Object, server: Object, port: int | None, protocol: str
) -> bool:
    field, side = ("ingress", "from") if direction == "Ingress" else ("egress", "to")
    for rule in spec_of(policy).get(field) or ():
        peers = rule.get(side)
        near = not peers or any(_is_peer(graph, policy, entry, peer) for entry in peers)
        if near and (port is None or _fits_port(rule.get("ports"), server, port, protocol)):
            return True
    return False


def _is_peer(graph: Graph, near: Object, entry: dict[str, Any], pod: Object) -> bool:
    if block := entry.get("ipBlock"):
        return _in_block(block, str(status_of(pod).get("podIP") or ""))
    spaces, pods = entry.get("namespaceSelector"), entry.get("podSelector")
    if spaces is None:
        if namespace_of(pod) != namespace_of(near):
            return False
    else:
        space = graph.snapshot.get("Namespace", None, namespace_of(pod))
        labels = {"kubernetes.io/metadata.name": namespace_of(pod), **labels_of(space or {})}
        if not selector_matches(labels, spaces):
            return False
    return pods is None or selector_matches(labels_of(pod), pods)


def _in_block(block: dict[str, Any], address: str) -> bool:
    try:
        if not address:
            return str(block.get("cidr")).endswith("/0")
        ip = ip_address(address)
        inside = ip in ip_network(str(block.get("cidr")), strict=False)
        return inside and not any(ip in ip_network(str(part), strict=False) for part in block.get("except") or ())
    except ValueError:
        return True  # what cannot be read is not held against anybody


def _fits_port(ports: Any, server: Object | None, number: int, protocol: str) -> bool:
    """Say whether a rule's list of ports covers one; an absent or empty list covers all."""
    if not ports:
        return True
    named = {
        str(port.get("name"))
        for container in spec_of(server or {}).get("containers") or ()
        for port in container.get("ports") or ()
        if port.get("containerPort") == number
    }
    for entry in ports:
        if str(entry.get("protocol") or "TCP") != protocol:
            continue
        wanted = entry.get("port")
        if wanted is None or str(wanted) == str(number) or str(wanted) in named:
            return True
        if isinstance(wanted, int) and isinstance(entry.get("endPort"), int) and wanted <= number <= entry["endPort"]:
            return True
    return False
