"""Run a failed Job once more, as a copy: a Job that has failed cannot be started again.

The copy's name follows from the action's id, so that a repeated apply finds its own copy instead of making another.
"""

# ruff: noqa: ARG002 - the signatures are the contract's

import copy
import hashlib
import json
from collections.abc import Callable
from datetime import datetime

from pydantic import Field

from bot.domain.action import ActionRequest, Applied, Check, Preview
from bot.domain.base import Frozen, digest
from bot.domain.entity import ObjectRef
from bot.domain.redaction import redact_json
from bot.errors import Conflict, InvalidInput, NotFound, VendorError
from integrations.kubernetes.actions.contract import ACTION_ID, ClusterAPI, RemediationAction
from integrations.kubernetes.actions.cron_suspension import is_suspended
from integrations.kubernetes.actions.ownership import owner_warnings
from integrations.kubernetes.actions.patching import Obj
from integrations.kubernetes.actions.rendering import addition, kubectl
from integrations.kubernetes.actions.surroundings import namespace_warnings
from integrations.kubernetes.actions.watching import Look, Timing

_CONTROLLER_LABELS = (
    "controller-uid",
    "job-name",
    "batch.kubernetes.io/controller-uid",
    "batch.kubernetes.io/job-name",
)
_LONGEST_NAME = 63  # pods get the Job's name as a label
# A finished copy is kept at least this long: one that vanishes at once could not be seen to have succeeded.
_LEAST_TTL_SECONDS = 600


class RerunJobParams(Frozen):
    """What happens to the failed Job, and whether its schedule matters."""

    delete_failed: bool = Field(default=False, description="true: delete the failed Job and its pods afterwards")
    accept_schedule: bool = Field(
        default=False, description="true: run it although its CronJob would start it again by itself"
    )


class RerunJob(RemediationAction[RerunJobParams]):
    """`kubectl create` of a copy."""

    name = "rerun_job"
    summary = "Run a failed Job again as a copy under a new name. Only for Jobs that may run twice."
    kinds = ("Job",)
    risk_class = "D"
    reversible = False
    verbs = ("get jobs.batch", "create jobs.batch", "delete jobs.batch", "get cronjobs.batch")
    preconditions = (
        "the Job has failed",
        "no CronJob would start it again by itself, unless accept_schedule is given",
    )
    undo_words = "none: what a Job did cannot be taken back"
    params_model = RerunJobParams

    async def preview(self, cluster: ClusterAPI, request: ActionRequest, now: Callable[[], datetime]) -> Preview:
        """See `Remediator.preview`."""
        params, target = self.parse(request), request.target
        job = await cluster.get(target)
        failure = _require_failed(target, job)
        schedule = await _schedule_warnings(cluster, target, job, params)
        body = _copy(job, _name(target.name, ""))
        shown = await cluster.create("Job", target.namespace, body, dry_run=True)
        spec = job.get("spec") or {}
        lost = ["The failed Job is deleted afterwards, with its pods and their logs."] if params.delete_failed else []
        return Preview(
            command=_command(target, body),
            diff=addition(ObjectRef(kind="Job", namespace=target.namespace, name=body["metadata"]["name"]), shown),
            risk=self.risk_class,
            blast_radius=(
                f"{target} failed ({failure}); the copy runs {spec.get('completions') or 1} completions,"
                f" {spec.get('parallelism') or 1} at a time, and is tried again {spec.get('backoffLimit', 6)} times"
            ),
            warnings=(
                *owner_warnings(job),
                *namespace_warnings(target.namespace),
                "Run it only if it may run twice: what the failed run did already is done again.",
                *schedule,
                *lost,
                "The name of the copy ends with digits that follow from the proposal.",
            ),
            reversible=False,
            precondition={
                "uid": job["metadata"]["uid"],
                "resourceVersion": job["metadata"]["resourceVersion"],
                "values": _digest(job),
            },
        )

    async def apply(
        self,
        cluster: ClusterAPI,
        request: ActionRequest,
        preview: Preview,
        action_id: str,
        now: Callable[[], datetime],
        timing: Timing,
    ) -> Applied:
        """See `Remediator.apply`."""
        params, target = self.parse(request), request.target
        wanted = ObjectRef(kind="Job", namespace=target.namespace, name=_name(target.name, action_id))
        mine = await _own_copy(cluster, wanted, action_id)
        before = mine is not None
        if mine is None:
            job = await cluster.get(target)
            if job["metadata"]["uid"] != preview.precondition.get("uid"):
                raise Conflict(f"{target} was deleted and created again since it was looked at.")
            _require_failed(target, job)
            if _digest(job) != preview.precondition.get("values"):
                raise Conflict(f"{target} is not what was looked at.")
            await _schedule_warnings(cluster, target, job, params)
            mine = await _create(cluster, wanted, _copy(job, wanted.name, action_id), action_id)
        gone = await _delete_failed(cluster, target, str(preview.precondition["uid"])) if params.delete_failed else ""
        return Applied(
            summary=f"{wanted} was created as a copy of {target}{gone}.",
            already_done=before,
            state={"uid": mine["metadata"]["uid"], "name": wanted.name},
        )

    async def look(self, cluster: ClusterAPI, request: ActionRequest, applied: Applied) -> Look:
        """See `RemediationAction.look`."""
        return _look_at_job(await cluster.get(_made(request, applied)))

    def subject(self, request: ActionRequest, applied: Applied) -> str:
        """See `RemediationAction.subject`. It is the copy."""
        return str(_made(request, applied))


