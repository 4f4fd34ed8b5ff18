"""Delete a pod that its controller replaces.

A pod that is gone carries no annotation: a repeated apply recognises its work by the UID that is gone.
"""

# ruff: noqa: ARG002 - the signatures are the contract's

import asyncio
from collections.abc import Callable
from datetime import datetime
from typing import Any

from bot.domain.action import ActionRequest, Applied, Check, Preview, Verification
from bot.domain.base import Frozen, digest
from bot.domain.entity import ObjectRef
from bot.errors import Conflict, InvalidInput, NotFound
from integrations.kubernetes.actions.contract import ClusterAPI, RemediationAction, Timing
from integrations.kubernetes.actions.ownership import owner_warnings
from integrations.kubernetes.actions.patching import Obj
from integrations.kubernetes.actions.rendering import kubectl, presentable, to_yaml
from integrations.kubernetes.actions.surroundings import describe, is_ready, look_around, namespace_warnings
from integrations.kubernetes.actions.watching import Look, watch
from integrations.kubernetes.actions.workload import wanted_replicas

_COUNTED_OWNERS = frozenset({"ReplicaSet", "StatefulSet", "DaemonSet", "ReplicationController"})


class DeletePodParams(Frozen):
    """None."""


class DeletePod(RemediationAction[DeletePodParams]):
    """`kubectl delete pod`."""

    name = "delete_pod"
    summary = "Delete one pod, so that its controller starts a fresh one."
    kinds = ("Pod",)
    risk_class = "D"
    reversible = False
    verbs = ("get pods", "list pods", "delete pods")
    preconditions = ("a controller owns the pod and will replace it",)
    undo_words = "none: the pod is replaced, not brought back"
    params_model = DeletePodParams

    async def preview(self, cluster: ClusterAPI, request: ActionRequest, now: Callable[[], datetime]) -> Preview:
        """See `Remediator.preview`."""
        self.parse(request)
        target = request.target
        pod = await cluster.get(target)
        if pod["metadata"].get("deletionTimestamp"):
            raise InvalidInput(f"{target} is being deleted already.")
        owner = _controller(target, pod)
        siblings = [item for item in await cluster.list("Pod", target.namespace) if _owned(item, owner)]
        await cluster.delete(target, uid=pod["metadata"]["uid"], dry_run=True)
        around = await look_around(cluster, target, pod["metadata"].get("labels") or {})
        ready = sum(is_ready(item) for item in siblings)
        strained = [
            budget for budget in around.budgets or [] if not (budget.get("status") or {}).get("disruptionsAllowed")
        ]
        return Preview(
            command=kubectl(target, "delete", target.short),
            diff=_removal(target, pod),
            risk=self.risk_class,
            blast_radius=(
                f"{target}: 1 of {len(siblings)} pods of {owner['kind']} {owner['name']}, {ready} of them ready"
                f" (this one is {'' if is_ready(pod) else 'not '}ready); {describe(around)}"
            ),
            warnings=(
                *owner_warnings(pod),
                *namespace_warnings(target.namespace),
                *(
                    f"Deleting does not ask PodDisruptionBudget {item['metadata']['name']}, which allows no disruption."
                    for item in strained
                    if is_ready(pod)
                ),
                *_losses(pod),
            ),
            reversible=False,
            precondition={
                "uid": pod["metadata"]["uid"],
                "resourceVersion": pod["metadata"]["resourceVersion"],
                "values": digest({"owner": owner}),
            },
            pre_image={"owner": owner, "known": sorted(item["metadata"]["uid"] for item in siblings)},
        )

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
        target, uid = request.target, preview.precondition.get("uid")
        state = {"uid": uid, **preview.pre_image}
        done = Applied(summary=f"{target} was gone before.", already_done=True, state=state)
        for attempt in range(timing.retries + 1):
            try:
                pod = await cluster.get(target)
                if pod["metadata"]["uid"] != uid or pod["metadata"].get("deletionTimestamp"):
                    return done
                if digest({"owner": _controller(target, pod)}) != preview.precondition.get("values"):
                    raise Conflict(f"{target} has another controller than when it was looked at.")
                known = [item for item in await cluster.list("Pod", target.namespace) if _owned(item, state["owner"])]
                state["known"] = sorted({*state["known"], *(item["metadata"]["uid"] for item in known)})
                version = pod["metadata"]["resourceVersion"]
                if await _delete(cluster, target, str(uid), str(version)):
                    return Applied(summary=f"{target} was deleted.", state=state)
            except NotFound:
                return done
            await asyncio.sleep(timing.retry_pause * (attempt + 1))
        raise Conflict(f"{target} changes faster than it can be deleted.")

    async def verify(
        self,
        cluster: ClusterAPI,
        request: ActionRequest,
        applied: Applied,
        report: Callable[[str], None],
        timing: Timing,
    ) -> Verification:
        """See `Remediator.verify`."""

        async def look() -> Look:
            return await _look_at_replacement(cluster, request.target, applied.state)

        return await watch(look, timing, report, subject=f"The replacement of {request.target}")


async def _delete(cluster: ClusterAPI, target: ObjectRef, uid: str, version: str) -> bool:
    """Delete exactly this version of the pod. Return False when it moved on, as a crashing pod does all the time."""
    try:
        await cluster.delete(target, uid=uid, resource_version=version)
    except Conflict:
        return False
    return True


def _controller(target: ObjectRef, pod: Obj) -> dict[str, str]:
    for owner in pod["metadata"].get("ownerReferences") or []:
        if owner.get("controller"):
            if owner.get("kind") == "Node":
                raise InvalidInput(f"{target} is a static pod of its node: deleting it changes nothing.")
            return {"kind": str(owner["kind"]), "name": str(owner["name"]), "uid": str(owner["uid"])}
    raise InvalidInput(f"{target} has no controller: nothing would replace it.")


def _owned(pod: Obj, owner: dict[str, str]) -> bool:
    return any(entry.get("uid") == owner["uid"] for entry in pod["metadata"].get("ownerReferences") or [])


def _losses(pod: Obj) -> list[str]:
    volumes = (pod.get("spec") or {}).get("volumes") or []
    return [f"What is in the emptyDir volume {volume['name']} is lost." for volume in volumes if "emptyDir" in volume]


def _removal(target: ObjectRef, pod: Obj) -> str:
    shown = presentable(pod)
    kept = {key: shown[key] for key in ("apiVersion", "kind", "metadata") if key in shown}
    lines = [f"-{line}" for line in to_yaml(kept).splitlines()]
    return "\n".join([f"--- {target} (now)", "+++ /dev/null", f"@@ -1,{len(lines)} +0,0 @@", *lines])


async def _look_at_replacement(cluster: ClusterAPI, target: ObjectRef, state: dict[str, Any]) -> Look:
    owner = state["owner"]
    pods = [pod for pod in await cluster.list("Pod", target.namespace) if _owned(pod, owner)]
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


async def _wanted(cluster: ClusterAPI, target: ObjectRef, owner: dict[str, str]) -> int | None:
    """Return how many pods the controller wants, None when it is of a kind that does not say."""
    if owner["kind"] not in _COUNTED_OWNERS:
        return None
    controller = await cluster.get(ObjectRef(kind=owner["kind"], name=owner["name"], namespace=target.namespace))
    return wanted_replicas(controller)
