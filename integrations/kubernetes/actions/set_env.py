"""Set or remove one environment variable of a container.

A literal that reads like a secret is refused: the stored proposal, the audit trail and the chat would all hold it.
Secrets are set with `value_from`. An old value that reads like one is never stored either, so undoing such a change
goes back to the revision that held it.
"""

from typing import Any, Literal, Self

from pydantic import Field, model_validator

from bot.domain.action import ActionRequest
from bot.domain.base import Frozen
from bot.domain.entity import ObjectRef
from bot.domain.redaction import looks_secret
from bot.errors import AuthenticationFailed, InvalidInput, NotFound
from integrations.kubernetes.actions.contract import Advice, Scene
from integrations.kubernetes.actions.grammar import ConfigKey, DNSLabel, EnvName, ObjectName
from integrations.kubernetes.actions.patch_action import Change
from integrations.kubernetes.actions.patching import ABSENT, Edit, Obj, Path, operations, read_at
from integrations.kubernetes.actions.rendering import kubectl, kubectl_json_patch
from integrations.kubernetes.actions.rollback import undo_by_rollback
from integrations.kubernetes.actions.workload import (
    TEMPLATE_VERBS,
    WORKLOADS,
    WorkloadAction,
    container_path,
    require_not_paused,
    require_rolling,
    revision_of,
)

_REFERENCES = {"secret": "secretKeyRef", "configmap": "configMapKeyRef"}


class ValueFrom(Frozen):
    """A key of a Secret or ConfigMap."""

    source: Literal["secret", "configmap"] = Field(description="what holds the value")
    name: ObjectName = Field(description="name of the Secret or ConfigMap")
    key: ConfigKey = Field(description="key in it")

    @model_validator(mode="before")
    @classmethod
    def _native(cls, value: Any) -> Any:
        """Read the form of manifests too: `{"secretKeyRef": {"name": ..., "key": ...}}`."""
        if isinstance(value, dict) and len(value) == 1:
            [(form, reference)] = value.items()
            for source, native in _REFERENCES.items():
                if form == native and isinstance(reference, dict):
                    return {**reference, "source": source}
        return value


class SetEnvParams(Frozen):
    """Which variable, and exactly one of its new value, where it comes from, or that it goes."""

    container: DNSLabel = Field(description="name of the container")
    name: EnvName = Field(description="name of the variable")
    value: str | None = Field(default=None, max_length=32768, description="literal value; never a secret")
    value_from: ValueFrom | None = Field(default=None, description="take the value from a Secret or ConfigMap")
    unset: bool = Field(default=False, description="true: remove the variable")

    @model_validator(mode="after")
    def _one_of(self) -> Self:
        if (self.value is not None) + (self.value_from is not None) + self.unset != 1:
            raise ValueError("exactly one of value, value_from and unset has to be given")
        if self.value is not None:
            if "\x00" in self.value:
                raise ValueError("the value contains a NUL character")
            if looks_secret(self.name, self.value):
                raise ValueError(
                    f"the value of {self.name} reads like a secret, which must not be stored here:"
                    " put it into a Secret and use value_from"
                )
        return self


