"""Jobs that gave up or never end, and CronJobs that do not run."""

import re
from collections.abc import Iterable, Iterator

from bot.domain.alert import Severity
from bot.domain.finding import Citation
from integrations.kubernetes.diagnosis.changes import duration_text
from integrations.kubernetes.diagnosis.citations import cite_present
from integrations.kubernetes.diagnosis.findings import Judged, action, clip, finding, is_gone
from integrations.kubernetes.diagnosis.graph import Graph
from integrations.kubernetes.diagnosis.objects import (
    condition_of,
    controller_of,
    entity,
    name_of,
    namespace_of,
    spec_of,
    status_of,
    timestamp_of,
)
from integrations.kubernetes.snapshot import Object

_EVERY = re.compile(r"^\*(?:/(\d+))?$")
_NAMED = {"@hourly": 3600.0, "@daily": 86400.0, "@midnight": 86400.0, "@weekly": 7 * 86400.0}
_OVERSTAY_SECONDS = 300.0
_CURRENT_SECONDS = 86400.0


def analyze(graph: Graph) -> Iterable[Judged]:
    """Judge Jobs by themselves and CronJobs by their newest Jobs."""
    by_schedule: dict[tuple[str, str], list[Object]] = {}
    for job in graph.all("Job"):
        owner = controller_of(job) or {}
        if owner.get("kind") == "CronJob":
            by_schedule.setdefault((namespace_of(job), str(owner.get("name"))), []).append(job)
        else:
            yield from _failed(job, entity(job), "job.failed")
        yield from _overstaying(graph, job)
    for schedule in graph.all("CronJob"):
        jobs = by_schedule.get((namespace_of(schedule), name_of(schedule)), [])
        yield from _schedule(graph, schedule, sorted(jobs, key=lambda job: (str(timestamp_of(job)), name_of(job))))


def _failed(job: Object, about: str, key: str) -> Iterator[Judged]:
    found = condition_of(job, "Failed")
    if found is None or found[1].get("status") != "True":
        return
    position, condition = found
    message = clip(str(condition.get("message") or condition.get("reason") or ""))
    pointer = f"/status/conditions/{position}"
    evidence: tuple[Citation, ...] = cite_present(job, f"{pointer}/reason", f"{pointer}/message", "/status/failed")
    yield finding(
        key,
        about,
        f"Job {name_of(job)} gave up ({condition.get('reason')}): {message}.",
        severity=Severity.WARNING,
        confidence=0.8,
        evidence=evidence,
        person_decides="Find out why its pods failed; then run it again if it is safe to repeat.",
    )


def _overstaying(graph: Graph, job: Object) -> Iterator[Judged]:
    """Judge a pod whose work is done but which another container keeps alive."""
    for pod in graph.pods_of_job(job):
        statuses = status_of(pod).get("containerStatuses") or ()
        done = [
            (position, ended)
            for position, status in enumerate(statuses)
            if (ended := (status.get("state") or {}).get("terminated")) and ended.get("exitCode") == 0
        ]
        alive = [position for position, status in enumerate(statuses) if "running" in (status.get("state") or {})]
        if is_gone(pod) or not done or not alive or len(done) + len(alive) < len(statuses):
            continue
        age = graph.age_seconds(done[0][1].get("finishedAt"))
        if age is None or age < _OVERSTAY_SECONDS:
            continue
        evidence = cite_present(pod, f"/status/containerStatuses/{done[0][0]}/state/terminated/reason")
        evidence += cite_present(pod, f"/status/containerStatuses/{alive[0]}/name")
        yield finding(
            "job.never_completes",
            graph.entity_of(job),
            f"Job {name_of(job)} does not end: its work was done {duration_text(age)} ago, but container "
            f"{statuses[alive[0]].get('name')} keeps running.",
            severity=Severity.WARNING,
            confidence=0.88,
            evidence=evidence,
            person_decides="Make the companion a native sidecar (an init container that restarts Always), or end it.",
        )
        return


