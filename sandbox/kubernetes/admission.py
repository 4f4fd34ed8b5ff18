"""Admission after validation: LimitRange defaults, service accounts, priority, resource quotas."""

from collections.abc import Iterator
from typing import Any

from sandbox.kubernetes.errors import StatusError
from sandbox.kubernetes.kinds import Kind
from sandbox.kubernetes.objects import Obj, is_finished, quantity
from sandbox.kubernetes.store import Store

_TOKEN_PATH = "/var/run/secrets/kubernetes.io/serviceaccount"  # noqa: S105
_COMPUTE = ("cpu", "memory", "ephemeral-storage")
_COUNTED = {
    "Pod": ("pods", "count/pods"),
    "Service": ("services", "count/services"),
    "ConfigMap": ("configmaps", "count/configmaps"),
    "Secret": ("secrets", "count/secrets"),
    "PersistentVolumeClaim": ("persistentvolumeclaims", "count/persistentvolumeclaims"),
    "ReplicaSet": ("count/replicasets.apps",),
    "Deployment": ("count/deployments.apps",),
    "StatefulSet": ("count/statefulsets.apps",),
    "Job": ("count/jobs.batch",),
    "CronJob": ("count/cronjobs.batch",),
}
_DEFAULT_TOLERATIONS = [
    {"key": f"node.kubernetes.io/{key}", "operator": "Exists", "effect": "NoExecute", "tolerationSeconds": 300}
    for key in ("not-ready", "unreachable")
]


def admit(store: Store, kind: Kind, obj: Obj, before: Obj | None) -> None:
    """Fill in and check an object that is about to be stored. Raise StatusError 403 when it may not be."""
    namespace = obj["metadata"].get("namespace", "")
    if kind.name == "Pod" and before is None:
        _apply_limit_ranges(store, kind, namespace, obj)
        _use_service_account(store, kind, namespace, obj)
        tolerations = obj["spec"].setdefault("tolerations", [])
        tolerations.extend(dict(t) for t in _DEFAULT_TOLERATIONS if t["key"] not in {x.get("key") for x in tolerations})
        obj["spec"].setdefault("priority", 0)
        obj["spec"].setdefault("preemptionPolicy", "PreemptLowerPriority")
        obj["spec"].setdefault("enableServiceLinks", True)
    if kind.name == "PersistentVolumeClaim" and before is not None and _grows(before, obj):
        _check_expansion(store, kind, obj)
        _check_quotas(store, kind, namespace, obj, before)
    if before is None and kind.name in _COUNTED:
        _check_quotas(store, kind, namespace, obj)


def _grows(before: Obj, after: Obj) -> bool:
    storage = "requests.storage"
    return usage_of("PersistentVolumeClaim", after)[storage] > usage_of("PersistentVolumeClaim", before)[storage]


def _check_expansion(store: Store, kind: Kind, claim: Obj) -> None:
    found = store.get("StorageClass", "", claim["spec"].get("storageClassName") or "")
    if found is None or not found.get("allowVolumeExpansion"):
        why = (
            "only dynamically provisioned pvc can be resized and the storageclass that provisions the pvc must"
            " support resize"
        )
        raise StatusError.forbidden(kind, claim["metadata"]["name"], why)


def _apply_limit_ranges(store: Store, kind: Kind, namespace: str, pod: Obj) -> None:
    for limit_range in store.list_of("LimitRange", namespace):
        for limit in limit_range["spec"].get("limits") or ():
            if limit.get("type") != "Container":
                continue
            for container in (*pod["spec"].get("initContainers", ()), *pod["spec"]["containers"]):
                resources = container.setdefault("resources", {})
                for source, target in (("default", "limits"), ("defaultRequest", "requests")):
                    for name, value in (limit.get(source) or {}).items():
                        resources.setdefault(target, {}).setdefault(name, value)
                _check_limits(kind, pod, limit, resources)


def _check_limits(kind: Kind, pod: Obj, limit: Obj, resources: Obj) -> None:
    for name, most in (limit.get("max") or {}).items():
        stated = (resources.get("limits") or {}).get(name)
        if stated is not None and quantity(stated) > quantity(most):
            why = f"maximum {name} usage per Container is {most}, but limit is {stated}"
            raise StatusError.forbidden(kind, pod["metadata"]["name"], why)
    for name, least in (limit.get("min") or {}).items():
        stated = (resources.get("requests") or {}).get(name)
        if stated is not None and quantity(stated) < quantity(least):
            why = f"minimum {name} usage per Container is {least}, but request is {stated}"
            raise StatusError.forbidden(kind, pod["metadata"]["name"], why)


def _use_service_account(store: Store, kind: Kind, namespace: str, pod: Obj) -> None:
    spec = pod["spec"]
    account = spec.setdefault("serviceAccountName", "default")
    spec["serviceAccount"] = account
    if store.get("ServiceAccount", namespace, account) is None:
        why = f'error looking up service account {namespace}/{account}: serviceaccount "{account}" not found'
        raise StatusError.forbidden(kind, pod["metadata"]["name"], why)
    if spec.get("automountServiceAccountToken") is False:
        return
    volume = f"kube-api-access-{pod['metadata']['name'][-5:]}"
    sources = [
        {"serviceAccountToken": {"expirationSeconds": 3607, "path": "token"}},
        {"configMap": {"name": "kube-root-ca.crt", "items": [{"key": "ca.crt", "path": "ca.crt"}]}},
    ]
    spec.setdefault("volumes", []).append({"name": volume, "projected": {"sources": sources, "defaultMode": 420}})
    for container in (*spec.get("initContainers", ()), *spec["containers"]):
        mounts = container.setdefault("volumeMounts", [])
        mounts.append({"name": volume, "readOnly": True, "mountPath": _TOKEN_PATH})


