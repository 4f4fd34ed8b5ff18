"""What actions on nodes share: whether pods may be put there, what runs there, and how much room there is elsewhere."""

# ruff: noqa: ARG002 - the signatures are the contract's

from fractions import Fraction
from typing import Any

from bot.domain.action import ActionRequest, Applied, Check
from bot.domain.base import Frozen
from bot.domain.entity import ObjectRef
from integrations.kubernetes.actions.contract import ClusterAPI, P, Scene
from integrations.kubernetes.actions.patch_action import Change, PatchAction
from integrations.kubernetes.actions.patching import ABSENT, Edit, Obj, read_at
from integrations.kubernetes.actions.quantity import parse_quantity
from integrations.kubernetes.actions.rendering import kubectl
from integrations.kubernetes.actions.surroundings import list_or_none, name_of
from integrations.kubernetes.actions.watching import Look

UNSCHEDULABLE = ("spec", "unschedulable")


class NoParams(Frozen):
    """None: which node follows from the target."""


class NodeAction(PatchAction[P]):
    """An action that closes a node to new pods, or opens it (`closes` False)."""

    kinds = ("Node",)
    closes = True

    async def change(self, scene: Scene, params: P) -> Change:
        """See `PatchAction.change`."""
        before = read_at(scene.current, UNSCHEDULABLE)
        # The server writes nothing for False; what already is as wanted is left as it is written.
        wanted = before if is_closed(scene.current) == self.closes else True if self.closes else ABSENT
        return Change(
            edits=(Edit(UNSCHEDULABLE, wanted),),
            command=kubectl(scene.target, "cordon" if self.closes else "uncordon", scene.target.name),
            pre_image={"closed": is_closed(scene.current)},
        )

    def inverse(self, target: ObjectRef, action: str) -> ActionRequest:
        """Return the request for `action` on the same node."""
        return ActionRequest(action=action, target=target, reason=f"Undo: {action} {target.name} again.")

    async def look(self, cluster: ClusterAPI, request: ActionRequest, applied: Applied) -> Look:
        """See `RemediationAction.look`."""
        return Look((check_closed(await cluster.get(request.target), applied.state, closed=self.closes),))


def check_closed(node: Obj, state: dict[str, Any], *, closed: bool) -> Check:
    """Return whether it still is the same node, closed or open as it was made."""
    same = node["metadata"]["uid"] == state.get("uid")
    words = "no new pods are put there" if is_closed(node) else "new pods may be put there"
    detail = words if same else "it is another node of the same name now"
    return Check(name="scheduling", passed=same and is_closed(node) == closed, detail=detail)


def is_closed(node: Obj) -> bool:
    return bool((node.get("spec") or {}).get("unschedulable"))


def is_usable(node: Obj) -> bool:
    """Return whether ordinary pods can be put onto a node."""
    spec, conditions = node.get("spec") or {}, (node.get("status") or {}).get("conditions") or []
    tainted = any(taint.get("effect") in {"NoSchedule", "NoExecute"} for taint in spec.get("taints") or [])
    ready = any(item.get("type") == "Ready" and item.get("status") == "True" for item in conditions)
    return ready and not tainted and not is_closed(node)


def is_finished(pod: Obj) -> bool:
    return (pod.get("status") or {}).get("phase") in {"Succeeded", "Failed"}


async def pods_on(cluster: ClusterAPI, node: str) -> list[Obj]:
    """Return the pods of a node that have not ended."""
    found = await cluster.list("Pod", None, field_selector=f"spec.nodeName={node}")
    return [pod for pod in found if (pod.get("spec") or {}).get("nodeName") == node and not is_finished(pod)]


def requested(pods: list[Obj], resource: str) -> Fraction:
    """Return what the containers of `pods` request together."""
    total = Fraction(0)
    for pod in pods:
        for container in (pod.get("spec") or {}).get("containers") or []:
            groups = container.get("resources") or {}
            text = (groups.get("requests") or {}).get(resource) or (groups.get("limits") or {}).get(resource)
            total += parse_quantity(str(text)) if text is not None else Fraction(0)
    return total


async def room_elsewhere(cluster: ClusterAPI, needed: dict[str, Fraction], without: str = "") -> list[str]:
    """Return a warning when the usable nodes, all together but `without`, lack room for `needed`.

    It is a sum: whether each pod fits one node is the scheduler's to say.
    """
    nodes, pods = await list_or_none(cluster, "Node", None), await list_or_none(cluster, "Pod", None)
    if nodes is None or pods is None:
        return ["Whether the nodes have room for it could not be read."]
    usable = {name_of(node): node for node in nodes if is_usable(node) and name_of(node) != without}
    if not usable:
        return ["No other node takes ordinary pods: what has to move there stays Pending."]
    there = [p for p in pods if (p.get("spec") or {}).get("nodeName") in usable and not is_finished(p)]
    short = []
    for resource, more in needed.items():
        amounts = [((node.get("status") or {}).get("allocatable") or {}).get(resource) for node in usable.values()]
        if any(amount is None for amount in amounts):
            continue
        free = sum((parse_quantity(str(amount)) for amount in amounts), Fraction(0)) - requested(there, resource)
        if more > free:
            short.append(resource)
    if not short:
        return []
    return [f"The other nodes together lack {' and '.join(short)} for it: some pods would stay Pending."]
