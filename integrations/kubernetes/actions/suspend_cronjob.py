"""Stop the schedule of a CronJob; Jobs that run go on."""

# ruff: noqa: ARG002 - the signatures are the contract's

from integrations.kubernetes.actions.contract import Advice, Scene
from integrations.kubernetes.actions.cron_suspension import CRON_VERBS, CronParams, CronSuspension, describe_schedule


class SuspendCronJob(CronSuspension):
    """`kubectl patch cronjob` with `suspend: true`."""

    name = "suspend_cronjob"
    summary = "Suspend the schedule of a CronJob; Jobs that run go on."
    verbs = CRON_VERBS
    preconditions = ("the CronJob is not suspended",)
    undo_words = "resume_cronjob"
    opposite = "resume_cronjob"

    async def check(self, scene: Scene, params: CronParams) -> Advice:
        """See `PatchAction.check`."""
        warnings = ["Nothing starts it again by itself: runs are missed until somebody resumes it."]
        if (scene.current.get("status") or {}).get("active"):
            warnings.append("What runs at the moment goes on to its end.")
        return Advice(tuple(warnings), (describe_schedule(scene.current),))
