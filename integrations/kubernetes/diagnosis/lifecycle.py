"""What never begins and what never ends: hanging init containers and objects that cannot be deleted."""

from collections.abc import Iterable, Iterator

from bot.domain.alert import Severity
from integrations.kubernetes.diagnosis.changes import duration_text
from integrations.kubernetes.diagnosis.citations import cite_present
from integrations.kubernetes.diagnosis.containers import containers
from integrations.kubernetes.diagnosis.findings import Judged, clip, finding, outage, ready_text
from integrations.kubernetes.diagnosis.graph import Graph
from integrations.kubernetes.diagnosis.objects import entity, name_of, spec_of
from integrations.kubernetes.snapshot import Object

_HUNG_SECONDS = 600.0
_STUCK_SECONDS = 600.0
_KINDS = ("Pod", "PersistentVolumeClaim", "Deployment", "StatefulSet", "DaemonSet", "Job", "Service", "Namespace")


def analyze(graph: Graph) -> Iterable[Judged]:
    """Judge init containers that run for long and objects that wait for a finalizer or a dead node."""
    yield from _hanging_init(graph)
    for kind in _KINDS:
        for item in graph.all(kind):
            yield from _terminating(graph, item)


def _hanging_init(graph: Graph) -> Iterator[Judged]:
    seen: set[tuple[str, str]] = set()
    for view in containers(graph):
        started = ((view.status.get("state") or {}).get("running") or {}).get("startedAt")
        age = graph.age_seconds(started)
        sidecar = view.spec.get("restartPolicy") == "Always"
        if not view.init or sidecar or age is None or age < _HUNG_SECONDS or (view.entity, view.name) in seen:
            continue
        seen.add((view.entity, view.name))
        severity, _, _ = outage(graph, view.owner)
        lines = graph.log(view.pod, view.name, previous=False)
        last = next((line for line in reversed(lines) if line.strip()), "")
        told = f", last saying: {clip(last, 120)}" if last else ""
        yield finding(
            "init.hung",
            view.entity,
            f"Init container {view.name} has been running for {duration_text(age)}{told}; "
            f"{ready_text(graph, view.owner)}.",
            severity=severity,
            confidence=0.7,
            evidence=cite_present(view.pod, f"{view.pointer}/state/running/startedAt"),
            person_decides="Find out what the init container waits for.",
        )


def _remains(condition: Object) -> bool:
    """Whether a namespace's condition says what in it is left."""
    return condition.get("status") == "True" and str(condition.get("type")).endswith("Remaining")


def _terminating(graph: Graph, item: Object) -> Iterator[Judged]:
    metadata = item.get("metadata") or {}
    age = graph.age_seconds(metadata.get("deletionTimestamp"))
    if age is None or age < _STUCK_SECONDS + float(metadata.get("deletionGracePeriodSeconds") or 0):
        return
    finalizers = metadata.get("finalizers") or (spec_of(item).get("finalizers") if item["kind"] == "Namespace" else ())
    if not finalizers and item["kind"] != "Pod":
        return
    left = [(place, c) for place, c in enumerate((item.get("status") or {}).get("conditions") or ()) if _remains(c)]
    why = f"it waits for {', '.join(finalizers)}" if finalizers else "its node does not confirm that it has stopped"
    if left:
        why = clip(" ".join(str(condition.get("message")) for _, condition in left), 240)
    yield finding(
        "terminating.stuck",
        entity(item),
        f"{item['kind']} {name_of(item)} has been terminating for {duration_text(age)}: {why}.",
        severity=Severity.WARNING,
        confidence=0.85,
        evidence=(
            *cite_present(item, "/metadata/deletionTimestamp", "/metadata/finalizers"),
            *(c for place, _ in left for c in cite_present(item, f"/status/conditions/{place}/message")),
        ),
        person_decides="Bring back the controller that clears the finalizer, or the node; force it as a last resort.",
    )