class SetEnv(WorkloadAction[SetEnvParams]):
    """`kubectl set env`."""

    name = "set_env"
    summary = "Set or remove an environment variable of a container; secrets only by reference (value_from)."
    kinds = WORKLOADS
    risk_class = "D"
    reversible = True
    verbs = (*TEMPLATE_VERBS, "get configmaps")
    preconditions = (
        "the container exists",
        "the rollout is not paused",
        "a literal value does not read like a secret",
        "a ConfigMap that is referred to exists and has the key",
    )
    undo_words = "set the old value or remove the variable; a secret old value comes back by rollback"
    params_model = SetEnvParams

    async def change(self, scene: Scene, params: SetEnvParams) -> Change:
        """See `PatchAction.change`."""
        environment = (*container_path(scene.current, params.container), "env")
        entries: list[Obj] = _or_empty(read_at(scene.current, environment))
        index = _index(entries, params.name)
        before = entries[index] if index < len(entries) else None
        private = before is not None and looks_secret(params.name, str(before.get("value", "")))
        edit = Edit((*environment, index), ABSENT if params.unset else _entry(params), private=private)
        return Change(
            edits=(edit,),
            command=_command(scene, params, edit),
            pre_image=_pre_image(before, private=private, revision=revision_of(scene.current)),
        )

    async def check(self, scene: Scene, params: SetEnvParams) -> Advice:
        """See `PatchAction.check`."""
        require_not_paused(scene)
        warnings = [*require_rolling(scene), *await _check_source(scene, params.value_from)]
        path: Path = container_path(scene.current, params.container)
        entries = _or_empty(read_at(scene.current, (*path, "env")))
        if any(f"$({params.name})" in str(entry.get("value", "")) for entry in entries):
            warnings.append(f"Other variables of the container are composed of {params.name} and change with it.")
        return await self.advise(scene, *warnings)

    def undo(self, target: ObjectRef, params: SetEnvParams, pre_image: dict[str, Any]) -> ActionRequest | None:
        """See `PatchAction.undo`."""
        if pre_image["before"] == "private":
            revision = pre_image.get("revision")
            return undo_by_rollback(target, int(revision)) if revision and target.kind == "Deployment" else None
        old = {"unset": True} if pre_image["before"] == "absent" else {pre_image["before"]: pre_image["old"]}
        return ActionRequest(
            action=self.name,
            target=target,
            params={"container": params.container, "name": params.name, **old},
            reason=f"Undo: {params.name} as it was before.",
        )

    def describe(self, target: ObjectRef, params: SetEnvParams) -> str:
        """See `PatchAction.describe`."""
        what = "removed" if params.unset else "set"
        return f"The variable {params.name} of {target}, container {params.container}, was {what}."


def _or_empty(value: Any) -> list[Obj]:
    return value if isinstance(value, list) else []


def _index(entries: list[Obj], name: str) -> int:
    """Return where the variable stands (the last of several is the one that counts), or one behind the end."""
    found = [index for index, entry in enumerate(entries) if entry.get("name") == name]
    return found[-1] if found else len(entries)


def _entry(params: SetEnvParams) -> Obj:
    if params.value_from:
        reference = {"name": params.value_from.name, "key": params.value_from.key}
        return {"name": params.name, "valueFrom": {_REFERENCES[params.value_from.source]: reference}}
    # The server does not keep an empty value, and the entry has to compare equal to what it keeps.
    return {"name": params.name, "value": params.value} if params.value else {"name": params.name}


def _command(scene: Scene, params: SetEnvParams, edit: Edit) -> str:
    if params.value_from:  # `kubectl set env --from` cannot name the variable
        return kubectl_json_patch(scene.target, operations(scene.current, (edit,), guarded=False))
    assignment = f"{params.name}-" if params.unset else f"{params.name}={params.value}"
    return kubectl(scene.target, "set", "env", scene.target.short, f"--containers={params.container}", assignment)


def _pre_image(before: Obj | None, *, private: bool, revision: int | None) -> dict[str, Any]:
    """Describe the old entry without a secret: `private` where it can or may not be written down."""
    if before is None:
        return {"before": "absent"}
    if not private and "valueFrom" not in before:
        return {"before": "value", "old": before.get("value", "")}
    for source, reference in _REFERENCES.items():
        old = (before.get("valueFrom") or {}).get(reference)
        if old and set(old) == {"name", "key"}:
            return {"before": "value_from", "old": {"source": source, **old}}
    return {"before": "private", "revision": revision}


async def _check_source(scene: Scene, source: ValueFrom | None) -> list[str]:
    if source is None:
        return []
    if source.source == "secret":
        return [f"Whether Secret {source.name} has a key {source.key} is not known: this bot does not read Secrets."]
    try:
        found = await scene.cluster.get(ObjectRef(kind="ConfigMap", name=source.name, namespace=scene.target.namespace))
    except NotFound:
        raise InvalidInput(f"ConfigMap {source.name} does not exist in {scene.target.namespace}.") from None
    except AuthenticationFailed:
        return [f"ConfigMap {source.name} could not be read."]
    if source.key not in (found.get("data") or {}):
        raise InvalidInput(f"ConfigMap {source.name} has no key {source.key}.")
    return []
