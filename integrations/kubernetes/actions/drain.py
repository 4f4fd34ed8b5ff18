"""Empty a node: close it to new pods, then evict what runs there, as far as the disruption budgets allow.

Carrying out closes the node and asks for each eviction once; watching asks again for those that a budget held back,
until the node is empty or the time is over. Both can be repeated after a crash: an eviction names the UID of its pod,
and nothing is evicted any more once somebody has opened the node again.
"""

import asyncio
import contextlib
from collections import Counter
from collections.abc import Callable
from datetime import datetime
from typing import Any

from pydantic import Field

from bot.domain.action import ActionRequest, Applied, Check, Preview
from bot.domain.base import Frozen
from bot.domain.entity import ObjectRef
from bot.errors import Conflict, InvalidInput, NotFound
from integrations.kubernetes.actions.contract import Advice, ClusterAPI, Scene
from integrations.kubernetes.actions.eviction import evict_if_allowed, request_eviction
from integrations.kubernetes.actions.node_scheduling import (
    NodeAction,
    check_closed,
    is_closed,
    pods_on,
    requested,
    room_elsewhere,
)
from integrations.kubernetes.actions.patch_action import Change
from integrations.kubernetes.actions.patching import Obj
from integrations.kubernetes.actions.rendering import kubectl
from integrations.kubernetes.actions.surroundings import list_or_none, name_of, selects
from integrations.kubernetes.actions.watching import Look, Timing
from integrations.kubernetes.errors import EvictionBlocked

_MIRROR = "kubernetes.io/config.mirror"
_AT_ONCE = 10


class DrainParams(Frozen):
    """What may be lost."""

    accept_emptydir_loss: bool = Field(
        default=False, description="true: evict pods with emptyDir volumes too, whose content is lost"
    )


class Drain(NodeAction[DrainParams]):
    """`kubectl drain`."""

    name = "drain"
    summary = "Cordon a node and evict its pods, respecting their disruption budgets."
    risk_class = "X"
    reversible = True
    verbs = ("get nodes", "patch nodes", "list nodes", "list pods", "create pods/eviction",
             "list poddisruptionbudgets.policy")  # fmt: skip
    preconditions = (
        "every pod there has a controller that replaces it (pods of DaemonSets and static pods stay)",
        "no pod keeps data in an emptyDir, unless accept_emptydir_loss is given",
    )
    undo_words = "uncordon; the pods stay where they went"
    params_model = DrainParams

    def is_done(self, scene: Scene, change: Change) -> bool:  # noqa: ARG002 - a cordoned node still has its pods
        """See `PatchAction.is_done`."""
        return False

    async def change(self, scene: Scene, params: DrainParams) -> Change:
        """See `PatchAction.change`."""
        closing = await super().change(scene, params)
        words = ["drain", scene.target.name, "--ignore-daemonsets"]
        words += ["--delete-emptydir-data"] if params.accept_emptydir_loss else []
        return Change(closing.edits, kubectl(scene.target, *words), closing.pre_image)

    async def check(self, scene: Scene, params: DrainParams) -> Advice:
        """See `PatchAction.check`."""
        pods = await pods_on(scene.cluster, scene.target.name)
        leaving = [pod for pod in pods if not _stays(pod)]
        _require_replaceable(scene.target, leaving, params)
        needed = {resource: requested(leaving, resource) for resource in ("cpu", "memory")}
        warnings = await room_elsewhere(scene.cluster, needed, without=scene.target.name)
        warnings += await _budget_warnings(scene.cluster, leaving)
        emptied = [pod for pod in leaving if _has_empty_dir(pod)]
        if emptied:
            warnings.append(f"What is in the emptyDir volumes of {_named(emptied)} is lost.")
        spaces = Counter(str(pod["metadata"].get("namespace")) for pod in leaving)
        counted = ", ".join(f"{space} {count}" for space, count in sorted(spaces.items()))
        reach = (
            f"{len(leaving)} pods are evicted" + (f" ({counted})" if counted else ""),
            f"{len(pods) - len(leaving)} pods of DaemonSets or static pods stay",
        )
        return Advice(tuple(warnings), reach)

    async def preview(self, cluster: ClusterAPI, request: ActionRequest, now: Callable[[], datetime]) -> Preview:
        """See `Remediator.preview`. The pods that go are listed below the diff of the node."""
        shown = await super().preview(cluster, request, now)
        leaving = [pod for pod in await pods_on(cluster, request.target.name) if not _stays(pod)]
        lines = [f"-{_ref(pod)}" for pod in sorted(leaving, key=lambda pod: str(_ref(pod)))]
        await _rehearse_one(cluster, leaving)
        header = [f"--- pods on {request.target} (now)", f"+++ pods on {request.target} (after)"] if lines else []
        return shown.model_copy(update={"diff": "\n".join(part for part in (shown.diff, *header, *lines) if part)})

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
        applied = await super().apply(cluster, request, preview, action_id, now, timing)
        await _evict_all(cluster, request.target, self.parse(request))
        return applied

    def undo(self, target: ObjectRef, params: DrainParams, pre_image: dict[str, Any]) -> ActionRequest | None:  # noqa: ARG002
        """See `PatchAction.undo`. A node that was cordoned before stays so."""
        return None if pre_image.get("closed") else self.inverse(target, "uncordon")

    def describe(self, target: ObjectRef, params: DrainParams) -> str:  # noqa: ARG002
        """See `PatchAction.describe`."""
        return f"{target} was cordoned and its pods were asked to leave."

    async def look(self, cluster: ClusterAPI, request: ActionRequest, applied: Applied) -> Look:
        """See `RemediationAction.look`. Each look asks again for the evictions that a budget held back."""
        params = self.parse(request)
        node = check_closed(await cluster.get(request.target), applied.state, closed=True)
        if not node.passed:
            return Look((node,), hopeless="somebody opened or replaced the node, so nothing more is evicted")
        left = [pod for pod in await pods_on(cluster, request.target.name) if not _stays(pod)]
        held = await _evict_all(cluster, request.target, params)
        why = f"; {held[0]}" if held else ""
        empty = Check(name="empty", passed=not left, detail=f"{len(left)} pods are left{why}")
        return Look((node, empty))


