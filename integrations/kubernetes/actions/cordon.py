"""Close a node to new pods; what runs there goes on."""

# ruff: noqa: ARG002 - the signatures are the contract's

from typing import Any

from bot.domain.action import ActionRequest
from bot.domain.entity import ObjectRef
from integrations.kubernetes.actions.contract import Advice, Scene
from integrations.kubernetes.actions.node_scheduling import NodeAction, NoParams, is_usable, pods_on
from integrations.kubernetes.actions.surroundings import list_or_none, name_of


class Cordon(NodeAction[NoParams]):
    """`kubectl cordon`."""

    name = "cordon"
    summary = "Keep new pods off a node; those that run there go on."
    risk_class = "S"
    reversible = True
    verbs = ("get nodes", "patch nodes", "list nodes", "list pods")
    preconditions = ("the node takes new pods at the moment",)
    undo_words = "uncordon"
    params_model = NoParams

    async def check(self, scene: Scene, params: NoParams) -> Advice:
        """See `PatchAction.check`."""
        running = len(await pods_on(scene.cluster, scene.target.name))
        nodes = await list_or_none(scene.cluster, "Node", None)
        others = [node for node in nodes or [] if name_of(node) != scene.target.name and is_usable(node)]
        warnings = []
        if nodes is not None and not others:
            warnings.append("No other node takes ordinary pods: whatever starts anew stays Pending.")
        reach = f"{running} pods run there and go on; {len(others)} other nodes take new pods"
        return Advice(tuple(warnings), (reach,))

    def undo(self, target: ObjectRef, params: NoParams, pre_image: dict[str, Any]) -> ActionRequest | None:
        """See `PatchAction.undo`."""
        return self.inverse(target, "uncordon")

    def describe(self, target: ObjectRef, params: NoParams) -> str:
        """See `PatchAction.describe`."""
        return f"{target} was cordoned: no new pods are put there."
