"""Delete a claim that no pod uses. Its data goes with it where the volume's reclaim policy says so."""

# ruff: noqa: ARG002 - the signatures are the contract's

from collections.abc import Callable
from datetime import datetime
from typing import Any

from bot.domain.action import ActionRequest, Applied, Check, Preview
from bot.domain.base import Frozen, digest
from bot.domain.entity import ObjectRef
from bot.errors import InvalidInput, NotFound, VendorError
from integrations.kubernetes.actions.claims import mounts, users_of
from integrations.kubernetes.actions.contract import ClusterAPI
from integrations.kubernetes.actions.ownership import owner_warnings
from integrations.kubernetes.actions.patching import Obj
from integrations.kubernetes.actions.removal import RemovalAction
from integrations.kubernetes.actions.rendering import kubectl, removal
from integrations.kubernetes.actions.surroundings import list_or_none, name_of, namespace_warnings
from integrations.kubernetes.actions.watching import Look
from integrations.kubernetes.actions.workload import WORKLOADS, read_template


class DeletePVCParams(Frozen):
    """None: which claim follows from the target."""


class DeletePVC(RemovalAction[DeletePVCParams]):
    """`kubectl delete persistentvolumeclaim`."""

    name = "delete_pvc"
    summary = "Delete a PersistentVolumeClaim that no pod uses, and with it its data where the policy is Delete."
    kinds = ("PersistentVolumeClaim",)
    risk_class = "X"
    reversible = False
    verbs = (
        "get persistentvolumeclaims",
        "delete persistentvolumeclaims",
        "get persistentvolumes",
        "list pods",
    )
    preconditions = ("no pod uses the claim",)
    undo_words = "none: the data may be gone"
    params_model = DeletePVCParams

    async def preview(self, cluster: ClusterAPI, request: ActionRequest, now: Callable[[], datetime]) -> Preview:
        """See `Remediator.preview`."""
        self.parse(request)
        target = request.target
        claim = await cluster.get(target)
        if claim["metadata"].get("deletionTimestamp"):
            raise InvalidInput(f"{target} is being deleted already.")
        await _require_unused(cluster, target)
        await cluster.delete(target, uid=claim["metadata"]["uid"], dry_run=True)
        fate, users = await _fate(cluster, claim), await _wanting(cluster, target)
        size = ((claim.get("status") or {}).get("capacity") or {}).get("storage", "no volume")
        return Preview(
            command=kubectl(target, "delete", target.short),
            diff=removal(target, claim),
            risk=self.risk_class,
            blast_radius=f"{target}: {size}, used by no pod; {fate}",
            warnings=(
                *owner_warnings(claim),
                *namespace_warnings(target.namespace),
                "It cannot be undone.",
                *([f"Pods of {', '.join(users)} will not start without it."] if users else []),
            ),
            reversible=False,
            precondition={
                "uid": claim["metadata"]["uid"],
                "resourceVersion": claim["metadata"]["resourceVersion"],
                "values": digest({"volume": (claim.get("spec") or {}).get("volumeName")}),
            },
        )

    async def recheck(
        self, cluster: ClusterAPI, target: ObjectRef, current: Obj, preview: Preview, state: dict[str, Any]
    ) -> dict[str, Any]:
        """See `RemovalAction.recheck`."""
        if digest({"volume": (current.get("spec") or {}).get("volumeName")}) != preview.precondition.get("values"):
            raise InvalidInput(f"{target} has another volume than when it was looked at.")
        await _require_unused(cluster, target)
        return state

    async def look(self, cluster: ClusterAPI, request: ActionRequest, applied: Applied) -> Look:
        """See `RemediationAction.look`."""
        try:
            found = await cluster.get(request.target)
        except NotFound:
            return Look((Check(name="gone", passed=True, detail=f"{request.target} is gone"),))
        if found["metadata"]["uid"] != applied.state.get("uid"):
            return Look((Check(name="gone", passed=True, detail="a new claim has its name"),))
        waits = ", ".join(found["metadata"].get("finalizers") or []) or "the server"
        return Look((Check(name="gone", passed=False, detail=f"it still waits for {waits}"),))


async def _require_unused(cluster: ClusterAPI, target: ObjectRef) -> None:
    users = await users_of(cluster, target)
    if users is None:
        raise InvalidInput(f"Whether pods use {target} could not be read, so it is not deleted.")
    if users:
        raise InvalidInput(f"Pods use {target}: {', '.join(users[:5])}.")


async def _fate(cluster: ClusterAPI, claim: Obj) -> str:
    """Return what becomes of the data."""
    name = (claim.get("spec") or {}).get("volumeName")
    if not name:
        return "it has no volume, so no data is lost"
    try:
        volume = await cluster.get(ObjectRef(kind="PersistentVolume", name=str(name)))
    except VendorError:
        return f"what becomes of volume {name} could not be read"
    if (volume.get("spec") or {}).get("persistentVolumeReclaimPolicy") == "Retain":
        return f"volume {name} and its data are kept (Retain), but nothing claims them any more"
    return f"volume {name} and all of its data are destroyed (Delete)"


async def _wanting(cluster: ClusterAPI, target: ObjectRef) -> list[str]:
    """Return the workloads whose pods would mount the claim if there were any."""
    found: list[str] = []
    for kind in WORKLOADS:
        workloads = await list_or_none(cluster, kind, target.namespace) or []
        found += [f"{kind} {name_of(item)}" for item in workloads if mounts(read_template(item), target.name)]
    return found
