"""Objects for tests of actions that are not workloads: nodes, Jobs, CronJobs, claims, autoscalers."""

from typing import Any

Obj = dict[str, Any]
PROBE: Obj = {
    "httpGet": {"path": "/health", "port": 8081, "scheme": "HTTP"},
    "periodSeconds": 10,
    "timeoutSeconds": 1,
    "failureThreshold": 3,
}


def node(name: str = "worker-1", **spec: Any) -> Obj:
    return {
        "apiVersion": "v1",
        "kind": "Node",
        "metadata": {"name": name},
        "spec": spec,
        "status": {
            "allocatable": {"cpu": "4", "memory": "8Gi"},
            "conditions": [{"type": "Ready", "status": "True"}],
        },
    }


def cron_job(**spec: Any) -> Obj:
    return {
        "apiVersion": "batch/v1",
        "kind": "CronJob",
        "metadata": {"name": "report", "namespace": "shop"},
        "spec": {"schedule": "0 3 * * *", "suspend": False, "concurrencyPolicy": "Forbid", **spec},
        "status": {"lastScheduleTime": "2026-01-01T03:00:00Z"},
    }


def job(*, failed: bool = True, owner: str = "") -> Obj:
    """A Job as the server keeps it, with everything that ties its pods to it."""
    tied = {"batch.kubernetes.io/controller-uid": "u-1", "controller-uid": "u-1", "job-name": "import"}
    metadata: Obj = {"name": "import", "namespace": "shop", "labels": {"team": "data", **tied}}
    if owner:
        metadata["ownerReferences"] = [
            {"apiVersion": "batch/v1", "kind": "CronJob", "name": owner, "uid": "u-2", "controller": True}
        ]
    ended = {"type": "Failed", "reason": "BackoffLimitExceeded"} if failed else {"type": "Complete"}
    return {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": metadata,
        "spec": {
            "backoffLimit": 2,
            "completions": 1,
            "ttlSecondsAfterFinished": 5,
            "selector": {"matchLabels": {"batch.kubernetes.io/controller-uid": "u-1"}},
            "template": {
                "metadata": {"labels": {"app": "import", **tied}},
                "spec": {"restartPolicy": "Never", "containers": [{"name": "app", "image": "import:1"}]},
            },
        },
        "status": {"failed": 3, "conditions": [{**ended, "status": "True"}]},
    }


def claim(size: str = "1Gi", **changes: Any) -> Obj:
    return {
        "apiVersion": "v1",
        "kind": "PersistentVolumeClaim",
        "metadata": {"name": "data", "namespace": "shop", **changes.pop("metadata", {})},
        "spec": {
            "storageClassName": "standard",
            "volumeName": "pv-1",
            "resources": {"requests": {"storage": size}},
            **changes.pop("spec", {}),
        },
        "status": {"phase": "Bound", "capacity": {"storage": size}, **changes.pop("status", {})},
    }


def storage_class(*, grows: bool = True) -> Obj:
    return {"kind": "StorageClass", "metadata": {"name": "standard"}, "allowVolumeExpansion": grows}


def volume(policy: str = "Delete") -> Obj:
    spec = {"persistentVolumeReclaimPolicy": policy}
    return {"kind": "PersistentVolume", "metadata": {"name": "pv-1"}, "spec": spec}


def autoscaler(least: int = 2, most: int = 4, name: str = "web") -> Obj:
    spec = {
        "scaleTargetRef": {"kind": "Deployment", "name": name},
        "minReplicas": least,
        "maxReplicas": most,
    }
    return {"kind": "HorizontalPodAutoscaler", "metadata": {"name": name, "namespace": "shop"}, "spec": spec}


def mounting(pod: Obj, claim_name: str = "data") -> Obj:
    volumes = [{"name": "data", "persistentVolumeClaim": {"claimName": claim_name}}]
    return {**pod, "spec": {**pod["spec"], "volumes": volumes}}


def on_node(pod: Obj, name: str = "worker-1", **spec: Any) -> Obj:
    return {**pod, "spec": {**pod["spec"], "nodeName": name, **spec}}