def _schedule(graph: Graph, schedule: Object, jobs: list[Object]) -> Iterator[Judged]:
    if spec_of(schedule).get("suspend"):
        yield _suspended(schedule)
        return
    finished = [job for job in jobs if _ended(job)]
    if finished:
        yield from _failed(finished[-1], entity(schedule), "cron.failing")
    for event in graph.events_of(schedule):
        reason, message = str(event.get("reason")), clip(str(event.get("message") or ""))
        if graph.event_age(event) > _CURRENT_SECONDS:
            continue
        if reason in {"UnparseableSchedule", "InvalidSchedule", "UnknownTimeZone", "UnParseableCronJobSchedule"}:
            evidence = (*cite_present(event, "/message"), *cite_present(schedule, "/spec/schedule"))
            yield _report(
                schedule, "cron.bad_schedule", f"has a schedule that cannot be read: {message}", 0.95, evidence
            )
            return
        if reason in {"TooManyMissedTimes", "FailedNeedsStart", "MissSchedule"} and not _ran_after(schedule, event):
            evidence = (*cite_present(event, "/message"), *cite_present(schedule, "/spec/schedule"))
            yield _report(schedule, "cron.missed", f"missed its runs: {message}", 0.85, evidence)
            return
    yield from _blocked(graph, schedule, jobs)


def _suspended(schedule: Object) -> Judged:
    return finding(
        "cron.suspended",
        entity(schedule),
        f"CronJob {name_of(schedule)} is suspended: it will not run until it is resumed.",
        severity=Severity.INFO,
        confidence=0.9,
        evidence=cite_present(schedule, "/spec/suspend"),
        actions=[action("resume_cronjob", entity(schedule), "resume it unless it was suspended on purpose")],
    )


def _ended(job: Object) -> bool:
    conditions = status_of(job).get("conditions") or ()
    return any(item.get("type") in {"Failed", "Complete"} and item.get("status") == "True" for item in conditions)


def _ran_after(schedule: Object, event: Object) -> bool:
    last = str(status_of(schedule).get("lastScheduleTime") or "")
    return bool(last) and last >= str(event.get("lastTimestamp") or event.get("eventTime") or "9")


def _blocked(graph: Graph, schedule: Object, jobs: list[Object]) -> Iterator[Judged]:
    """Judge a CronJob that is late by several of its periods: held by a running Job, or by nobody looking."""
    period = _period(str(spec_of(schedule).get("schedule") or ""))
    last = status_of(schedule).get("lastScheduleTime") or timestamp_of(schedule)
    age = graph.age_seconds(last)
    if period is None or age is None or age < 3 * period + 600:
        return
    active = [job for job in jobs if not _ended(job)]
    evidence = cite_present(schedule, "/spec/schedule", "/status/lastScheduleTime", "/metadata/creationTimestamp")
    if active and spec_of(schedule).get("concurrencyPolicy") == "Forbid":
        told = f"is held by Job {name_of(active[0])}, which still runs, because its concurrencyPolicy is Forbid"
        evidence += cite_present(active[0], "/status/startTime", "/metadata/creationTimestamp")
        evidence += cite_present(schedule, "/spec/concurrencyPolicy")
        yield _report(schedule, "cron.blocked", told, 0.85, evidence)
    else:
        yield _report(schedule, "cron.missed", f"has not run for {duration_text(age)}", 0.7, evidence)


def _period(schedule: str) -> float | None:
    """Return about how many seconds lie between two runs; None where it is not plain from the schedule."""
    if schedule in _NAMED:
        return _NAMED[schedule]
    fields = schedule.split()
    if len(fields) != 5 or fields[3] != "*":
        return None
    minute, hour, day, _, weekday = fields
    if every := _EVERY.match(minute):
        return 60.0 * int(every[1] or 1) if (hour, day, weekday) == ("*", "*", "*") else 86400.0 * 7
    if not minute.isdigit():
        return None
    if every := _EVERY.match(hour):
        return 3600.0 * int(every[1] or 1) if (day, weekday) == ("*", "*") else 86400.0 * 7
    if not hour.isdigit() or day != "*":
        return None
    return 86400.0 if weekday == "*" else 86400.0 * 7


def _report(schedule: Object, key: str, told: str, confidence: float, evidence: tuple[Citation, ...]) -> Judged:
    return finding(
        key,
        entity(schedule),
        f"CronJob {name_of(schedule)} {told}.",
        severity=Severity.WARNING,
        confidence=confidence,
        evidence=evidence,
        person_decides="Correct the CronJob, or run its work by hand when it is needed.",
    )
