"""What stands around a workload: how far a change reaches, in words and numbers."""

import asyncio
from dataclasses import dataclass
from typing import Any

from bot.domain.entity import ObjectRef
from bot.errors import InvalidInput, VendorError
from integrations.kubernetes.actions.contract import ClusterAPI
from integrations.kubernetes.actions.patching import Obj


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What concerns the pods of one workload. None where the bot could not look."""

    services: list[Obj] | None
    budgets: list[Obj] | None
    autoscalers: list[Obj] | None
    ingresses: list[Obj] | None


async def list_or_none(cluster: ClusterAPI, kind: str, namespace: str | None) -> list[Obj] | None:
    """Return the objects of a kind, None when they cannot be read: that narrows a preview and must not end it."""
    try:
        return await cluster.list(kind, namespace)
    except (VendorError, InvalidInput):
        return None


def name_of(obj: Obj) -> str:
    return str(obj.get("metadata", {}).get("name", ""))


def selects(selector: Any, labels: dict[str, str]) -> bool:
    """Return whether a LabelSelector (matchLabels and matchExpressions) selects `labels`; an empty one selects all."""
    selector = selector or {}
    if any(labels.get(key) != value for key, value in (selector.get("matchLabels") or {}).items()):
        return False
    for rule in selector.get("matchExpressions") or []:
        value, values = labels.get(rule.get("key")), rule.get("values") or []
        holds = {
            "In": value in values,
            "NotIn": value not in values,
            "Exists": value is not None,
            "DoesNotExist": value is None,
        }
        if not holds.get(rule.get("operator"), False):
            return False
    return True


def selector_text(selector: Any) -> str:
    """Return a LabelSelector in the form that list requests take."""
    selector = selector or {}
    parts = [f"{key}={value}" for key, value in sorted((selector.get("matchLabels") or {}).items())]
    for rule in selector.get("matchExpressions") or []:
        key, values = rule["key"], ",".join(rule.get("values") or [])
        forms = {"In": f"{key} in ({values})", "NotIn": f"{key} notin ({values})", "Exists": key}
        parts.append(forms.get(rule["operator"], f"!{key}"))
    return ",".join(parts)


def is_ready(pod: Obj) -> bool:
    """Return whether a pod is ready and stays: one that is being deleted does not count."""
    if pod["metadata"].get("deletionTimestamp"):
        return False
    conditions = (pod.get("status") or {}).get("conditions") or []
    return any(condition.get("type") == "Ready" and condition.get("status") == "True" for condition in conditions)


async def look_around(cluster: ClusterAPI, target: ObjectRef, labels: dict[str, str]) -> Surroundings:
    """Read, at the same time, what selects pods with `labels` or scales `target`."""
    services, budgets, autoscalers, ingresses = await asyncio.gather(
        list_or_none(cluster, "Service", target.namespace),
        list_or_none(cluster, "PodDisruptionBudget", target.namespace),
        list_or_none(cluster, "HorizontalPodAutoscaler", target.namespace),
        list_or_none(cluster, "Ingress", target.namespace),
    )
    if services is not None:
        services = [
            service
            for service in services
            if (wanted := (service.get("spec") or {}).get("selector")) and selects({"matchLabels": wanted}, labels)
        ]
    if budgets is not None:
        budgets = [budget for budget in budgets if selects((budget.get("spec") or {}).get("selector"), labels)]
    if autoscalers is not None:
        autoscalers = [autoscaler for autoscaler in autoscalers if scales(autoscaler, target)]
    if ingresses is not None:
        fronts = {name_of(service) for service in services or []}
        ingresses = [ingress for ingress in ingresses if backends(ingress) & fronts]
    return Surroundings(services, budgets, autoscalers, ingresses)


def scales(autoscaler: Obj, target: ObjectRef) -> bool:
    reference = (autoscaler.get("spec") or {}).get("scaleTargetRef") or {}
    return (reference.get("kind"), reference.get("name")) == (target.kind, target.name)


def backends(ingress: Obj) -> set[str]:
    """Return the names of the Services that an Ingress leads to."""
    spec = ingress.get("spec") or {}
    found = [spec.get("defaultBackend") or {}]
    for rule in spec.get("rules") or []:
        found += [path.get("backend") or {} for path in (rule.get("http") or {}).get("paths") or []]
    return {str(backend["service"].get("name")) for backend in found if backend.get("service")}


def describe(around: Surroundings) -> str:
    """Return `around` in one line; what is not there is not mentioned."""
    parts = [_listed("in front", "Service", around.services), _listed("in front", "Ingress", around.ingresses)]
    if around.autoscalers:
        bounds = around.autoscalers[0].get("spec") or {}
        parts.append(
            f"HorizontalPodAutoscaler {name_of(around.autoscalers[0])} scales it between"
            f" {bounds.get('minReplicas', 1)} and {bounds.get('maxReplicas')}"
        )
    else:
        parts.append(_listed("", "HorizontalPodAutoscaler", around.autoscalers))
    if around.budgets:
        parts += [
            f"PodDisruptionBudget {name_of(budget)} allows {(budget.get('status') or {}).get('disruptionsAllowed', 0)}"
            " disruptions"
            for budget in around.budgets
        ]
    else:
        parts.append(_listed("", "PodDisruptionBudget", around.budgets))
    return "; ".join(part for part in parts if part)


def _listed(where: str, kind: str, objects: list[Obj] | None) -> str:
    if objects is None:
        return f"{kind}: unknown, it could not be read"
    if not objects:
        return ""
    return f"{kind}{' ' + where if where else ''}: {', '.join(name_of(obj) for obj in objects)}"


def namespace_warnings(namespace: str | None) -> tuple[str, ...]:
    if namespace and (namespace.startswith("kube-") or namespace in {"istio-system", "cert-manager"}):
        return (f"{namespace} is a system namespace: what runs here may serve the whole cluster.",)
    return ()