def pod_usage(pod: Obj) -> dict[str, float]:
    """Return what a pod asks for in the names quotas use (requests.cpu, limits.memory), in cores and bytes."""
    total: dict[str, float] = {}
    for container in pod["spec"]["containers"]:
        resources: dict[str, Any] = container.get("resources") or {}
        for part in ("requests", "limits"):
            for name, value in (resources.get(part) or {}).items():
                total[f"{part}.{name}"] = total.get(f"{part}.{name}", 0) + quantity(value)
    for name in _COMPUTE:
        if f"requests.{name}" in total:
            total[name] = total[f"requests.{name}"]
    return total


def usage_of(kind_name: str, obj: Obj) -> dict[str, float]:
    """Return what one object counts for in a quota."""
    counted = dict.fromkeys(_COUNTED.get(kind_name, ()), 1.0)
    if kind_name == "Pod":
        counted.update(pod_usage(obj))
    elif kind_name == "PersistentVolumeClaim":
        asked = (obj["spec"].get("resources") or {}).get("requests") or {}
        counted["requests.storage"] = quantity(asked.get("storage", 0))
    elif kind_name == "Service":
        if obj["spec"].get("type") in ("NodePort", "LoadBalancer"):
            counted["services.nodeports"] = float(len(obj["spec"].get("ports") or ()))
        if obj["spec"].get("type") == "LoadBalancer":
            counted["services.loadbalancers"] = 1.0
    return counted


def namespace_usage(store: Store, namespace: str) -> Iterator[dict[str, float]]:
    """Yield what each live object of a namespace counts for."""
    for kind_name in _COUNTED:
        for obj in store.list_of(kind_name, namespace):
            if kind_name != "Pod" or not is_finished(obj):
                yield usage_of(kind_name, obj)


def used_amounts(store: Store, namespace: str, names: set[str]) -> dict[str, float]:
    totals = dict.fromkeys(names, 0.0)
    for usage in namespace_usage(store, namespace):
        for name in names & usage.keys():
            totals[name] += usage[name]
    return totals


def amount_text(name: str, value: float) -> str:
    """Return an amount as Kubernetes prints it: millicores for CPU, mebibytes for memory, a count otherwise."""
    if name.endswith("cpu"):
        return str(int(value)) if float(value).is_integer() else f"{round(value * 1000)}m"
    if name.endswith(("memory", "storage")):
        for suffix, size in (("Gi", 2**30), ("Mi", 2**20), ("Ki", 2**10)):
            if value >= size and value % size == 0:
                return f"{int(value // size)}{suffix}"
    return str(int(value))


def _check_quotas(store: Store, kind: Kind, namespace: str, obj: Obj, before: Obj | None = None) -> None:
    """Check what an object adds; of one that is there already (`before`) only what it asks for in addition."""
    counted = usage_of(kind.name, before) if before is not None else {}
    for quota in store.list_of("ResourceQuota", namespace):
        hard = {name: quantity(value) for name, value in (quota["spec"].get("hard") or {}).items()}
        usage = usage_of(kind.name, obj)
        asked = {name: value - counted.get(name, 0.0) for name, value in usage.items() if name in hard}
        quota_name = quota["metadata"]["name"]
        if kind.name == "Pod":
            _require_stated(kind, obj, quota_name, set(hard))
        if not asked:
            continue
        used = used_amounts(store, namespace, set(asked))
        over = sorted(name for name, value in asked.items() if used[name] + value > hard[name] + 1e-9)
        if over:
            requested = ",".join(f"{n}={amount_text(n, asked[n])}" for n in over)
            taken = ",".join(f"{n}={amount_text(n, used[n])}" for n in over)
            limited = ",".join(f"{n}={quota['spec']['hard'][n]}" for n in over)
            why = f"exceeded quota: {quota_name}, requested: {requested}, used: {taken}, limited: {limited}"
            raise StatusError.forbidden(kind, obj["metadata"]["name"], why)


def _require_stated(kind: Kind, pod: Obj, quota_name: str, hard: set[str]) -> None:
    missing: dict[str, list[str]] = {}
    for container in pod["spec"]["containers"]:
        resources = container.get("resources") or {}
        for name in hard:
            part, _, resource = name.rpartition(".")
            if resource not in _COMPUTE or part not in ("", "requests", "limits"):
                continue
            if resource not in (resources.get(part or "requests") or {}):
                missing.setdefault(name, []).append(container["name"])
    if missing:
        stated = "; ".join(f"{name} for: {','.join(missing[name])}" for name in sorted(missing))
        why = f"failed quota: {quota_name}: must specify {stated}"
        raise StatusError.forbidden(kind, pod["metadata"]["name"], why)