def _made(request: ActionRequest, applied: Applied) -> ObjectRef:
    return ObjectRef(kind="Job", namespace=request.target.namespace, name=str(applied.state["name"]))


def _condition(job: Obj, kind: str) -> Obj | None:
    conditions = (job.get("status") or {}).get("conditions") or []
    return next((item for item in conditions if item.get("type") == kind and item.get("status") == "True"), None)


def _require_failed(target: ObjectRef, job: Obj) -> str:
    """Return why the Job failed. Raise InvalidInput when it has not."""
    if job["metadata"].get("deletionTimestamp"):
        raise InvalidInput(f"{target} is being deleted.")
    failed = _condition(job, "Failed")
    if failed is None:
        state = "has succeeded" if _condition(job, "Complete") else "has not ended yet"
        raise InvalidInput(f"{target} {state}: only a Job that failed is run again.")
    return str(failed.get("reason") or "no reason given")


async def _schedule_warnings(cluster: ClusterAPI, target: ObjectRef, job: Obj, params: RerunJobParams) -> list[str]:
    """Raise InvalidInput when a CronJob would start it again by itself and nobody accepted that."""
    for owner in job["metadata"].get("ownerReferences") or []:
        if owner.get("kind") != "CronJob" or not owner.get("controller"):
            continue
        name = str(owner["name"])
        try:
            cron = await cluster.get(ObjectRef(kind="CronJob", name=name, namespace=target.namespace))
        except NotFound:
            return []
        except VendorError:
            return [f"CronJob {name} could not be read: it may start a run of its own."]
        if is_suspended(cron):
            return [f"CronJob {name} is suspended: it starts no run of its own."]
        schedule = (cron.get("spec") or {}).get("schedule")
        if not params.accept_schedule:
            raise InvalidInput(
                f"CronJob {name} starts the next run of {target} by itself ({schedule}).",
                next_step="Wait for it, or ask again with accept_schedule.",
            )
        return [f"CronJob {name} ({schedule}) may start a run of its own at the same time."]
    return []


def _digest(job: Obj) -> str:
    return digest(redact_json({"spec": job.get("spec") or {}}))


