"""Start all pods of a workload anew, one after another as its strategy says."""

# ruff: noqa: ARG002 - the signatures are the contract's

from typing import Any

from bot.domain.action import ActionRequest
from bot.domain.base import Frozen
from bot.domain.entity import ObjectRef
from integrations.kubernetes.actions.contract import Advice, Scene
from integrations.kubernetes.actions.patch_action import Change
from integrations.kubernetes.actions.patching import Edit
from integrations.kubernetes.actions.rendering import kubectl
from integrations.kubernetes.actions.workload import (
    TEMPLATE_VERBS,
    WORKLOADS,
    WorkloadAction,
    require_not_paused,
    require_rolling,
)

# kubectl's own annotation, so that `kubectl rollout history` and people read a restart of ours like any other.
_RESTARTED_AT = ("spec", "template", "metadata", "annotations", "kubectl.kubernetes.io/restartedAt")


class RolloutRestartParams(Frozen):
    """None."""


class RolloutRestart(WorkloadAction[RolloutRestartParams]):
    """`kubectl rollout restart`."""

    name = "rollout_restart"
    summary = "Restart all pods of a workload, following its update strategy."
    kinds = WORKLOADS
    risk_class = "D"
    reversible = False
    verbs = TEMPLATE_VERBS
    preconditions = ("the rollout is not paused",)
    undo_words = "none: pods that were replaced cannot be brought back"
    params_model = RolloutRestartParams

    async def change(self, scene: Scene, params: RolloutRestartParams) -> Change:
        """See `PatchAction.change`."""
        stamp = scene.now().isoformat(timespec="seconds")
        command = kubectl(scene.target, "rollout", "restart", scene.target.short)
        return Change(edits=(Edit(_RESTARTED_AT, stamp),), command=command)

    async def check(self, scene: Scene, params: RolloutRestartParams) -> Advice:
        """See `PatchAction.check`."""
        require_not_paused(scene)
        return await self.advise(scene, *require_rolling(scene))

    def undo(self, target: ObjectRef, params: RolloutRestartParams, pre_image: dict[str, Any]) -> ActionRequest | None:
        """See `PatchAction.undo`."""
        return None

    def describe(self, target: ObjectRef, params: RolloutRestartParams) -> str:
        """See `PatchAction.describe`."""
        return f"{target} was told to restart its pods."
