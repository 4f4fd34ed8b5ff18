"""Change between how many replicas an autoscaler may choose."""

# ruff: noqa: ARG002 - the signatures are the contract's

import json
from fractions import Fraction
from typing import Any, Self

from pydantic import Field, model_validator

from bot.domain.action import ActionRequest, Applied, Check
from bot.domain.base import Frozen
from bot.domain.entity import ObjectRef
from bot.errors import InvalidInput, NotFound, VendorError
from integrations.kubernetes.actions.capacity import pod_amounts
from integrations.kubernetes.actions.contract import Advice, ClusterAPI, Scene
from integrations.kubernetes.actions.node_scheduling import room_elsewhere
from integrations.kubernetes.actions.patch_action import Change, PatchAction
from integrations.kubernetes.actions.patching import Edit, Obj
from integrations.kubernetes.actions.quantity import parse_quantity
from integrations.kubernetes.actions.rendering import kubectl
from integrations.kubernetes.actions.surroundings import list_or_none, name_of
from integrations.kubernetes.actions.watching import Look
from integrations.kubernetes.actions.workload import ready_replicas, wanted_replicas

_SCALED = ("Deployment", "StatefulSet")


class HPABoundsParams(Frozen):
    """The new lower bound, the new upper bound, or both."""

    min_replicas: int | None = Field(default=None, ge=1, le=1000, strict=True, description="least replicas")
    max_replicas: int | None = Field(default=None, ge=1, le=1000, strict=True, description="most replicas")

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if self.min_replicas is None and self.max_replicas is None:
            raise ValueError("at least one of min_replicas and max_replicas has to be given")
        if self.min_replicas is not None and self.max_replicas is not None and self.min_replicas > self.max_replicas:
            raise ValueError("min_replicas must not be above max_replicas")
        return self

    def given(self) -> dict[str, int]:
        """Return the bounds that are set, by the field of the autoscaler."""
        bounds = {"minReplicas": self.min_replicas, "maxReplicas": self.max_replicas}
        return {field: value for field, value in bounds.items() if value is not None}


class HPABounds(PatchAction[HPABoundsParams]):
    """`kubectl patch horizontalpodautoscaler`."""

    name = "hpa_bounds"
    summary = "Change the least and the most replicas of a HorizontalPodAutoscaler."
    kinds = ("HorizontalPodAutoscaler",)
    risk_class = "S"
    reversible = True
    verbs = (
        "get horizontalpodautoscalers.autoscaling",
        "patch horizontalpodautoscalers.autoscaling",
        "get deployments.apps",
        "get statefulsets.apps",
        "list resourcequotas",
        "list nodes",
        "list pods",
    )
    preconditions = ("the lower bound is not above the upper one",)
    undo_words = "set the old bounds"
    params_model = HPABoundsParams

    async def change(self, scene: Scene, params: HPABoundsParams) -> Change:
        """See `PatchAction.change`."""
        spec = scene.current.get("spec") or {}
        edits = []
        for field, value in params.given().items():
            # The server takes 1 for a lower bound that is missing.
            same = field == "minReplicas" and field not in spec and value == 1
            if not same:
                edits.append(Edit(("spec", field), value))
        body = json.dumps({"spec": params.given()}, separators=(",", ":"))
        return Change(
            edits=tuple(edits),
            command=kubectl(scene.target, "patch", scene.target.short, f"--patch={body}"),
            pre_image={field: int(spec.get(field) or 1) for field in params.given()},
        )

    async def check(self, scene: Scene, params: HPABoundsParams) -> Advice:
        """See `PatchAction.check`."""
        least, most = _bounds(scene.current)
        bounds = {"minReplicas": least, "maxReplicas": most, **params.given()}
        new_least, new_most = bounds["minReplicas"], bounds["maxReplicas"]
        if new_least > new_most:
            raise InvalidInput(f"The lower bound {new_least} would be above the upper bound {new_most}.")
        workload = await _scaled(scene.cluster, scene.target, scene.current)
        if workload is None:
            warnings = ["What it scales could not be read, so whether there is room for more is unknown."]
            return Advice(tuple(warnings), (f"between {new_least} and {new_most} replicas",))
        running = wanted_replicas(workload)
        warnings = await _room(scene, workload, new_most - running) if new_most > running else []
        if running == 0:
            warnings.append("The workload has 0 replicas: the autoscaler sleeps until somebody scales it up.")
        elif running > new_most:
            warnings.append(f"{running} replicas run: {running - new_most} of them are stopped at once.")
        elif running < new_least:
            warnings.append(f"{running} replicas run: {new_least - running} more are started at once.")
        reach = (
            f"{workload['kind']} {name_of(workload)}: {running} replicas wanted, {ready_replicas(workload)} ready",
            f"bounds {least} to {most} become {new_least} to {new_most}",
        )
        return Advice(tuple(warnings), reach)

    def undo(self, target: ObjectRef, params: HPABoundsParams, pre_image: dict[str, Any]) -> ActionRequest | None:
        """See `PatchAction.undo`."""
        names = {"minReplicas": "min_replicas", "maxReplicas": "max_replicas"}
        old = {names[field]: value for field, value in pre_image.items()}
        return ActionRequest(action=self.name, target=target, params=old, reason="Undo: the bounds as before.")

    def describe(self, target: ObjectRef, params: HPABoundsParams) -> str:
        """See `PatchAction.describe`."""
        what = " and ".join(f"{field} {value}" for field, value in params.given().items())
        return f"{target} was set to {what}."

    async def look(self, cluster: ClusterAPI, request: ActionRequest, applied: Applied) -> Look:
        """See `RemediationAction.look`."""
        autoscaler = await cluster.get(request.target)
        least, most = _bounds(autoscaler)
        held = {"minReplicas": least, "maxReplicas": most}
        kept = all(held[field] == value for field, value in self.parse(request).given().items())
        checks = [Check(name="bounds", passed=kept, detail=f"between {least} and {most} replicas")]
        workload = await _scaled(cluster, request.target, autoscaler)
        if workload is not None and (running := wanted_replicas(workload)):
            within = least <= running <= most
            checks.append(Check(name="replicas", passed=within, detail=f"{running} replicas are wanted"))
            ready = ready_replicas(workload)
            checks.append(
                Check(name="ready", passed=ready >= min(least, running), detail=f"{ready} replicas are ready")
            )
        return Look(tuple(checks))


