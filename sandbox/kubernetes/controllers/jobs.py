"""Jobs: pods until enough have succeeded or too many have failed."""

from collections.abc import Iterable

from sandbox.kubernetes.cluster import Cluster
from sandbox.kubernetes.controllers.recorder import Recorder
from sandbox.kubernetes.controllers.replica_sets import pod_of_template
from sandbox.kubernetes.controllers.runner import live, owner_keys, self_key
from sandbox.kubernetes.errors import StatusError
from sandbox.kubernetes.kinds import kind_named
from sandbox.kubernetes.objects import Obj, clone, is_finished, is_ready, now_text, parse_time, set_condition
from sandbox.kubernetes.store import Change, Key

_COMPONENT = "job-controller"
_RETRY_SECONDS = 10.0


class JobController:
    """Runs the pods of Jobs and decides how a Job ended."""

    kinds = frozenset({"Job", "Pod"})

    def __init__(self, cluster: Cluster, recorder: Recorder, speed: float) -> None:
        self.cluster = cluster
        self.recorder = recorder
        self.speed = speed

    def keys(self, change: Change) -> Iterable[Key]:
        return self_key(change) if change.kind == "Job" else owner_keys(change, "Job")

    def reconcile(self, key: Key) -> float | None:
        job = self.cluster.store.get("Job", *key)
        if job is None or not live(job) or _ended(job):
            return None
        pods = self.cluster.store.owned_by(job["metadata"]["uid"], "Pod")
        active = [pod for pod in pods if live(pod) and not is_finished(pod)]
        status = clone(job.get("status") or {})
        status.setdefault("startTime", now_text())
        succeeded = sum(pod["status"].get("phase") == "Succeeded" for pod in pods)
        failed = sum(pod["status"].get("phase") == "Failed" for pod in pods)
        restarts = sum(s["restartCount"] for pod in pods for s in pod["status"].get("containerStatuses") or ())
        again = self._decide(job, status, active, succeeded, failed + restarts)
        for name, count in (("active", len(active)), ("succeeded", succeeded), ("failed", failed)):
            if count and not (name == "active" and _ended({"status": status})):
                status[name] = count
            else:
                status.pop(name, None)
        status["ready"] = sum(is_ready(pod) for pod in active)
        self.cluster.set_status("Job", job, status)
        return again

    def _decide(self, job: Obj, status: Obj, active: list[Obj], succeeded: int, failed: int) -> float | None:
        spec = job["spec"]
        wanted = spec.get("completions", 1 if spec.get("parallelism", 1) == 1 else spec["parallelism"])
        limit = spec.get("activeDeadlineSeconds")
        age = (parse_time(now_text()) - parse_time(status["startTime"])).total_seconds() * self.speed
        if spec.get("suspend"):
            self._stop(active)
            set_condition(status, "Suspended", "True", "JobSuspended", "Job suspended")
        elif succeeded >= wanted:
            status["completionTime"] = now_text()
            set_condition(
                status, "SuccessCriteriaMet", "True", "CompletionsReached", "Reached expected number of succeeded pods"
            )
            set_condition(status, "Complete", "True", "CompletionsReached", "Reached expected number of succeeded pods")
            self.recorder.record(job, "Completed", "Job completed", component=_COMPONENT)
        elif failed > spec["backoffLimit"]:
            self._fail(job, status, active, "BackoffLimitExceeded", "Job has reached the specified backoff limit")
        elif limit is not None and age > limit:
            message = "Job was active longer than specified deadline"
            self._fail(job, status, active, "DeadlineExceeded", message)
        else:
            missing = min(spec["parallelism"], wanted - succeeded) - len(active)
            if missing > 0 and not self._create(job, missing):
                return _RETRY_SECONDS / self.speed
            return None if limit is None else max(0.05, (limit - age) / self.speed + 0.05)
        return None

    def _create(self, job: Obj, count: int) -> bool:
        for _ in range(count):
            body = pod_of_template(job["spec"]["template"], f"{job['metadata']['name']}-", job, "batch/v1", "Job")
            body["metadata"].setdefault("labels", {})["batch.kubernetes.io/controller-uid"] = job["metadata"]["uid"]
            try:
                pod = self.cluster.create(kind_named("Pod"), job["metadata"]["namespace"], body)
            except StatusError as error:
                message = f"Error creating: {error.message}"
                self.recorder.record(job, "FailedCreate", message, component=_COMPONENT, kind="Warning")
                return False
            message = f"Created pod: {pod['metadata']['name']}"
            self.recorder.record(job, "SuccessfulCreate", message, component=_COMPONENT)
        return True

    def _fail(self, job: Obj, status: Obj, active: list[Obj], reason: str, message: str) -> None:
        self._stop(active)
        set_condition(status, "FailureTarget", "True", reason, message)
        set_condition(status, "Failed", "True", reason, message)
        self.recorder.record(job, reason, message, component=_COMPONENT, kind="Warning")

    def _stop(self, active: list[Obj]) -> None:
        for pod in active:
            self.cluster.delete(kind_named("Pod"), pod["metadata"]["namespace"], pod["metadata"]["name"])


def _ended(job: Obj) -> bool:
    conditions = job.get("status", {}).get("conditions") or ()
    return any(c["type"] in ("Complete", "Failed") and c["status"] == "True" for c in conditions)
