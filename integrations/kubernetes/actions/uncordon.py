"""Open a node to new pods again."""

# ruff: noqa: ARG002 - the signatures are the contract's

from typing import Any

from bot.domain.action import ActionRequest
from bot.domain.entity import ObjectRef
from integrations.kubernetes.actions.contract import Advice, Scene
from integrations.kubernetes.actions.node_scheduling import NodeAction, NoParams, pods_on
from integrations.kubernetes.actions.surroundings import list_or_none


class Uncordon(NodeAction[NoParams]):
    """`kubectl uncordon`."""

    name = "uncordon"
    summary = "Let new pods onto a node again."
    risk_class = "S"
    reversible = True
    verbs = ("get nodes", "patch nodes", "list pods")
    preconditions = ("the node is cordoned",)
    undo_words = "cordon"
    params_model = NoParams
    closes = False

    async def check(self, scene: Scene, params: NoParams) -> Advice:
        """See `PatchAction.check`."""
        warnings = []
        for condition in (scene.current.get("status") or {}).get("conditions") or []:
            healthy = "True" if condition.get("type") == "Ready" else "False"
            if condition.get("status") != healthy:
                reason = condition.get("reason") or "no reason given"
                warnings.append(f"The node's condition {condition.get('type')} is {condition.get('status')}: {reason}.")
        warnings += [
            f"The taint {taint.get('key')} goes on keeping away pods that do not tolerate it."
            for taint in (scene.current.get("spec") or {}).get("taints") or []
            # The taint of the cordon itself goes with it.
            if taint.get("effect") != "PreferNoSchedule" and taint.get("key") != "node.kubernetes.io/unschedulable"
        ]
        running = len(await pods_on(scene.cluster, scene.target.name))
        pending = [
            pod
            for pod in await list_or_none(scene.cluster, "Pod", None) or []
            if (pod.get("status") or {}).get("phase") == "Pending" and not (pod.get("spec") or {}).get("nodeName")
        ]
        reach = f"{running} pods run there; {len(pending)} pods of the cluster wait for a node"
        return Advice(tuple(warnings), (reach,))

    def undo(self, target: ObjectRef, params: NoParams, pre_image: dict[str, Any]) -> ActionRequest | None:
        """See `PatchAction.undo`."""
        return self.inverse(target, "cordon")

    def describe(self, target: ObjectRef, params: NoParams) -> str:
        """See `PatchAction.describe`."""
        return f"{target} was uncordoned: new pods may be put there."