def _bounds(autoscaler: Obj) -> tuple[int, int]:
    spec = autoscaler.get("spec") or {}
    least = spec.get("minReplicas")
    return 1 if least is None else int(least), int(spec.get("maxReplicas") or 1)


async def _scaled(cluster: ClusterAPI, target: ObjectRef, autoscaler: Obj) -> Obj | None:
    """Return the workload that an autoscaler scales, None when it is of another kind, gone or unreadable."""
    reference = (autoscaler.get("spec") or {}).get("scaleTargetRef") or {}
    if reference.get("kind") not in _SCALED:
        return None
    try:
        return await cluster.get(
            ObjectRef(kind=reference["kind"], name=str(reference.get("name")), namespace=target.namespace)
        )
    except NotFound:
        raise InvalidInput(
            f"{target} scales {reference['kind']} {reference.get('name')}, which does not exist."
        ) from None
    except VendorError:
        return None


async def _room(scene: Scene, workload: Obj, more: int) -> list[str]:
    """Return what speaks against `more` replicas: quotas and nodes. Warnings only, for it may never scale that far."""
    each = pod_amounts(workload, "requests")
    needed: dict[str, Fraction] = {name: each[name] * more for name in ("cpu", "memory") if each[name]}
    warnings = await room_elsewhere(scene.cluster, needed)
    quotas = await list_or_none(scene.cluster, "ResourceQuota", scene.target.namespace)
    if quotas is None:
        return [*warnings, "Whether the quotas allow it could not be read."]
    for quota in quotas:
        hard, used = (quota.get("status") or {}).get("hard") or {}, (quota.get("status") or {}).get("used") or {}
        asked = {"pods": Fraction(more), **{f"requests.{name}": amount for name, amount in needed.items()}}
        for key, amount in asked.items():
            bound = hard.get(key, hard.get(key.removeprefix("requests.")))
            taken = used.get(key, used.get(key.removeprefix("requests."), "0"))
            if bound is not None and parse_quantity(str(taken)) + amount > parse_quantity(str(bound)):
                warnings.append(
                    f"ResourceQuota {name_of(quota)} allows {bound} of {key}, {taken} used: {more} more do not fit."
                )
    return warnings
