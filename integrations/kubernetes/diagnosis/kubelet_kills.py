"""Containers that the kubelet ends because a probe fails, and whether the probe is wrong."""

from typing import Any

from integrations.kubernetes.diagnosis.citations import cite_present
from integrations.kubernetes.diagnosis.crash_case import CrashCase, report
from integrations.kubernetes.diagnosis.findings import Judged, clip
from integrations.kubernetes.diagnosis.probes import contradiction, set_probe, timing

_SIGNALLED = frozenset({137, 143})
_GRACE_SECONDS = 120.0


def judge_kill(case: CrashCase) -> Judged | None:
    """Judge an end that the kubelet brought about; a program that stops in good order may choose any exit code."""
    if case.terminated.get("reason") == "OOMKilled":
        return None
    for event in case.graph.events_of(case.view.pod, "Killing", "Unhealthy"):
        text = str(event.get("message") or "")
        about = str((event.get("involvedObject") or {}).get("fieldPath") or "")
        mine = not about or f"{{{case.view.name}}}" in about
        if not mine or not ("iveness probe" in text or "tartup probe" in text):
            continue
        if case.exit_code not in _SIGNALLED and not _was_killed(case, event):
            continue
        return _killed(case, event, "liveness" if "iveness probe" in text else "startup")
    return None


def _was_killed(case: CrashCase, event: dict[str, Any]) -> bool:
    """Whether the kubelet keeps killing the container: as often as it was restarted, and lately."""
    if event.get("reason") != "Killing" or case.view.restarts < 2:
        return False
    ended = case.graph.age_seconds(case.terminated.get("finishedAt"))
    series = event.get("series") or {}
    count = int(event.get("count") or series.get("count") or 1)
    return (
        ended is not None and case.graph.event_age(event) <= ended + _GRACE_SECONDS and 2 * count >= case.view.restarts
    )


def _killed(case: CrashCase, event: dict[str, Any], kind: str) -> Judged:
    text = str(event.get("message") or "")
    said = [str(other.get("message") or "") for other in case.graph.events_of(case.view.pod, "Unhealthy")]
    failure = next((words for words in said if kind[1:] in words), text)
    what = f"the kubelet kills it because its {kind} probe fails ({clip(failure, 100)})"
    decide = "Give the probe more time or correct its port and path, or mend what makes the program hang."
    evidence = cite_present(event, "/message", "/count")
    started, ended = case.terminated.get("startedAt"), case.terminated.get("finishedAt")
    begun, over = case.graph.age_seconds(started), case.graph.age_seconds(ended)
    lived = begun - over if begun is not None and over is not None else None
    if wrong := contradiction(case.view, kind, failure) or timing(case.view, kind, lived):
        told, proof = f"{what}, and the probe is wrong: {wrong.told}", (*evidence, *wrong.evidence)
        actions = [set_probe(case.view, kind, wrong)]
        return report(
            case, "probe.liveness", told, 0.92, evidence=proof, decide=decide, actions=actions, verb="is restarted"
        )
    return report(case, "crash.liveness_kill", what, 0.9, evidence=evidence, decide=decide, verb="is restarted")
