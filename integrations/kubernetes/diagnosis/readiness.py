"""Pods that run but are not ready because their own probe says so, with or without a Service in front."""

from collections.abc import Iterable

from bot.domain.alert import Severity
from integrations.kubernetes.diagnosis.changes import describe_change, rollback_action
from integrations.kubernetes.diagnosis.citations import cite_present
from integrations.kubernetes.diagnosis.containers import containers
from integrations.kubernetes.diagnosis.findings import Judged, clip, finding, is_ready, is_starting, outage, ready_text
from integrations.kubernetes.diagnosis.graph import Graph
from integrations.kubernetes.diagnosis.objects import condition_of
from integrations.kubernetes.diagnosis.probes import bound_to_loopback, contradiction, set_probe

_CURRENT_SECONDS = 900.0


def analyze(graph: Graph) -> Iterable[Judged]:
    """Judge running containers whose readiness probe fails now; one finding for each workload."""
    seen: set[str] = set()
    for view in containers(graph):
        waits = view.init or not view.running or view.status.get("ready") or view.crashes
        if waits or view.entity in seen or is_ready(view.pod) or is_starting(graph, view.pod):
            continue
        for event in graph.events_of(view.pod, "Unhealthy"):
            text = str(event.get("message") or "")
            about = str((event.get("involvedObject") or {}).get("fieldPath") or "")
            mine = not about or f"{{{view.name}}}" in about
            if not mine or "eadiness probe" not in text or graph.event_age(event) > _CURRENT_SECONDS:
                continue
            seen.add(view.entity)
            wrong = contradiction(view, "readiness", text)
            hidden = bound_to_loopback(view) if wrong is None else None
            why = f"; the probe is wrong: {wrong.told}" if wrong is not None else f"; {hidden[0]}" if hidden else ""
            found = condition_of(view.pod, "Ready")
            evidence = cite_present(event, "/message")
            evidence += cite_present(view.pod, f"/status/conditions/{found[0]}/status") if found else ()
            workload = graph.snapshot.objects.get(view.owner)
            severity, _, _ = outage(graph, view.owner)
            undo = rollback_action(graph, workload, view.entity) if wrong is not None else None
            offered = [undo, set_probe(view, "readiness", wrong)]
            yield finding(
                "probe.readiness",
                view.entity,
                f"Container {view.name} runs but its readiness probe fails: {clip(text, 120)}{why}; "
                f"{ready_text(graph, view.owner)}.{describe_change(graph, workload)}",
                severity=Severity.HIGH if severity is Severity.WARNING else severity,
                confidence=0.9 if wrong is not None else 0.75,
                evidence=(*evidence, *(wrong.evidence if wrong is not None else hidden[1] if hidden else ())),
                actions=[item for item in offered if item is not None],
                person_decides="Find out whether the probe or the program is wrong.",
            )
            break
