"""Certificates that are past their date: of Ingresses and pods, of admission webhooks, and cert-manager's own."""

from collections.abc import Iterable, Iterator

from bot.domain.alert import Severity
from bot.domain.finding import Citation
from integrations.kubernetes.certificate_dates import FIELD
from integrations.kubernetes.diagnosis.citations import cite_present
from integrations.kubernetes.diagnosis.findings import Judged, clip, finding, is_gone
from integrations.kubernetes.diagnosis.graph import Graph
from integrations.kubernetes.diagnosis.objects import condition_of, entity, name_of, namespace_of, spec_of, status_of
from integrations.kubernetes.snapshot import Object

_HOOKS = ("ValidatingWebhookConfiguration", "MutatingWebhookConfiguration")


def analyze(graph: Graph) -> Iterable[Judged]:
    """Judge what objects themselves say about the validity of certificates."""
    issued = {(namespace_of(item), str(spec_of(item).get("secretName"))): item for item in graph.all("Certificate")}
    for item in graph.all("Certificate"):
        yield from _managed(graph, item)
    for secret in graph.all("Secret"):
        dates = secret.get(FIELD) or {}
        if (namespace_of(secret), name_of(secret)) not in issued and _is_over(graph, dates.get("notAfter")):
            yield from _secret(graph, secret, str(dates["notAfter"]))
    for hook in (item for kind in _HOOKS for item in graph.all(kind)):
        yield from _bundle(graph, hook)


def _is_over(graph: Graph, until: object) -> bool:
    age = graph.age_seconds(until)
    return age is not None and age > 0


def _secret(graph: Graph, secret: Object, until: str) -> Iterator[Judged]:
    """Judge a Secret that is in use: an expired certificate that nobody serves hurts nobody."""
    users = _users(graph, secret)
    if users:
        told = f"The certificate in Secret {name_of(secret)} expired at {until}"
        yield _report(entity(secret), told, cite_present(secret, f"/{FIELD}/notAfter"), users)


def _users(graph: Graph, secret: Object) -> list[str]:
    namespace, name = namespace_of(secret), name_of(secret)
    found = {
        entity(ingress)
        for ingress in graph.all("Ingress")
        if namespace_of(ingress) == namespace
        and any(entry.get("secretName") == name for entry in spec_of(ingress).get("tls") or ())
    }
    for pod in graph.pods_in(namespace):
        volumes = spec_of(pod).get("volumes") or ()
        if not is_gone(pod) and any((volume.get("secret") or {}).get("secretName") == name for volume in volumes):
            found.add(graph.entity_of(pod))
    return sorted(found)


def _managed(graph: Graph, item: Object) -> Iterator[Judged]:
    """Judge a Certificate of cert-manager that is over, or that it cannot renew."""
    until, ready = status_of(item).get("notAfter"), condition_of(item, "Ready")
    if not _is_over(graph, until):
        return
    evidence = cite_present(item, "/status/notAfter")
    why = ""
    if ready is not None and ready[1].get("status") == "False":
        evidence += cite_present(item, f"/status/conditions/{ready[0]}/message")
        why = f"; cert-manager says: {clip(str(ready[1].get('message')), 200)}"
    secret = graph.snapshot.get("Secret", namespace_of(item), str(spec_of(item).get("secretName")))
    users = _users(graph, secret) if secret is not None else []
    yield _report(entity(item), f"Certificate {name_of(item)} expired at {until}{why}", evidence, users)


def _bundle(graph: Graph, configuration: Object) -> Iterator[Judged]:
    for position, hook in enumerate(configuration.get("webhooks") or ()):
        until = ((hook.get("clientConfig") or {}).get(FIELD) or {}).get("notAfter")
        if not _is_over(graph, until):
            continue
        pointer = f"/webhooks/{position}/clientConfig/{FIELD}/notAfter"
        told = f"The caBundle of webhook {hook.get('name')} expired at {until}: the API server cannot call it"
        yield _report(entity(configuration), told, cite_present(configuration, pointer), [])
        return


def _report(about: str, told: str, evidence: tuple[Citation, ...], users: list[str]) -> Judged:
    who = f"; {', '.join(user.rpartition('/')[2] for user in users[:3])} serve it" if users else ""
    return finding(
        "cert.expired",
        about,
        f"{told}{who}.",
        severity=Severity.HIGH,
        confidence=0.95,
        evidence=evidence,
        person_decides="Renew the certificate, then restart what reads it only once.",
        explains=users,
    )