async def _rehearse_one(cluster: ClusterAPI, leaving: list[Obj]) -> None:
    """Ask the server about one eviction, so that a missing permission shows before somebody approves."""
    for pod in leaving[:1]:
        with contextlib.suppress(EvictionBlocked, Conflict, NotFound):  # the budgets are in the warnings
            await request_eviction(cluster, _ref(pod), str(pod["metadata"]["uid"]), dry_run=True)


def _ref(pod: Obj) -> ObjectRef:
    return ObjectRef(kind="Pod", name=name_of(pod), namespace=pod["metadata"].get("namespace"))


def _named(pods: list[Obj]) -> str:
    names = sorted(f"{pod['metadata'].get('namespace')}/{name_of(pod)}" for pod in pods)
    return ", ".join(names[:5]) + (f" and {len(names) - 5} more" if len(names) > 5 else "")


def _controller(pod: Obj) -> str:
    owners = pod["metadata"].get("ownerReferences") or []
    return next((str(owner.get("kind")) for owner in owners if owner.get("controller")), "")


def _stays(pod: Obj) -> bool:
    """Return whether a pod belongs to its node: a DaemonSet would put it back, a static pod is the kubelet's."""
    return _controller(pod) in {"DaemonSet", "Node"} or _MIRROR in (pod["metadata"].get("annotations") or {})


def _has_empty_dir(pod: Obj) -> bool:
    return any("emptyDir" in volume for volume in (pod.get("spec") or {}).get("volumes") or [])


def _may_go(pod: Obj, params: DrainParams) -> bool:
    return bool(_controller(pod)) and (params.accept_emptydir_loss or not _has_empty_dir(pod))


def _require_replaceable(target: ObjectRef, leaving: list[Obj], params: DrainParams) -> None:
    """Raise InvalidInput when something would be lost."""
    if bare := [pod for pod in leaving if not _controller(pod)]:
        raise InvalidInput(f"{target} runs pods that nothing would replace: {_named(bare)}.")
    if kept := [pod for pod in leaving if not _may_go(pod, params)]:
        raise InvalidInput(
            f"{target} runs pods that keep data in emptyDir volumes, which would be lost: {_named(kept)}.",
            next_step="Ask again with accept_emptydir_loss if nobody needs it.",
        )


async def _budget_warnings(cluster: ClusterAPI, leaving: list[Obj]) -> list[str]:
    """Return a warning for each budget that lets fewer pods go at once than have to."""
    budgets = await list_or_none(cluster, "PodDisruptionBudget", None)
    if budgets is None:
        return ["Which PodDisruptionBudgets would hold it up could not be read."]
    warnings = []
    for budget in budgets:
        space, selector = budget["metadata"].get("namespace"), (budget.get("spec") or {}).get("selector")
        held = [pod for pod in leaving if pod["metadata"].get("namespace") == space
                and selects(selector, pod["metadata"].get("labels") or {})]  # fmt: skip
        allowed = int((budget.get("status") or {}).get("disruptionsAllowed") or 0)
        if held and not allowed:
            warnings.append(
                f"PodDisruptionBudget {space}/{name_of(budget)} lets no pod go at the moment: it would block"
                f" {len(held)} pods."
            )
    return warnings


async def _evict_all(cluster: ClusterAPI, target: ObjectRef, params: DrainParams) -> list[str]:
    """Ask for the eviction of every pod that may go. Return why the others stay for now.

    The node is read again right before: whoever opens it stops what is left.
    """
    if not is_closed(await cluster.get(target)):
        return []
    slots = asyncio.Semaphore(_AT_ONCE)

    async def ask(pod: Obj) -> str:
        async with slots:
            why = await evict_if_allowed(cluster, _ref(pod), str(pod["metadata"]["uid"]))
        return f"{_ref(pod)} stays for now: {why}" if why else ""

    pods = [pod for pod in await pods_on(cluster, target.name) if not _stays(pod)]
    going = [pod for pod in pods if not pod["metadata"].get("deletionTimestamp")]
    held = [why for why in await asyncio.gather(*(ask(pod) for pod in going if _may_go(pod, params))) if why]
    return held + [f"{_ref(pod)} came meanwhile and may not be evicted" for pod in going if not _may_go(pod, params)]
