"""Let the schedule of a CronJob go on."""

# ruff: noqa: ARG002 - the signatures are the contract's

from integrations.kubernetes.actions.contract import Advice, Scene
from integrations.kubernetes.actions.cron_suspension import CRON_VERBS, CronParams, CronSuspension, describe_schedule

# A missed run that is started this much later than it was due surprises people.
_LARGE_DEADLINE_SECONDS = 300


class ResumeCronJob(CronSuspension):
    """`kubectl patch cronjob` with `suspend: false`."""

    name = "resume_cronjob"
    summary = "Resume the schedule of a suspended CronJob; a run that was missed may start at once."
    verbs = CRON_VERBS
    preconditions = ("the CronJob is suspended",)
    undo_words = "suspend_cronjob; what was started meanwhile goes on"
    suspends = False
    opposite = "suspend_cronjob"

    async def check(self, scene: Scene, params: CronParams) -> Advice:
        """See `PatchAction.check`."""
        spec = scene.current.get("spec") or {}
        deadline = spec.get("startingDeadlineSeconds")
        warnings = []
        if deadline is None:
            warnings.append(
                "startingDeadlineSeconds is not set: what was missed while it was suspended may start in a burst at"
                " once. With several CronJobs resume one after the other."
            )
        elif int(deadline) >= _LARGE_DEADLINE_SECONDS:
            warnings.append(f"A run that was missed in the last {deadline} s starts at once (startingDeadlineSeconds).")
        if (spec.get("concurrencyPolicy") or "Allow") == "Allow":
            warnings.append("Its concurrencyPolicy is Allow: a late run and the next one may overlap.")
        return Advice(tuple(warnings), (describe_schedule(scene.current),))
