"""The status of a Deployment: counts of its ReplicaSets and the conditions people and tools read."""

from sandbox.kubernetes.objects import Obj, clone, condition, now_text, set_condition


def deployment_status(deployment: Obj, sets: list[Obj], newest: Obj | None, *, overdue: bool) -> Obj:
    """Return the status as it should read now; counts of zero are absent, as in the real API."""
    spec = deployment["spec"]
    status = {"conditions": clone(deployment.get("status", {}).get("conditions") or [])}
    counts = {
        "replicas": _total(sets, "replicas"),
        "updatedReplicas": newest["status"].get("replicas", 0) if newest else 0,
        "readyReplicas": _total(sets, "readyReplicas"),
        "availableReplicas": _total(sets, "availableReplicas"),
    }
    counts["unavailableReplicas"] = max(0, max(spec["replicas"], counts["replicas"]) - counts["availableReplicas"])
    result: Obj = {"observedGeneration": deployment["metadata"].get("generation", 1)}
    result.update({name: count for name, count in counts.items() if count})
    least = spec["replicas"] - _unavailable(spec)
    _available(status, counts["availableReplicas"] >= least)
    complete = counts["updatedReplicas"] == counts["availableReplicas"] == counts["replicas"] == spec["replicas"]
    _progressing(deployment, status, newest, complete=complete, overdue=overdue)
    _failure(status, newest)
    result["conditions"] = status["conditions"]
    return result


def _total(sets: list[Obj], field: str) -> int:
    return sum(s.get("status", {}).get(field, 0) for s in sets)


def _unavailable(spec: Obj) -> int:
    if spec["strategy"]["type"] == "Recreate":
        return 0
    value = (spec["strategy"].get("rollingUpdate") or {}).get("maxUnavailable", "25%")
    if isinstance(value, str) and value.endswith("%"):
        return spec["replicas"] * int(value[:-1]) // 100  # type: ignore[no-any-return]
    return int(value)


def _available(status: Obj, enough: bool) -> None:
    if enough:
        message = "Deployment has minimum availability."
        _set(status, "Available", "True", "MinimumReplicasAvailable", message)
    else:
        message = "Deployment does not have minimum availability."
        _set(status, "Available", "False", "MinimumReplicasUnavailable", message)


def _progressing(deployment: Obj, status: Obj, newest: Obj | None, *, complete: bool, overdue: bool) -> None:
    name = newest["metadata"]["name"] if newest else ""
    old = condition({"status": status}, "Progressing")
    if deployment["spec"].get("paused"):
        _set(status, "Progressing", "Unknown", "DeploymentPaused", "Deployment is paused")
    elif newest is None:
        return
    elif complete:
        message = f'ReplicaSet "{name}" has successfully progressed.'
        _set(status, "Progressing", "True", "NewReplicaSetAvailable", message)
    elif overdue:
        message = f'ReplicaSet "{name}" has timed out progressing.'
        _set(status, "Progressing", "False", "ProgressDeadlineExceeded", message)
    elif old is not None and old["reason"] == "NewReplicaSetAvailable" and f'"{name}"' in old["message"]:
        return  # A finished rollout that loses pods later stays finished.
    elif newest["status"].get("replicas") or old is not None:
        _set(status, "Progressing", "True", "ReplicaSetUpdated", f'ReplicaSet "{name}" is progressing.')
    else:
        _set(status, "Progressing", "True", "NewReplicaSetCreated", f'Created new replica set "{name}"')


def _failure(status: Obj, newest: Obj | None) -> None:
    failed = condition(newest, "ReplicaFailure") if newest else None
    if failed is not None:
        _set(status, "ReplicaFailure", "True", failed["reason"], failed["message"])
    else:
        status["conditions"] = [c for c in status["conditions"] if c["type"] != "ReplicaFailure"]


def _set(status: Obj, kind: str, value: str, reason: str, message: str) -> None:
    set_condition(status, kind, value, reason, message, lastUpdateTime=now_text())
