"""Give a claim more storage. The API cannot take that back: a volume only ever grows."""

# ruff: noqa: ARG002 - the signatures are the contract's

import json
from typing import Any

from pydantic import Field, field_validator

from bot.domain.action import ActionRequest, Applied, Check
from bot.domain.base import Frozen
from bot.domain.entity import ObjectRef
from bot.errors import AuthenticationFailed, InvalidInput, NotFound
from integrations.kubernetes.actions.claims import describe_users, users_of
from integrations.kubernetes.actions.contract import Advice, ClusterAPI, Scene
from integrations.kubernetes.actions.patch_action import Change, PatchAction
from integrations.kubernetes.actions.patching import Edit, Obj, read_at
from integrations.kubernetes.actions.quantity import check_amount, parse_quantity
from integrations.kubernetes.actions.rendering import kubectl
from integrations.kubernetes.actions.surroundings import list_or_none, name_of
from integrations.kubernetes.actions.watching import Look

_STORAGE = ("spec", "resources", "requests", "storage")


class ExpandPVCParams(Frozen):
    """How big."""

    size: str = Field(description="new size, such as 20Gi; bigger than now")

    @field_validator("size")
    @classmethod
    def _size(cls, text: str) -> str:
        check_amount("size", text)
        return text


class ExpandPVC(PatchAction[ExpandPVCParams]):
    """`kubectl patch persistentvolumeclaim` with a bigger request."""

    name = "expand_pvc"
    summary = "Grow a PersistentVolumeClaim. It cannot be made smaller again."
    kinds = ("PersistentVolumeClaim",)
    risk_class = "D"
    reversible = False
    verbs = (
        "get persistentvolumeclaims",
        "patch persistentvolumeclaims",
        "get storageclasses.storage.k8s.io",
        "list resourcequotas",
        "list pods",
    )
    preconditions = (
        "the claim is bound",
        "its StorageClass allows expansion",
        "the new size is bigger",
        "the ResourceQuotas of storage allow it, as far as they can be read",
    )
    undo_words = "none: a volume cannot shrink"
    params_model = ExpandPVCParams

    async def change(self, scene: Scene, params: ExpandPVCParams) -> Change:
        """See `PatchAction.change`."""
        before = read_at(scene.current, _STORAGE)
        same = isinstance(before, str) and parse_quantity(before) == parse_quantity(params.size)
        body = json.dumps({"spec": {"resources": {"requests": {"storage": params.size}}}}, separators=(",", ":"))
        return Change(
            edits=(Edit(_STORAGE, before if same else params.size),),
            command=kubectl(scene.target, "patch", scene.target.short, f"--patch={body}"),
        )

    async def check(self, scene: Scene, params: ExpandPVCParams) -> Advice:
        """See `PatchAction.check`."""
        spec, status = scene.current.get("spec") or {}, scene.current.get("status") or {}
        if status.get("phase") != "Bound":
            raise InvalidInput(f"{scene.target} is {status.get('phase') or 'not bound'}: only a bound claim can grow.")
        before, has = str(read_at(scene.current, _STORAGE)), str((status.get("capacity") or {}).get("storage", "0"))
        biggest = max(before, has, key=parse_quantity)
        if parse_quantity(params.size) <= parse_quantity(biggest):
            raise InvalidInput(f"{scene.target} has {biggest} already: a volume can only grow.")
        warnings = ["It cannot be undone: a volume never shrinks, and what it costs stays."]
        warnings += await _check_class(scene, spec.get("storageClassName"))
        warnings += await _check_quotas(scene, before, params.size)
        users = await users_of(scene.cluster, scene.target)
        if users is not None and not users:
            warnings.append("No pod uses it: many drivers grow the file system only when one does.")
        reach = f"{scene.target}: {has} become {params.size}; {describe_users(users)}"
        return Advice(tuple(warnings), (reach,))

    def undo(self, target: ObjectRef, params: ExpandPVCParams, pre_image: dict[str, Any]) -> ActionRequest | None:
        """See `PatchAction.undo`."""
        return None

    def describe(self, target: ObjectRef, params: ExpandPVCParams) -> str:
        """See `PatchAction.describe`."""
        return f"{target} was asked to grow to {params.size}; that is irreversible."

    async def look(self, cluster: ClusterAPI, request: ActionRequest, applied: Applied) -> Look:
        """See `RemediationAction.look`."""
        params = self.parse(request)
        return _look_at_claim(await cluster.get(request.target), params.size)


async def _check_class(scene: Scene, name: Any) -> list[str]:
    """Raise InvalidInput when the class does not let its volumes grow; return a warning when it cannot be read."""
    if not name:
        raise InvalidInput(f"{scene.target} has no StorageClass: nothing would make its volume grow.")
    try:
        storage_class = await scene.cluster.get(ObjectRef(kind="StorageClass", name=str(name)))
    except NotFound:
        raise InvalidInput(f"The StorageClass {name} of {scene.target} does not exist any more.") from None
    except AuthenticationFailed:
        return [f"Whether StorageClass {name} allows expansion could not be read."]
    if not storage_class.get("allowVolumeExpansion"):
        raise InvalidInput(f"The StorageClass {name} of {scene.target} does not allow expansion.")
    return []


async def _check_quotas(scene: Scene, before: str, after: str) -> list[str]:
    """Raise InvalidInput when a quota of storage would be exceeded."""
    quotas = await list_or_none(scene.cluster, "ResourceQuota", scene.target.namespace)
    if quotas is None:
        return ["Whether the quotas allow it could not be read."]
    more = parse_quantity(after) - parse_quantity(before)
    storage_class = (scene.current.get("spec") or {}).get("storageClassName")
    for quota in quotas:
        status = quota.get("status") or {}
        hard, used = status.get("hard") or (quota.get("spec") or {}).get("hard") or {}, status.get("used") or {}
        for key in ("requests.storage", f"{storage_class}.storageclass.storage.k8s.io/requests.storage"):
            taken = str(used.get(key, "0"))
            if key in hard and parse_quantity(taken) + more > parse_quantity(str(hard[key])):
                raise InvalidInput(
                    f"ResourceQuota {name_of(quota)} allows {hard[key]} of {key}, of which {taken} is used:"
                    f" {scene.target} cannot grow to {after}."
                )
    return []


def _look_at_claim(claim: Obj, size: str) -> Look:
    status = claim.get("status") or {}
    asked, has = str(read_at(claim, _STORAGE)), str((status.get("capacity") or {}).get("storage", "0"))
    wanted = parse_quantity(size)
    conditions = {item.get("type"): item for item in status.get("conditions") or [] if item.get("status") == "True"}
    stuck = ""
    if "FileSystemResizePending" in conditions:
        stuck = "the volume has grown, its file system has not yet: it does when a pod mounts it the next time"
    for name in ("ControllerResizeError", "NodeResizeError"):
        if name in conditions:
            stuck = f"the storage driver could not resize it: {conditions[name].get('message') or name}"
    grown = parse_quantity(has) >= wanted
    return Look(
        (
            Check(name="request", passed=parse_quantity(asked) >= wanted, detail=f"{asked} are requested"),
            Check(name="capacity", passed=grown, detail=f"it has {has} of {size}" + (f": {stuck}" if stuck else "")),
        ),
        stuck="" if grown else stuck,
    )
