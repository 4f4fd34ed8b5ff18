"""Change what a container asks for and what it may use at most."""

from typing import Any, Literal, Self

from pydantic import ConfigDict, Field, model_validator

from bot.domain.action import ActionRequest
from bot.domain.base import Frozen
from bot.domain.entity import ObjectRef
from bot.errors import InvalidInput
from integrations.kubernetes.actions.capacity import check_capacity
from integrations.kubernetes.actions.contract import Advice, Scene
from integrations.kubernetes.actions.grammar import DNSLabel
from integrations.kubernetes.actions.patch_action import Change
from integrations.kubernetes.actions.patching import ABSENT, Edit, apply_edits, operations, read_at
from integrations.kubernetes.actions.quantity import check_amount, parse_quantity
from integrations.kubernetes.actions.rendering import kubectl, kubectl_json_patch
from integrations.kubernetes.actions.workload import (
    TEMPLATE_VERBS,
    WORKLOADS,
    WorkloadAction,
    container_path,
    require_not_paused,
    require_rolling,
)

Removable = Literal[
    "requests.cpu", "requests.memory", "requests.ephemeral-storage",
    "limits.cpu", "limits.memory", "limits.ephemeral-storage",
]  # fmt: skip


class Amounts(Frozen):
    """Amounts by resource, as Kubernetes writes them."""

    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True)

    cpu: str | None = Field(default=None, description="such as 250m or 2")
    memory: str | None = Field(default=None, description="such as 512Mi")
    ephemeral_storage: str | None = Field(default=None, alias="ephemeral-storage", description="such as 1Gi")

    @model_validator(mode="after")
    def _amounts(self) -> Self:
        for resource, text in self.given().items():
            check_amount(resource, text)
        return self

    def given(self) -> dict[str, str]:
        """Return the amounts that are set, by resource."""
        dumped: dict[str, str] = self.model_dump(by_alias=True, exclude_none=True)
        return dumped


class SetResourcesParams(Frozen):
    """Which container; what is not named stays as it is."""

    container: DNSLabel = Field(description="name of the container")
    requests: Amounts | None = Field(default=None, description="what is reserved")
    limits: Amounts | None = Field(default=None, description="what may be used at most")
    remove: tuple[Removable, ...] = Field(default=(), description="amounts to remove")

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        wanted = self.wanted()
        if not wanted:
            raise ValueError("at least one of requests, limits and remove has to be given")
        twice = [name for name in self.remove if tuple(name.split(".")) in self.set()]
        if twice:
            raise ValueError(f"{', '.join(twice)} cannot be set and removed at once")
        requests, limits = self.requests or Amounts(), self.limits or Amounts()
        _require_order(requests.given(), limits.given())
        return self

    def set(self) -> dict[tuple[str, str], str]:
        """Return the amounts to set by (`requests` or `limits`, resource)."""
        groups = (("requests", self.requests), ("limits", self.limits))
        return {(kind, res): text for kind, group in groups if group for res, text in group.given().items()}

    def wanted(self) -> dict[tuple[str, str], Any]:
        """Return the amounts to set, and ABSENT for those to remove."""
        removed = {(kind, res): ABSENT for kind, _, res in (name.partition(".") for name in self.remove)}
        return {**removed, **self.set()}


