"""Add a missing key to a ConfigMap, or remove one that was added.

An existing key is never overwritten: other workloads may depend on what it says. Nothing restarts by itself.
"""

# ruff: noqa: ARG002 - the signatures are the contract's

from typing import Any, Self

from pydantic import Field, model_validator

from bot.domain.action import ActionRequest, Applied, Check
from bot.domain.base import Frozen
from bot.domain.entity import ObjectRef
from bot.domain.finding import RiskClass
from bot.domain.redaction import looks_secret
from bot.errors import InvalidInput
from integrations.kubernetes.actions.contract import Advice, ClusterAPI, Scene
from integrations.kubernetes.actions.grammar import ConfigKey
from integrations.kubernetes.actions.patch_action import Change, PatchAction
from integrations.kubernetes.actions.patching import ABSENT, Edit, Obj, operations
from integrations.kubernetes.actions.references import environment_config_maps, mounted_config_maps
from integrations.kubernetes.actions.rendering import kubectl_json_patch
from integrations.kubernetes.actions.surroundings import list_or_none, name_of
from integrations.kubernetes.actions.watching import Look
from integrations.kubernetes.actions.workload import WORKLOADS, read_template

_MAX_BYTES = 1024 * 1024  # what the API server takes for all keys and values together


class PatchConfigMapParams(Frozen):
    """Which key, and exactly one of its value or that it goes."""

    key: ConfigKey = Field(description="key to add; it must not exist yet")
    value: str | None = Field(default=None, max_length=_MAX_BYTES, description="its value; never a secret")
    remove: bool = Field(default=False, description="true: remove the key")

    @model_validator(mode="after")
    def _one_of(self) -> Self:
        if (self.value is not None) + self.remove != 1:
            raise ValueError("exactly one of value and remove has to be given")
        if self.value is not None and looks_secret(self.key, self.value):
            raise ValueError(
                f"the value of {self.key} reads like a secret, which must not be stored here: put it into a Secret"
            )
        return self


class PatchConfigMap(PatchAction[PatchConfigMapParams]):
    """`kubectl patch configmap`."""

    name = "patch_configmap"
    summary = "Add a missing key to a ConfigMap. Nothing restarts by itself."
    kinds = ("ConfigMap",)
    risk_class = "S"
    reversible = True
    verbs = ("get configmaps", "patch configmaps")
    preconditions = ("the ConfigMap is not immutable", "the key does not exist yet (to remove one: it exists)")
    undo_words = "remove the key"
    params_model = PatchConfigMapParams

    def risk(self, params: PatchConfigMapParams) -> RiskClass:
        """Return D for removing: pods that need the key do not start again."""
        return "D" if params.remove else "S"

    async def change(self, scene: Scene, params: PatchConfigMapParams) -> Change:
        """See `PatchAction.change`."""
        path = ("data", params.key)
        old = (scene.current.get("data") or {}).get(params.key)
        private = old is not None and looks_secret(params.key, old)
        edit = Edit(path, ABSENT if params.remove else params.value, private=private)
        pre_image: dict[str, Any] = {"present": old is not None}
        if params.remove and old is not None and not private:
            pre_image["value"] = old
        command = kubectl_json_patch(scene.target, operations(scene.current, (edit,), guarded=False))
        return Change(edits=(edit,), command=command, pre_image=pre_image)

    async def check(self, scene: Scene, params: PatchConfigMapParams) -> Advice:
        """See `PatchAction.check`."""
        current = scene.current
        if current.get("immutable"):
            raise InvalidInput(f"{scene.target} is immutable: it can only be replaced by another one.")
        if not params.remove and params.key in {**(current.get("data") or {}), **(current.get("binaryData") or {})}:
            raise InvalidInput(f"{scene.target} has a key {params.key} already, and it is not overwritten.")
        kept = sum(len(key.encode()) + len(str(text).encode()) for key, text in (current.get("data") or {}).items())
        if kept + len((params.value or "").encode()) > _MAX_BYTES:
            raise InvalidInput(f"{scene.target} would hold more than the 1 MiB that fit into a ConfigMap.")
        mounted, environment = await _users(scene)
        warnings = ["Nothing restarts by itself."]
        if mounted:
            warnings.append(
                f"Mounted by {', '.join(mounted)}: files change within about a minute, not where subPath is used;"
                " a program that reads its files only at the start needs a restart."
            )
        if environment:
            warnings.append(f"Environment of {', '.join(environment)}: only a restart makes it visible.")
        count = len({*mounted, *environment})
        return Advice(
            tuple(warnings), (f"{scene.target}: used by {count} {'workload' if count == 1 else 'workloads'}",)
        )

    def undo(self, target: ObjectRef, params: PatchConfigMapParams, pre_image: dict[str, Any]) -> ActionRequest | None:
        """See `PatchAction.undo`."""
        if not params.remove:
            old: dict[str, Any] = {"remove": True}
        elif "value" in pre_image:
            old = {"value": pre_image["value"]}
        else:
            return None
        return ActionRequest(
            action=self.name,
            target=target,
            params={"key": params.key, **old},
            reason=f"Undo: key {params.key} as it was before.",
        )

    def describe(self, target: ObjectRef, params: PatchConfigMapParams) -> str:
        """See `PatchAction.describe`."""
        what = "removed from" if params.remove else "added to"
        return f"The key {params.key} was {what} {target}; nothing was restarted."

    async def look(self, cluster: ClusterAPI, request: ActionRequest, applied: Applied) -> Look:
        """See `RemediationAction.look`."""
        params = self.parse(request)
        found = (await cluster.get(request.target)).get("data") or {}
        if params.remove:
            check = Check(name="key", passed=params.key not in found, detail=f"the key {params.key} is gone")
        else:
            kept = found.get(params.key) == params.value
            check = Check(name="key", passed=kept, detail=f"the key {params.key} has the value that was set")
        return Look((check,))


async def _users(scene: Scene) -> tuple[list[str], list[str]]:
    """Return the workloads that mount the ConfigMap, and those whose environment comes from it."""
    mounted: list[str] = []
    environment: list[str] = []
    for kind in WORKLOADS:
        for workload in await list_or_none(scene.cluster, kind, scene.target.namespace) or []:
            template: Obj = read_template(workload)
            if scene.target.name in mounted_config_maps(template):
                mounted.append(f"{kind} {name_of(workload)}")
            if scene.target.name in environment_config_maps(template):
                environment.append(f"{kind} {name_of(workload)}")
    return mounted, environment
