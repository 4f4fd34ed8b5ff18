"""CronJobs: a Job whenever the schedule says so. Schedules run on the wall clock, in UTC."""

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta

from sandbox.kubernetes.cluster import Cluster
from sandbox.kubernetes.controllers.recorder import Recorder
from sandbox.kubernetes.controllers.runner import live, owner_keys, self_key
from sandbox.kubernetes.kinds import kind_named
from sandbox.kubernetes.objects import Obj, clone, condition, owner_reference, time_text
from sandbox.kubernetes.store import Change, Key

_COMPONENT = "cronjob-controller"
_NAMED = {"@hourly": "0 * * * *", "@daily": "0 0 * * *", "@midnight": "0 0 * * *", "@weekly": "0 0 * * 0",
          "@monthly": "0 0 1 * *", "@yearly": "0 0 1 1 *", "@annually": "0 0 1 1 *"}  # fmt: skip
_RANGES = ((0, 59), (0, 23), (1, 31), (1, 12), (0, 7))
_SEARCHED_DAYS = 366 * 4


class CronJobController:
    """Starts Jobs on time and drops old ones."""

    kinds = frozenset({"CronJob", "Job"})

    def __init__(self, cluster: Cluster, recorder: Recorder) -> None:
        self.cluster = cluster
        self.recorder = recorder
        self._next: dict[str, tuple[str, datetime]] = {}

    def keys(self, change: Change) -> Iterable[Key]:
        return self_key(change) if change.kind == "CronJob" else owner_keys(change, "CronJob")

    def reconcile(self, key: Key) -> float | None:
        cron = self.cluster.store.get("CronJob", *key)
        if cron is None or not live(cron):
            return None
        jobs = self.cluster.store.owned_by(cron["metadata"]["uid"], "Job")
        active = [job for job in jobs if not condition(job, "Complete") and not condition(job, "Failed")]
        now = datetime.now(UTC)
        status = clone(cron.get("status") or {})
        again = None
        if not cron["spec"].get("suspend"):
            due = self._due(cron, now)
            if due is not None and due <= now:
                active += self._start(cron, due, active)
                status["lastScheduleTime"] = time_text(due)
                due = self._due(cron, now, passed=True)
            again = None if due is None else max(0.05, (due - now).total_seconds())
        ends = [j["status"]["completionTime"] for j in jobs if j.get("status", {}).get("completionTime")]
        if ends:
            status["lastSuccessfulTime"] = max(ends)
        status["active"] = [_reference(job) for job in active] or None
        self.cluster.set_status("CronJob", cron, {k: v for k, v in status.items() if v is not None})
        self._clean_up(cron, jobs)
        return again

    def _due(self, cron: Obj, now: datetime, *, passed: bool = False) -> datetime | None:
        uid, schedule = cron["metadata"]["uid"], cron["spec"]["schedule"]
        known = self._next.get(uid)
        if known is not None and known[0] == schedule and not passed:
            return known[1]
        due = next_time(schedule, now)
        if due is not None:
            self._next[uid] = (schedule, due)
        return due

    def _start(self, cron: Obj, due: datetime, active: list[Obj]) -> list[Obj]:
        policy = cron["spec"].get("concurrencyPolicy", "Allow")
        if active and policy == "Forbid":
            message = "Not starting job because prior execution is running and concurrency policy is Forbid"
            self.recorder.record(cron, "JobAlreadyActive", message, component=_COMPONENT)
            return []
        if policy == "Replace":
            for job in active:
                self.cluster.delete(kind_named("Job"), job["metadata"]["namespace"], job["metadata"]["name"])
        template = clone(cron["spec"]["jobTemplate"])
        metadata = template.setdefault("metadata", {})
        metadata["name"] = f"{cron['metadata']['name']}-{int(due.timestamp()) // 60}"
        metadata["ownerReferences"] = [owner_reference("batch/v1", "CronJob", cron)]
        job = self.cluster.create(kind_named("Job"), cron["metadata"]["namespace"], template)
        message = f"Created job {metadata['name']}"
        self.recorder.record(cron, "SuccessfulCreate", message, component=_COMPONENT)
        return [job]

    def _clean_up(self, cron: Obj, jobs: list[Obj]) -> None:
        limits = (("Complete", "successfulJobsHistoryLimit", 3), ("Failed", "failedJobsHistoryLimit", 1))
        for kind, field, default in limits:
            ended = sorted(
                (j for j in jobs if condition(j, kind)), key=lambda j: str(j["metadata"]["creationTimestamp"])
            )
            for job in ended[: max(0, len(ended) - cron["spec"].get(field, default))]:
                self.cluster.delete(kind_named("Job"), job["metadata"]["namespace"], job["metadata"]["name"])


def next_time(schedule: str, after: datetime) -> datetime | None:
    """Return the next minute a five-field schedule names; None when malformed or not within four years."""
    fields = _NAMED.get(schedule, schedule).split()
    if len(fields) != 5:
        return None
    try:
        minutes, hours, days, months, weekdays = (_values(f, *r) for f, r in zip(fields, _RANGES, strict=True))
    except ValueError:
        return None
    weekdays = {day % 7 for day in weekdays}
    either = fields[2] != "*" and fields[4] != "*"
    start = after.replace(second=0, microsecond=0) + timedelta(minutes=1)
    for offset in range(_SEARCHED_DAYS):
        day = (start + timedelta(days=offset)).date()
        in_month, in_week = day.day in days, day.isoweekday() % 7 in weekdays
        if day.month not in months or not ((in_month or in_week) if either else (in_month and in_week)):
            continue
        for hour in sorted(hours):
            for minute in sorted(minutes):
                moment = datetime(day.year, day.month, day.day, hour, minute, tzinfo=after.tzinfo)
                if moment >= start:
                    return moment
    return None


def _values(text: str, least: int, most: int) -> set[int]:
    found: set[int] = set()
    for part in text.split(","):
        span, _, step = part.partition("/")
        if span == "*":
            low, high = least, most
        else:
            first, _, last = span.partition("-")
            low = int(first)
            high = int(last) if last else (most if step else low)
        if not least <= low <= high <= most:
            raise ValueError(part)
        found.update(range(low, high + 1, int(step) if step else 1))
    return found


def _reference(job: Obj) -> Obj:
    metadata = job["metadata"]
    return {
        "kind": "Job",
        "apiVersion": "batch/v1",
        "namespace": metadata["namespace"],
        "name": metadata["name"],
        "uid": metadata["uid"],
    }
