"""What running programs say about themselves and their databases: connections, credentials, certificates, disks."""

import re
from collections.abc import Iterator

from bot.domain.alert import Severity
from integrations.kubernetes.diagnosis.addresses import backing, service_at
from integrations.kubernetes.diagnosis.citations import cite_present
from integrations.kubernetes.diagnosis.complaints import Complaint
from integrations.kubernetes.diagnosis.config import mounted_claims
from integrations.kubernetes.diagnosis.crash_remedies import claim_of
from integrations.kubernetes.diagnosis.databases import database_behind, runs_database
from integrations.kubernetes.diagnosis.findings import Judged, finding, quote
from integrations.kubernetes.diagnosis.graph import Graph
from integrations.kubernetes.diagnosis.objects import entity, namespace_of, spec_of
from integrations.kubernetes.diagnosis.storage import grow
from integrations.kubernetes.snapshot import Object

_OWN = {
    "connections": ("db.connections_exhausted", "takes no more connections",
                    "Find who holds the connections; lower the clients' pools or raise the database's limit."),
    "read_only": ("db.read_only", "refuses to write",
                  "Find out why: a replica that was not promoted, a full disk, or a setting."),
    "credentials": ("db.bad_credentials", "is refused by what it logs in to",
                    "Somebody who may read the Secret has to correct the credentials, then restart the pods."),
    "certificate": ("cert.expired", "serves or is shown a certificate that is not valid",
                    "Renew the certificate, then restart what serves it."),
    "forbidden": ("rbac.forbidden", "lacks a permission of its ServiceAccount",
                  "Grant the permission, or correct the ServiceAccount."),
    "disk": ("pvc.full", "has a full disk", "Free space or enlarge the volume."),
}  # fmt: skip

_POOL = re.compile(r"total=(?P<size>\d+), active=(?P=size)\b|QueuePool limit of size (?P<limit>\d+) ")
_SMALL_POOL = 3
_TOO_EARLY = re.compile(r"not (?:yet|valid yet)|NOT_YET|NotTimeValid")


def judge_own_words(graph: Graph, said: dict[str, list[Complaint]]) -> Iterator[Judged]:
    """Judge what running programs say about databases, certificates, permissions and disks."""
    heard: dict[tuple[str, str], list[Complaint]] = {}
    for _, found in sorted(said.items()):
        for complaint in found:
            if complaint.kind in _OWN and not complaint.view.crashes and not _is_a_guest(graph, complaint):
                heard.setdefault((complaint.kind, _to_blame(graph, complaint)), []).append(complaint)
    for (kind, place), found in heard.items():
        yield _report_own(graph, kind, place, found)


def _is_a_guest(graph: Graph, complaint: Complaint) -> bool:
    """Whether a database turns somebody away: its clients say so themselves, and strangers may well be turned away."""
    workload = graph.snapshot.objects.get(complaint.view.owner)
    return complaint.kind == "credentials" and workload is not None and runs_database(graph, workload)


def _to_blame(graph: Graph, complaint: Complaint) -> str:
    """Return the entity that has to be changed: of what a client says about a database, the database."""
    workload = graph.snapshot.objects.get(complaint.view.owner)
    about = complaint.view.entity
    if complaint.kind == "disk" and (claim := claim_of(complaint.view.pod, complaint.view.spec, complaint.text)):
        return claim
    if complaint.kind in {"connections", "read_only", "disk"}:
        database = database_behind(graph, workload, complaint.text)
        if database is None or _is_of_its_own(complaint.text):
            return about
        return (_volume_of(graph, database) if complaint.kind == "disk" else None) or entity(database)
    if complaint.kind == "certificate" and complaint.host:
        service = service_at(graph, complaint.host, namespace_of(complaint.view.pod))
        owners = backing(graph, service) if service is not None else []
        return entity(owners[0]) if owners else about
    return about


def judge_clocks(graph: Graph, said: dict[str, list[Complaint]]) -> Iterator[Judged]:
    """Judge a node on which all who find certificates not valid yet run, and more than one does: its clock is late."""
    early = [c for found in said.values() for c in found if c.kind == "certificate" and _TOO_EARLY.search(c.text)]
    nodes = {str(spec_of(c.view.pod).get("nodeName")) for c in early}
    clients = sorted({c.view.entity for c in early})
    others = {str(spec_of(pod).get("nodeName")) for pod in graph.pods if graph.has_log(pod)} - nodes
    if len(nodes) != 1 or len(clients) < 2 or not others:
        return
    node = nodes.pop()
    yield finding(
        "cert.expired",
        f"Node/{node}",
        f"Certificates that are valid elsewhere are not valid yet on node {node}, for {len(clients)} workloads there: "
        f"its clock is late. {quote(early[0].text)}",
        severity=Severity.HIGH,
        confidence=0.8,
        evidence=[c.cite() for c in early[:4]],
        person_decides="Set the node's clock, and see why its time service does not.",
        explains=clients,
    )


def _is_of_its_own(text: str) -> bool:
    """Whether a client's pool is used up that is small by its own setting: the database can take more."""
    sizes = [int(match["size"] or match["limit"]) for match in _POOL.finditer(text)]
    return bool(sizes) and 0 < min(sizes) <= _SMALL_POOL


def _volume_of(graph: Graph, workload: Object) -> str | None:
    claims = sorted({name for pod in graph.pods_of(workload) for name in mounted_claims(pod)})
    return f"PersistentVolumeClaim/{namespace_of(workload)}/{claims[0]}" if len(claims) == 1 else None


def _report_own(graph: Graph, kind: str, place: str, found: list[Complaint]) -> Judged:
    key, told, decide = _OWN[kind]
    name = place.rpartition("/")[2]
    first = min(found, key=lambda c: (c.view.entity != place, -c.count, c.view.entity, c.number))
    witness = first.view.entity.rpartition("/")[2]
    by = f", as {witness} says" if first.view.entity != place else ""
    return finding(
        key,
        place,
        f"{name} {told}{by}: {quote(first.text)} ({first.count} times at the end of the log).",
        severity=Severity.HIGH,
        confidence=0.85 if first.count > 1 else 0.7,
        evidence=(
            *(c.cite() for c in [first, *(c for c in found if c is not first)][:3]),
            *cite_present(first.view.pod, f"{first.view.pointer}/ready"),
        ),
        actions=[more] if kind == "disk" and (more := grow(graph, place)) is not None else [],
        person_decides=decide,
        explains=[c.view.entity for c in found],
    )