class SetResources(WorkloadAction[SetResourcesParams]):
    """`kubectl set resources`."""

    name = "set_resources"
    summary = "Set the CPU and memory that a container requests and may use at most."
    kinds = WORKLOADS
    risk_class = "D"
    reversible = True
    verbs = (*TEMPLATE_VERBS, "list nodes", "list resourcequotas", "list limitranges")
    preconditions = (
        "the container exists",
        "the rollout is not paused",
        "limits are not below requests",
        "the pod fits a node, the ResourceQuotas and the LimitRanges, as far as they can be read",
    )
    undo_words = "set the amounts that were set before, remove those that were not"
    params_model = SetResourcesParams

    async def change(self, scene: Scene, params: SetResourcesParams) -> Change:
        """See `PatchAction.change`."""
        base = (*container_path(scene.current, params.container), "resources")
        edits: list[Edit] = []
        pre_image: dict[str, dict[str, str | None]] = {}
        for (kind, resource), wanted in params.wanted().items():
            path = (*base, kind, resource)
            old = read_at(scene.current, path)
            same = wanted is not ABSENT and old is not ABSENT and parse_quantity(str(old)) == parse_quantity(wanted)
            edits.append(Edit(path, old if same else wanted))
            pre_image.setdefault(kind, {})[resource] = None if old is ABSENT else str(old)
            # The server sets a request that is missing to the limit: undo has to take that away as well.
            defaulted = kind == "limits" and read_at(scene.current, (*base, "requests", resource)) is ABSENT
            if defaulted and wanted is not ABSENT:
                pre_image.setdefault("requests", {}).setdefault(resource, None)
        return Change(edits=tuple(edits), command=_command(scene, params, edits), pre_image=pre_image)

    async def check(self, scene: Scene, params: SetResourcesParams) -> Advice:
        """See `PatchAction.check`."""
        require_not_paused(scene)
        change = await self.change(scene, params)
        path = (*container_path(scene.current, params.container), "resources")
        after = apply_edits(scene.current, change.edits)
        resources = read_at(after, path)
        resources = {} if resources is ABSENT else resources
        try:
            _require_order(resources.get("requests") or {}, resources.get("limits") or {})
            _require_removable(params, resources.get("limits") or {})
        except ValueError as error:
            raise InvalidInput(f"set_resources cannot be done as asked: {error}.") from None
        warnings = await check_capacity(scene, after, resources)
        return await self.advise(scene, *warnings, *require_rolling(scene))

    def undo(self, target: ObjectRef, params: SetResourcesParams, pre_image: dict[str, Any]) -> ActionRequest | None:
        """See `PatchAction.undo`."""
        old: dict[str, Any] = {"container": params.container}
        removed: list[str] = []
        for kind, amounts in pre_image.items():
            if kept := {resource: text for resource, text in amounts.items() if text is not None}:
                old[kind] = kept
            removed += [f"{kind}.{resource}" for resource, text in amounts.items() if text is None]
        if removed:
            old["remove"] = removed
        return ActionRequest(
            action=self.name, target=target, params=old, reason=f"Undo: resources of {params.container} as before."
        )

    def describe(self, target: ObjectRef, params: SetResourcesParams) -> str:
        """See `PatchAction.describe`."""
        parts = [f"{kind}.{res} {text}" for (kind, res), text in params.set().items()]
        parts += [f"{name} removed" for name in params.remove]
        return f"The resources of {target}, container {params.container}, were set: {', '.join(parts)}."


def _require_order(requests: dict[str, str], limits: dict[str, str]) -> None:
    for resource in requests.keys() & limits.keys():
        if parse_quantity(limits[resource]) < parse_quantity(requests[resource]):
            raise ValueError(f"the {resource} limit {limits[resource]} would be below the request {requests[resource]}")


def _require_removable(params: SetResourcesParams, limits: dict[str, str]) -> None:
    for kind, _, resource in (name.partition(".") for name in params.remove):
        if kind == "requests" and resource in limits:
            raise ValueError(f"the server sets the {resource} request to the limit as long as there is a limit")


def _command(scene: Scene, params: SetResourcesParams, edits: list[Edit]) -> str:
    if params.remove:  # `kubectl set resources` cannot remove an amount
        return kubectl_json_patch(scene.target, operations(scene.current, edits, guarded=False))
    words = [
        f"--{kind}=" + ",".join(f"{resource}={text}" for resource, text in group.given().items())
        for kind, group in (("requests", params.requests), ("limits", params.limits))
        if group and group.given()
    ]
    return kubectl(scene.target, "set", "resources", scene.target.short, f"--containers={params.container}", *words)
