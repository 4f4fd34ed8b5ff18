"""Whether pods of a changed template can run: nodes, ResourceQuotas and LimitRanges, as far as they can be read."""

import asyncio
from fractions import Fraction
from typing import Any

from bot.errors import InvalidInput
from integrations.kubernetes.actions.contract import Scene
from integrations.kubernetes.actions.patching import Obj
from integrations.kubernetes.actions.quantity import parse_quantity
from integrations.kubernetes.actions.surroundings import list_or_none, name_of
from integrations.kubernetes.actions.workload import read_template, wanted_replicas

_RESOURCES = ("cpu", "memory", "ephemeral-storage")


async def check_capacity(scene: Scene, after: Obj, resources: Obj) -> list[str]:
    """Raise InvalidInput when the changed workload cannot run. `resources` are the changed container's.

    Return a warning for each thing that could not be looked at.
    """
    nodes, quotas, ranges = await asyncio.gather(
        list_or_none(scene.cluster, "Node", None),
        list_or_none(scene.cluster, "ResourceQuota", scene.target.namespace),
        list_or_none(scene.cluster, "LimitRange", scene.target.namespace),
    )
    needed = pod_amounts(after, "requests")
    _check_nodes(nodes or [], needed)
    for quota in quotas or []:
        _check_quota(quota, scene.current, after)
    for limit_range in ranges or []:
        _check_range(limit_range, resources)
    unread = [name for name, found in (("nodes", nodes), ("quotas", quotas), ("limit ranges", ranges)) if found is None]
    warnings = [f"Whether it fits the {', '.join(unread)} could not be read."] if unread else []
    return [*warnings, "A dry run does not schedule: whether a node has this much left shows in the rollout."]


def _amount(resources: Any, kind: str, resource: str) -> Fraction:
    """Return a container's amount; a request that is not set is the limit."""
    groups = resources or {}
    text = (groups.get(kind) or {}).get(resource)
    if text is None and kind == "requests":
        text = (groups.get("limits") or {}).get(resource)
    return parse_quantity(str(text)) if text is not None else Fraction(0)


def pod_amounts(workload: Obj, kind: str) -> dict[str, Fraction]:
    """Return what one pod asks for: all containers together, or its biggest init container where that is more."""
    spec = read_template(workload).get("spec") or {}
    total: dict[str, Fraction] = {}
    for resource in _RESOURCES:
        running = [_amount(item.get("resources"), kind, resource) for item in spec.get("containers") or []]
        starting = [_amount(item.get("resources"), kind, resource) for item in spec.get("initContainers") or []]
        total[resource] = max([sum(running, Fraction(0)), *starting])
    return total


def _check_nodes(nodes: list[Obj], needed: dict[str, Fraction]) -> None:
    usable = [node for node in nodes if not (node.get("spec") or {}).get("unschedulable")]
    allocatable = [(node.get("status") or {}).get("allocatable") or {} for node in usable]
    known = [amounts for amounts in allocatable if "cpu" in amounts and "memory" in amounts]
    if not known:
        return
    for amounts in known:
        if all(parse_quantity(str(amounts[res])) >= needed[res] for res in _RESOURCES if res in amounts):
            return
    biggest = {res: max((str(amounts[res]) for amounts in known), key=parse_quantity) for res in ("cpu", "memory")}
    raise InvalidInput(
        f"No node can hold such a pod: the biggest have {biggest['cpu']} CPU and {biggest['memory']} of memory."
    )


def _check_quota(quota: Obj, before: Obj, after: Obj) -> None:
    spec, status = quota.get("spec") or {}, quota.get("status") or {}
    if spec.get("scopes") or spec.get("scopeSelector"):
        return  # counts some pods only: the server's dry run of a pod would be the judge, and there is none here
    hard, used = status.get("hard") or spec.get("hard") or {}, status.get("used") or {}
    replicas = wanted_replicas(after)
    for key, bound in hard.items():
        kind, _, resource = key.rpartition(".")
        kind = kind or "requests"
        if resource not in _RESOURCES or kind not in {"requests", "limits"}:
            continue
        more = (pod_amounts(after, kind)[resource] - pod_amounts(before, kind)[resource]) * replicas
        if more > 0 and parse_quantity(str(used.get(key, "0"))) + more > parse_quantity(str(bound)):
            raise InvalidInput(
                f"ResourceQuota {name_of(quota)} allows {bound} of {key}, of which {used.get(key, '0')} is used:"
                f" {replicas} replicas of such a pod would exceed it."
            )


def _check_range(limit_range: Obj, resources: Obj) -> None:
    for rule in (limit_range.get("spec") or {}).get("limits") or []:
        if rule.get("type") != "Container":
            continue
        for resource in _RESOURCES:
            asked, most = _amount(resources, "requests", resource), _amount(resources, "limits", resource)
            greatest, least = (rule.get("max") or {}).get(resource), (rule.get("min") or {}).get(resource)
            if greatest is not None and max(asked, most) > parse_quantity(str(greatest)):
                raise InvalidInput(f"LimitRange {name_of(limit_range)} allows at most {greatest} of {resource}.")
            if least is not None and asked and asked < parse_quantity(str(least)):
                raise InvalidInput(f"LimitRange {name_of(limit_range)} asks for at least {least} of {resource}.")
