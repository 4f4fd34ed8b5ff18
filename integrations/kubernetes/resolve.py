"""Which object an incident is about: what its labels say, what the settings say, else the nearest name."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from bot.domain.entity import ObjectRef
from bot.domain.incident import Incident
from bot.ports.evidence import Resolution
from integrations.kubernetes.diagnosis.alerts import FIRST_LOOK, where_to_look
from integrations.kubernetes.diagnosis.graph import Graph
from integrations.kubernetes.diagnosis.objects import entity, name_of, namespace_of
from integrations.kubernetes.kinds import KINDS
from integrations.kubernetes.snapshot import Object

_NAMESPACE_LABELS = (
    "namespace", "kube_namespace", "kubernetes_namespace", "k8s_namespace", "k8s.namespace.name", "exported_namespace",
)  # fmt: skip
_KIND_LABELS = {
    "deployment": "Deployment",
    "kube_deployment": "Deployment",
    "k8s.deployment.name": "Deployment",
    "statefulset": "StatefulSet",
    "kube_stateful_set": "StatefulSet",
    "daemonset": "DaemonSet",
    "kube_daemon_set": "DaemonSet",
    "cronjob": "CronJob",
    "job_name": "Job",
    "replicaset": "ReplicaSet",
    "pod": "Pod",
    "pod_name": "Pod",
    "kube_pod": "Pod",
    "k8s.pod.name": "Pod",
    "horizontalpodautoscaler": "HorizontalPodAutoscaler",
    "persistentvolumeclaim": "PersistentVolumeClaim",
}
_NAME_LABELS = (
    "app.kubernetes.io/name", "app_kubernetes_io_name", "workload", "app", "service", "service_name", "kube_service",
    "container", "component",
)  # fmt: skip
_ALERT_LABELS = ("alertname", "alert_name", "alert")
_WELL_NAMED = frozenset(_KIND_LABELS.values())
_LINE = re.compile(r"^\s*-?\s*([A-Za-z_][\w./-]*)\s*[=:]\s*\"?([^\s\",]+)\"?\s*$", re.MULTILINE)
_WORD = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+")
_COMMON = frozenset(
    {"a", "an", "and", "app", "application", "are", "at", "by", "critical", "crash", "crashing", "deployment", "down"}
    | {"error", "errors", "fail", "failing", "for", "from", "has", "have", "high", "in", "is", "it", "kubernetes"}
    | {"not", "of", "on", "pod", "pods", "prod", "production", "service", "services", "svc", "the", "to"}
    | {"unavailable", "warning", "with"}
)
_CLEAR = 0.75
_MARGIN = 0.15


@dataclass(frozen=True, slots=True)
class Clues:
    """What an incident says about its origin.

    `named` is the object of an alert that clusters ship with, `families` are the keys of findings that explain it.
    """

    namespace: str | None
    refs: tuple[tuple[str, str], ...]
    names: tuple[str, ...]
    service: str
    title: str
    named: ObjectRef | None = None
    families: tuple[str, ...] = ()


def clues_of(incident: Incident) -> Clues:
    """Collect labels and custom details, however deeply the source nested them."""
    values: dict[str, str] = {}
    _flatten({**incident.details, **incident.labels}, values, depth=0)
    namespace = next((values[name] for name in _NAMESPACE_LABELS if name in values), None)
    refs = tuple((kind, values[label]) for label, kind in _KIND_LABELS.items() if label in values)
    names = tuple(dict.fromkeys(values[name] for name in _NAME_LABELS if name in values))
    named, families = _known_alert(incident.title, values)
    if named is not None and named.kind in _WELL_NAMED:
        refs = ((named.kind, named.name),)  # other labels of such an alert name the exporter that noticed it
    return Clues(namespace, refs, names, incident.service or "", incident.title, named, families)


def _known_alert(title: str, values: Mapping[str, str]) -> tuple[ObjectRef | None, tuple[str, ...]]:
    """Return where to look first for an alert that clusters ship with, by its label or in the title."""
    alert = next((values[name] for name in _ALERT_LABELS if name in values), "")
    alert = alert or next((word for word in re.findall(r"[A-Za-z]{6,}", title) if word in FIRST_LOOK), "")
    return where_to_look(alert, values)


def _flatten(value: Mapping[str, Any], into: dict[str, str], *, depth: int) -> None:
    for key, item in value.items():
        if isinstance(item, Mapping) and depth < 4:
            _flatten(item, into, depth=depth + 1)
        elif isinstance(item, str):
            if "\n" in item:  # Alertmanager sends its labels as lines of text
                for name, text in _LINE.findall(item):
                    into.setdefault(name.lower(), text)
            elif item:
                into[str(key).lower()] = item.strip()


def by_reference(graph: Graph, clues: Clues, namespace: str) -> ObjectRef | None:
    """Return the workload that a label names, through its owner when the label names a pod or ReplicaSet."""
    for kind, name in clues.refs:
        if (found := graph.snapshot.get(kind, namespace, name)) is not None:
            owner_kind, owner_namespace, owner_name = graph.owner_key(found)
            return ObjectRef(kind=owner_kind, namespace=owner_namespace or None, name=owner_name)
        if kind in {"Pod", "ReplicaSet"}:  # gone meanwhile: its name begins with its workload's
            owners = [w for w in graph.workloads if namespace_of(w) == namespace and name.startswith(f"{name_of(w)}-")]
            if owners:
                return ObjectRef.parse(entity(max(owners, key=lambda owner: len(name_of(owner)))))
    return None


def by_name(graph: Graph, clues: Clues, namespaces: Iterable[str] | None) -> Resolution:
    """Return the workload or Service whose name is nearest to what the incident calls it."""
    allowed = set(namespaces) if namespaces is not None else None
    scored: dict[str, tuple[float, Object]] = {}
    for item in (*graph.workloads, *graph.all("Service")):
        if item.get("kind") == "Job" and (item.get("metadata") or {}).get("ownerReferences"):
            continue
        if allowed is not None and namespace_of(item) not in allowed:
            continue
        score = score_name(name_of(item), clues)
        place = f"{namespace_of(item)}/{name_of(item)}"
        if score > 0.4 and (place not in scored or scored[place][0] < score):  # a workload comes before its Service
            scored[place] = (score, item)
    ranked = sorted(scored.values(), key=lambda pair: (-pair[0], entity(pair[1])))
    candidates = tuple(ObjectRef.parse(entity(item)) for _, item in ranked[:20])
    if not ranked:
        wanted = clues.service or clues.title
        return Resolution(reason=f"No workload or Service in the cluster is called anything like {wanted!r}.")
    best = ranked[0][0]
    if best >= _CLEAR and (len(ranked) == 1 or best - ranked[1][0] >= _MARGIN):
        return Resolution(
            target=candidates[0], candidates=candidates, reason=f"{candidates[0].name} is the nearest name."
        )
    return Resolution(candidates=candidates, reason="No name is near enough, or several are.")


def score_name(name: str, clues: Clues) -> float:
    """Return how surely `name` is what the incident is about, between 0 and 1."""
    wanted = words_of(name)
    if not wanted:
        return 0.0
    best = 0.0
    for text in (*clues.names, clues.service):
        if not text:
            continue
        if "".join(words_of(text)) == "".join(wanted):
            return 1.0
        best = max(best, 0.95 * _likeness(wanted, words_of(text)))
    title = clues.title.lower()
    if re.search(rf"(?<![\w-]){re.escape(name.lower())}(?![\w-])", title):
        best = max(best, 0.95)
    return max(best, 0.8 * _coverage(wanted, words_of(clues.title)))


def words_of(text: str) -> list[str]:
    """Return the words of a name in any spelling (paymentService, payment-service, "Payment Service")."""
    return [word.lower() for word in _WORD.findall(text)]


def _weighed(words: Iterable[str]) -> dict[str, float]:
    return {word: 0.2 if word in _COMMON or word.isdigit() else 1.0 for word in words}


def _likeness(one: list[str], other: list[str]) -> float:
    """Return the share of words that two names have in common; common words weigh little."""
    left, right = _weighed(one), _weighed(other)
    shared = sum(weight for word, weight in left.items() if word in right)
    total = sum({**left, **right}.values())
    return shared / total if total else 0.0


def _coverage(name: list[str], text: list[str]) -> float:
    """Return the share of a name's words that occur in a text."""
    weights = _weighed(name)
    total = sum(weights.values())
    return sum(weight for word, weight in weights.items() if word in text) / total if total >= 1 else 0.0


def parse_mapping(service: str | None, mapping: Mapping[str, str]) -> ObjectRef | None:
    """Return what the settings say a service is. Raise ValueError when that is not Kind/namespace/name."""
    if not service:
        return None
    wanted = "".join(words_of(service))
    for name, text in mapping.items():
        if "".join(words_of(name)) == wanted:
            ref = ObjectRef.parse(text)
            if ref.kind not in KINDS:
                raise ValueError(f"{ref.kind} is not a kind that can be looked at")
            return ref
    return None
