"""What getting rid of a pod that its controller replaces has in common, however it is done."""

# ruff: noqa: ARG002 - the signatures are the contract's

from abc import abstractmethod
from collections.abc import Callable
from datetime import datetime
from typing import Any

from bot.domain.action import ActionRequest, Applied, Check, Preview
from bot.domain.base import Frozen, digest
from bot.domain.entity import ObjectRef
from bot.errors import Conflict, InvalidInput
from integrations.kubernetes.actions.contract import ClusterAPI
from integrations.kubernetes.actions.ownership import owner_warnings
from integrations.kubernetes.actions.patching import Obj
from integrations.kubernetes.actions.removal import RemovalAction
from integrations.kubernetes.actions.rendering import removal
from integrations.kubernetes.actions.surroundings import describe, is_ready, look_around, namespace_warnings
from integrations.kubernetes.actions.watching import Look
from integrations.kubernetes.actions.workload import wanted_replicas

_COUNTED_OWNERS = frozenset({"ReplicaSet", "StatefulSet", "DaemonSet", "ReplicationController"})


class PodParams(Frozen):
    """None: which pod follows from the target."""


class PodReplacement(RemovalAction[PodParams]):
    """An action that makes a pod go, so that its controller starts a fresh one."""

    kinds = ("Pod",)
    risk_class = "D"
    reversible = False
    undo_words = "none: the pod is replaced, not brought back"
    params_model = PodParams

    @abstractmethod
    def command(self, target: ObjectRef) -> str:
        """Return the kubectl equivalent."""

    @abstractmethod
    async def rehearse(self, cluster: ClusterAPI, target: ObjectRef, uid: str, budgets: list[Obj]) -> None:
        """Dry-run on the server. Raise InvalidInput when it would be refused; `budgets` concern the pod."""

    def strain(self, budget: Obj) -> str:
        """Return the warning about a disruption budget that allows nothing, "" where the server asks it itself."""
        return ""

    async def preview(self, cluster: ClusterAPI, request: ActionRequest, now: Callable[[], datetime]) -> Preview:
        """See `Remediator.preview`."""
        self.parse(request)
        target = request.target
        pod = await cluster.get(target)
        if pod["metadata"].get("deletionTimestamp"):
            raise InvalidInput(f"{target} is being deleted already.")
        owner = controller_of(target, pod)
        siblings = [item for item in await cluster.list("Pod", target.namespace) if is_owned(item, owner)]
        around = await look_around(cluster, target, pod["metadata"].get("labels") or {})
        await self.rehearse(cluster, target, str(pod["metadata"]["uid"]), around.budgets or [])
        ready = sum(is_ready(item) for item in siblings)
        strained = [
            budget for budget in around.budgets or [] if not (budget.get("status") or {}).get("disruptionsAllowed")
        ]
        return Preview(
            command=self.command(target),
            diff=removal(target, pod),
            risk=self.risk_class,
            blast_radius=(
                f"{target}: 1 of {len(siblings)} pods of {owner['kind']} {owner['name']}, {ready} of them ready"
                f" (this one is {'' if is_ready(pod) else 'not '}ready); {describe(around)}"
            ),
            warnings=(
                *owner_warnings(pod),
                *namespace_warnings(target.namespace),
                *(words for item in strained if is_ready(pod) and (words := self.strain(item))),
                *losses(pod),
            ),
            reversible=False,
            precondition={
                "uid": pod["metadata"]["uid"],
                "resourceVersion": pod["metadata"]["resourceVersion"],
                "values": digest({"owner": owner}),
            },
            pre_image={"owner": owner, "known": sorted(item["metadata"]["uid"] for item in siblings)},
        )

    async def recheck(
        self, cluster: ClusterAPI, target: ObjectRef, current: Obj, preview: Preview, state: dict[str, Any]
    ) -> dict[str, Any]:
        """See `RemovalAction.recheck`."""
        if digest({"owner": controller_of(target, current)}) != preview.precondition.get("values"):
            raise Conflict(f"{target} has another controller than when it was looked at.")
        known = [item for item in await cluster.list("Pod", target.namespace) if is_owned(item, state["owner"])]
        return {**state, "known": sorted({*state["known"], *(item["metadata"]["uid"] for item in known)})}

    async def look(self, cluster: ClusterAPI, request: ActionRequest, applied: Applied) -> Look:
        """See `RemediationAction.look`."""
        target, state = request.target, applied.state
        owner = state["owner"]
        pods = [pod for pod in await cluster.list("Pod", target.namespace) if is_owned(pod, owner)]
        living = [pod for pod in pods if not pod["metadata"].get("deletionTimestamp")]
        left = any(pod["metadata"]["uid"] == state["uid"] for pod in pods)
        fresh = [pod for pod in living if pod["metadata"]["uid"] not in state["known"]]
        wanted = await _wanted(cluster, target, owner)
        enough = len(fresh) >= 1 if wanted is None else len(living) >= wanted
        ready = sum(is_ready(pod) or (pod.get("status") or {}).get("phase") == "Succeeded" for pod in living)
        needed = 1 if wanted is None else wanted
        checks = (
            Check(name="gone", passed=not left, detail=f"{target} is {'still there' if left else 'gone'}"),
            Check(name="replaced", passed=enough, detail=f"{len(fresh)} new pods of {owner['kind']} {owner['name']}"),
            Check(name="ready", passed=ready >= needed, detail=f"{ready} of {needed} pods are ready"),
        )
        restarts = {
            f"{pod['metadata']['name']}/{item['name']}": int(item.get("restartCount") or 0)
            for pod in living
            for item in (pod.get("status") or {}).get("containerStatuses") or []
        }
        return Look(checks, restarts)

    def subject(self, request: ActionRequest, applied: Applied) -> str:
        """See `RemediationAction.subject`."""
        return f"The replacement of {request.target}"


def controller_of(target: ObjectRef, pod: Obj) -> dict[str, str]:
    for owner in pod["metadata"].get("ownerReferences") or []:
        if owner.get("controller"):
            if owner.get("kind") == "Node":
                raise InvalidInput(f"{target} is a static pod of its node: removing it changes nothing.")
            return {"kind": str(owner["kind"]), "name": str(owner["name"]), "uid": str(owner["uid"])}
    raise InvalidInput(f"{target} has no controller: nothing would replace it.")


def is_owned(pod: Obj, owner: dict[str, str]) -> bool:
    return any(entry.get("uid") == owner["uid"] for entry in pod["metadata"].get("ownerReferences") or [])


def losses(pod: Obj) -> list[str]:
    volumes = (pod.get("spec") or {}).get("volumes") or []
    return [f"What is in the emptyDir volume {volume['name']} is lost." for volume in volumes if "emptyDir" in volume]


async def _wanted(cluster: ClusterAPI, target: ObjectRef, owner: dict[str, str]) -> int | None:
    """Return how many pods the controller wants, None when it is of a kind that does not say."""
    if owner["kind"] not in _COUNTED_OWNERS:
        return None
    controller = await cluster.get(ObjectRef(kind=owner["kind"], name=owner["name"], namespace=target.namespace))
    return wanted_replicas(controller)
