"""What suspending and resuming a CronJob share."""

# ruff: noqa: ARG002 - the signatures are the contract's

import json
from typing import Any

from bot.domain.action import ActionRequest, Applied, Check
from bot.domain.base import Frozen
from bot.domain.entity import ObjectRef
from integrations.kubernetes.actions.contract import ClusterAPI, Scene
from integrations.kubernetes.actions.patch_action import Change, PatchAction
from integrations.kubernetes.actions.patching import Edit, Obj, read_at
from integrations.kubernetes.actions.rendering import kubectl
from integrations.kubernetes.actions.watching import Look

_SUSPEND = ("spec", "suspend")
CRON_VERBS = ("get cronjobs.batch", "patch cronjobs.batch")


class CronParams(Frozen):
    """None: which CronJob follows from the target."""


class CronSuspension(PatchAction[CronParams]):
    """An action that stops the schedule of a CronJob, or lets it go on (`suspends` False)."""

    kinds = ("CronJob",)
    risk_class = "S"
    reversible = True
    params_model = CronParams
    suspends = True
    opposite = ""

    async def change(self, scene: Scene, params: CronParams) -> Change:
        """See `PatchAction.change`."""
        same = is_suspended(scene.current) == self.suspends
        wanted = read_at(scene.current, _SUSPEND) if same else self.suspends
        patch = json.dumps({"spec": {"suspend": self.suspends}}, separators=(",", ":"))
        command = kubectl(scene.target, "patch", scene.target.short, f"--patch={patch}")
        return Change(edits=(Edit(_SUSPEND, wanted),), command=command)

    def undo(self, target: ObjectRef, params: CronParams, pre_image: dict[str, Any]) -> ActionRequest | None:
        """See `PatchAction.undo`."""
        what = self.opposite.partition("_")[0]
        return ActionRequest(action=self.opposite, target=target, reason=f"Undo: {what} the CronJob again.")

    def describe(self, target: ObjectRef, params: CronParams) -> str:
        """See `PatchAction.describe`."""
        return f"{target} was {'suspended' if self.suspends else 'resumed'}."

    async def look(self, cluster: ClusterAPI, request: ActionRequest, applied: Applied) -> Look:
        """See `RemediationAction.look`."""
        found = await cluster.get(request.target)
        same = found["metadata"]["uid"] == applied.state.get("uid")
        detail = "its schedule is suspended" if is_suspended(found) else "its schedule goes on"
        passed = same and is_suspended(found) == self.suspends
        return Look((Check(name="schedule", passed=passed, detail=detail),))


def is_suspended(cron: Obj) -> bool:
    return bool((cron.get("spec") or {}).get("suspend"))


def describe_schedule(cron: Obj) -> str:
    """Return when it runs, what runs now, and when it last did."""
    spec, status = cron.get("spec") or {}, cron.get("status") or {}
    zone = f" in {spec['timeZone']}" if spec.get("timeZone") else ""
    last = f", last scheduled {status['lastScheduleTime']}" if status.get("lastScheduleTime") else ", never scheduled"
    running = len(status.get("active") or [])
    return f"schedule {spec.get('schedule')}{zone}{last}; {running} {'Job runs' if running == 1 else 'Jobs run'} now"