def _name(job: str, action_id: str) -> str:
    """Return the name of the copy: the same for the same action, whatever the length of the Job's."""
    suffix = f"rerun-{hashlib.sha256(action_id.encode()).hexdigest()[:8]}" if action_id else "rerun"
    return f"{job[: _LONGEST_NAME - len(suffix) - 1].rstrip('-.')}-{suffix}"


def _copy(job: Obj, name: str, action_id: str = "") -> Obj:
    """Return a new Job of the same specification, without what ties pods to the old one."""
    metadata, spec = job["metadata"], copy.deepcopy(job.get("spec") or {})
    for key in ("selector", "manualSelector", "suspend"):
        spec.pop(key, None)
    template = spec.get("template") or {}
    if labels := (template.get("metadata") or {}).get("labels"):
        template["metadata"]["labels"] = {k: v for k, v in labels.items() if k not in _CONTROLLER_LABELS}
    if "ttlSecondsAfterFinished" in spec:
        spec["ttlSecondsAfterFinished"] = max(int(spec["ttlSecondsAfterFinished"]), _LEAST_TTL_SECONDS)
    kept = {k: v for k, v in (metadata.get("labels") or {}).items() if k not in _CONTROLLER_LABELS}
    made: Obj = {"name": name, "namespace": metadata.get("namespace")}
    if kept:
        made["labels"] = kept
    if action_id:
        made["annotations"] = {ACTION_ID: action_id}
    return {"apiVersion": "batch/v1", "kind": "Job", "metadata": made, "spec": spec}


def _command(target: ObjectRef, body: Obj) -> str:
    """Return a pipe through jq: the server has no command for a copy."""
    labels = json.dumps(list(_CONTROLLER_LABELS), separators=(",", ":"))
    script = (
        f".metadata={{name:{json.dumps(body['metadata']['name'])},"
        f"labels:((.metadata.labels//{{}})|with_entries(select(.key|IN({labels}[])|not)))}}"
        "|del(.status,.spec.selector,.spec.manualSelector,.spec.suspend)"
        f"|.spec.template.metadata.labels|=((.//{{}})|with_entries(select(.key|IN({labels}[])|not)))"
    )
    read, write = kubectl(target, "get", target.short, "--output=json"), kubectl(target, "create", "--filename=-")
    return f"{read} | jq '{script}' | {write}"


async def _own_copy(cluster: ClusterAPI, wanted: ObjectRef, action_id: str) -> Obj | None:
    """Return the copy that this action made before. Raise Conflict when the name is somebody else's."""
    try:
        found = await cluster.get(wanted)
    except NotFound:
        return None
    if (found["metadata"].get("annotations") or {}).get(ACTION_ID) != action_id:
        raise Conflict(f"There is another {wanted} already.")
    return found


async def _create(cluster: ClusterAPI, wanted: ObjectRef, body: Obj, action_id: str) -> Obj:
    try:
        return await cluster.create("Job", wanted.namespace, body)
    except Conflict:  # somebody was faster: perhaps we were, in another process
        found = await _own_copy(cluster, wanted, action_id)
        if found is None:
            raise
        return found


async def _delete_failed(cluster: ClusterAPI, target: ObjectRef, uid: str) -> str:
    """Delete the failed Job, if it still is that one. Return what to say about it."""
    try:
        await cluster.delete(target, uid=uid)
    except (NotFound, Conflict):
        return ""
    return ", and the failed Job was deleted"


def _look_at_job(job: Obj) -> Look:
    spec, status = job.get("spec") or {}, job.get("status") or {}
    wanted = spec.get("completions") or 1
    counts = f"{status.get('succeeded') or 0} of {wanted} succeeded, {status.get('failed') or 0} pods failed"
    failed = _condition(job, "Failed")
    why = f"the copy failed as well: {failed.get('reason') or 'no reason given'}" if failed else ""
    return Look((Check(name="complete", passed=_condition(job, "Complete") is not None, detail=counts),), hopeless=why)
