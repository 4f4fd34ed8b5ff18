"""Building findings: the same words, the same severity and the same shape in every family."""

from collections.abc import Iterable, Sequence

from bot.domain.alert import Severity
from bot.domain.finding import Abstention, Citation, Finding, RiskClass, SuggestedAction
from integrations.kubernetes.diagnosis.graph import Graph
from integrations.kubernetes.diagnosis.keys import KEYS
from integrations.kubernetes.diagnosis.objects import name_of, spec_of, status_of
from integrations.kubernetes.log_fields import read_record
from integrations.kubernetes.snapshot import Object, ObjectKey

Judged = Finding | Abstention
_STARTING_SECONDS = 90.0
_RISKS: dict[str, RiskClass] = dict.fromkeys(
    ("scale", "patch_configmap", "cordon", "uncordon", "suspend_cronjob", "resume_cronjob", "hpa_bounds"), "S"
)


def finding(
    key: str,
    entity: str,
    summary: str,
    *,
    severity: Severity,
    confidence: float,
    evidence: Iterable[Citation] = (),
    actions: Sequence[SuggestedAction] = (),
    person_decides: str = "",
    explains: Iterable[str] = (),
) -> Finding:
    """Return a finding; a key that is not in the table is a mistake of the analyzer (KeyError).

    `explains` are entities whose symptoms the analyzer itself traced to this one.
    """
    if key not in KEYS:
        raise KeyError(key)
    return Finding(
        key=key,
        entity=entity,
        severity=severity,
        confidence=confidence,
        summary=" ".join(summary.split()),
        evidence=tuple(evidence),
        actions=tuple(actions),
        person_decides="" if actions else person_decides,
        explains=tuple(sorted(set(explains))),
    )


def action(name: str, target: str, reason: str, /, **params: object) -> SuggestedAction:
    """Return a suggested action with its risk."""
    return SuggestedAction(action=name, target=target, params=params, risk=_RISKS.get(name, "D"), reason=reason)


def is_ready(pod: Object) -> bool:
    """Say whether a pod's Ready condition is True."""
    return any(
        condition.get("type") == "Ready" and condition.get("status") == "True"
        for condition in status_of(pod).get("conditions") or ()
    )


def is_gone(pod: Object) -> bool:
    """Say whether a pod is on its way out or has done its work: nothing about it is wrong any more."""
    return bool((pod.get("metadata") or {}).get("deletionTimestamp")) or status_of(pod).get("phase") == "Succeeded"


def is_starting(graph: Graph, pod: Object) -> bool:
    """Say whether a pod is young and nothing has gone wrong with it yet."""
    age = graph.age_seconds((pod.get("metadata") or {}).get("creationTimestamp"))
    if age is None or age > _STARTING_SECONDS:
        return False
    statuses = status_of(pod).get("containerStatuses") or ()
    reasons = {((status.get("state") or {}).get("waiting") or {}).get("reason") for status in statuses}
    return reasons <= {None, "ContainerCreating", "PodInitializing"} and not any(
        status.get("restartCount") for status in statuses
    )


def outage(graph: Graph, key: ObjectKey) -> tuple[Severity, int, int]:
    """Return how bad it is that some of a workload's pods fail, how many are ready and how many should be."""
    pods = [pod for pod in graph.pods_of_key(key) if not is_gone(pod)]
    if key[0] in {"Job", "CronJob"}:  # nobody waits for an answer of theirs right now
        return Severity.WARNING, sum(1 for pod in pods if is_ready(pod)), len(pods)
    ready = sum(1 for pod in pods if is_ready(pod))
    workload = graph.snapshot.objects.get(key)
    desired = len(pods)
    if workload is not None and key[0] in {"Deployment", "StatefulSet", "ReplicaSet"}:
        replicas = spec_of(workload).get("replicas")
        desired = 1 if replicas is None else int(replicas)
        ready = max(ready, min(desired, int(status_of(workload).get("readyReplicas") or 0)))
    if ready >= desired:
        return Severity.WARNING, ready, desired
    return (Severity.CRITICAL if ready == 0 else Severity.HIGH), ready, desired


def ready_text(graph: Graph, key: ObjectKey) -> str:
    """Return `0 of 3 pods are ready`."""
    if key[0] in {"Job", "CronJob"}:
        failed = sum(1 for pod in graph.pods_of_key(key) if status_of(pod).get("phase") == "Failed")
        return f"{failed} of its pods failed" if failed else "its pod does not end well"
    _, ready, desired = outage(graph, key)
    ready = min(ready, desired)  # a rollout's additional pods do not count
    return f"{ready} of {desired} pod{'' if desired == 1 else 's'} {'is' if desired == 1 else 'are'} ready"


def names(items: Sequence[Object], limit: int = 3) -> str:
    """Return the first few names and how many more there are."""
    shown = ", ".join(name_of(item) for item in items[:limit])
    return shown if len(items) <= limit else f"{shown} and {len(items) - limit} more"


def quote(line: str, limit: int = 160) -> str:
    """Return what a log line says, without the fields around it, as one line of at most `limit` characters."""
    return clip(read_record(line).message, limit)


def clip(text: str, limit: int = 160) -> str:
    """Return one line of at most `limit` characters."""
    flat = " ".join(text.split())
    return flat if len(flat) <= limit else flat[: limit - 1].rstrip() + "…"
