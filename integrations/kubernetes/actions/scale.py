"""Change how many replicas run.

The write goes through the `scale` subresource, the smallest permission there is for it. That has no place for the
annotation of the action, so a repeated apply recognises its work by the number of replicas.
"""

# ruff: noqa: ARG002 - the signatures are the contract's

from typing import Any

from pydantic import Field

from bot.domain.action import ActionRequest
from bot.domain.base import Frozen
from bot.domain.entity import ObjectRef
from bot.domain.finding import RiskClass
from bot.errors import InvalidInput
from integrations.kubernetes.actions.contract import Advice, Scene
from integrations.kubernetes.actions.patch_action import Change
from integrations.kubernetes.actions.patching import Edit
from integrations.kubernetes.actions.rendering import kubectl
from integrations.kubernetes.actions.surroundings import list_or_none, name_of, scales
from integrations.kubernetes.actions.workload import WorkloadAction, wanted_replicas


class ScaleParams(Frozen):
    """How many."""

    replicas: int = Field(ge=0, le=1000, strict=True, description="number of replicas to run, 0 to 1000")


class Scale(WorkloadAction[ScaleParams]):
    """`kubectl scale --replicas`."""

    name = "scale"
    summary = "Set the number of replicas of a Deployment or StatefulSet; 0 stops it and is destructive."
    kinds = ("Deployment", "StatefulSet")
    risk_class = "S"
    reversible = True
    verbs = (
        "get deployments.apps",
        "patch deployments.apps/scale",
        "get statefulsets.apps",
        "patch statefulsets.apps/scale",
        "list horizontalpodautoscalers.autoscaling",
    )
    preconditions = ("no HorizontalPodAutoscaler sets the number (one that is asleep at 0 replicas does not)",)
    undo_words = "scale back to the number that was set"
    params_model = ScaleParams
    recognises_by_state = True

    def risk(self, params: ScaleParams) -> RiskClass:
        """Return X for 0: nothing serves any more."""
        return "X" if params.replicas == 0 else "S"

    async def change(self, scene: Scene, params: ScaleParams) -> Change:
        """See `PatchAction.change`."""
        command = kubectl(scene.target, "scale", scene.target.short, f"--replicas={params.replicas}")
        return Change(
            edits=(Edit(("spec", "replicas"), params.replicas),),
            command=command,
            pre_image={"replicas": wanted_replicas(scene.current)},
            subresource="scale",
        )

    async def check(self, scene: Scene, params: ScaleParams) -> Advice:
        """See `PatchAction.check`."""
        before = wanted_replicas(scene.current)
        warnings: list[str] = []
        if params.replicas == 0:
            warnings.append("Scaling to 0 stops everything that this workload serves.")
        autoscalers = await list_or_none(scene.cluster, "HorizontalPodAutoscaler", scene.target.namespace)
        if autoscalers is None:
            warnings.append("Whether a HorizontalPodAutoscaler owns the number of replicas could not be read.")
        for autoscaler in autoscalers or []:
            if not scales(autoscaler, scene.target):
                continue
            if before:
                raise InvalidInput(
                    f"HorizontalPodAutoscaler {name_of(autoscaler)} sets the replicas of {scene.target}.",
                    next_step="Change the bounds of the autoscaler.",
                )
            warnings.append(f"HorizontalPodAutoscaler {name_of(autoscaler)} takes over once there are replicas.")
        advice = await self.advise(scene, *warnings)
        return Advice(advice.warnings, (f"{before} to {params.replicas} replicas", *advice.reach))

    def undo(self, target: ObjectRef, params: ScaleParams, pre_image: dict[str, Any]) -> ActionRequest | None:
        """See `PatchAction.undo`."""
        before = int(pre_image["replicas"])
        return ActionRequest(
            action=self.name, target=target, params={"replicas": before}, reason=f"Undo: scale back to {before}."
        )

    def describe(self, target: ObjectRef, params: ScaleParams) -> str:
        """See `PatchAction.describe`."""
        return f"{target} was scaled to {params.replicas} replicas."
