"""Change the image of a container."""

from typing import Any

from pydantic import Field

from bot.domain.action import ActionRequest
from bot.domain.base import Frozen
from bot.domain.entity import ObjectRef
from integrations.kubernetes.actions.contract import Advice, Scene
from integrations.kubernetes.actions.grammar import DNSLabel, ImageReference
from integrations.kubernetes.actions.patch_action import Change
from integrations.kubernetes.actions.patching import Edit, read_at
from integrations.kubernetes.actions.rendering import kubectl
from integrations.kubernetes.actions.workload import (
    TEMPLATE_VERBS,
    WORKLOADS,
    WorkloadAction,
    container_path,
    require_not_paused,
    require_rolling,
)


class SetImageParams(Frozen):
    """Which container, which image."""

    container: DNSLabel = Field(description="name of the container")
    image: ImageReference = Field(description="image reference such as registry.example.com/team/app:1.2.3")


class SetImage(WorkloadAction[SetImageParams]):
    """`kubectl set image`."""

    name = "set_image"
    summary = "Set the image of a container of a workload."
    kinds = WORKLOADS
    risk_class = "D"
    reversible = True
    verbs = TEMPLATE_VERBS
    preconditions = ("the container exists", "the rollout is not paused")
    undo_words = "set the image that was set before"
    params_model = SetImageParams

    async def change(self, scene: Scene, params: SetImageParams) -> Change:
        """See `PatchAction.change`."""
        path = (*container_path(scene.current, params.container), "image")
        return Change(
            edits=(Edit(path, params.image),),
            command=kubectl(scene.target, "set", "image", scene.target.short, f"{params.container}={params.image}"),
            pre_image={"image": str(read_at(scene.current, path))},
        )

    async def check(self, scene: Scene, params: SetImageParams) -> Advice:
        """See `PatchAction.check`."""
        require_not_paused(scene)
        warnings = ["A dry run does not pull images: whether this one exists shows in the rollout."]
        name = params.image.rpartition("/")[2]
        if "@" not in name and (":" not in name or name.endswith(":latest")):
            warnings.append("The image has no fixed tag: what runs depends on when a node pulls it.")
        return await self.advise(scene, *warnings, *require_rolling(scene))

    def undo(self, target: ObjectRef, params: SetImageParams, pre_image: dict[str, Any]) -> ActionRequest | None:
        """See `PatchAction.undo`."""
        before = str(pre_image["image"])
        return ActionRequest(
            action=self.name,
            target=target,
            params={"container": params.container, "image": before},
            reason=f"Undo: go back to image {before}.",
        )

    def describe(self, target: ObjectRef, params: SetImageParams) -> str:
        """See `PatchAction.describe`."""
        return f"The image of {target}, container {params.container}, was set to {params.image}."
