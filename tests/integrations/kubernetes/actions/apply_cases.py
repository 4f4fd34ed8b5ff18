"""Every action that changes something, with its undo, on one small shop."""

from typing import Any

from tests.integrations.kubernetes.actions.memory_cluster import MemoryCluster, config_map, deployment, pod, service
from tests.integrations.kubernetes.actions.shapes import (
    PROBE,
    autoscaler,
    claim,
    cron_job,
    job,
    node,
    storage_class,
    volume,
)
from tests.integrations.kubernetes.actions.test_preview import replica_set

CONTAINER = {
    "readinessProbe": PROBE,
    "ports": [{"name": "http", "containerPort": 8080}],
    "env": [
        {"name": "MODE", "value": "slow"},
        {"name": "REF", "valueFrom": {"fieldRef": {"fieldPath": "metadata.name"}}},
    ],
    "resources": {"requests": {"cpu": "100m", "memory": "64Mi"}, "limits": {"memory": "128Mi"}},
}

# action, params, target, and the parameters of its undo (None where there is none)
CASES: list[tuple[str, dict[str, Any], str, dict[str, Any] | None]] = [
    ("rollout_restart", {}, "Deployment/shop/web", None),
    ("rollback", {"to_revision": 1}, "Deployment/shop/web", {"to_revision": 2}),
    ("scale", {"replicas": 5}, "Deployment/shop/web", {"replicas": 2}),
    (
        "set_image",
        {"container": "app", "image": "nginx:1.27"},
        "Deployment/shop/web",
        {"container": "app", "image": "registry.example.com/web:1.0"},
    ),
    (
        "set_env",
        {"container": "app", "name": "MODE", "value": "fast"},
        "Deployment/shop/web",
        {"container": "app", "name": "MODE", "value": "slow"},
    ),
    (
        "set_env",
        {"container": "app", "name": "NEW", "value": "1"},
        "Deployment/shop/web",
        {"container": "app", "name": "NEW", "unset": True},
    ),
    ("set_env", {"container": "app", "name": "REF", "value": "1"}, "Deployment/shop/web", {"to_revision": 2}),
    (
        "set_resources",
        {
            "container": "app",
            "requests": {"memory": "96Mi", "ephemeral-storage": "1Gi"},
            "limits": {"memory": "256Mi"},
        },
        "Deployment/shop/web",
        {
            "container": "app",
            "requests": {"memory": "64Mi"},
            "limits": {"memory": "128Mi"},
            "remove": ["requests.ephemeral-storage"],
        },
    ),
    (
        "patch_service",
        {"selector": {"app": "web"}, "ports": [{"name": "http", "port": 8080, "target_port": "http"}]},
        "Service/shop/web",
        {
            "selector": {"app": "wbe"},
            "ports": [{"name": "http", "port": 80, "target_port": 80}],
            "restoring": True,
        },
    ),
    (
        "patch_configmap",
        {"key": "app.conf", "value": "x"},
        "ConfigMap/shop/web-config",
        {"key": "app.conf", "remove": True},
    ),
    ("delete_pod", {}, "Pod/shop/web-1", None),
    ("evict", {}, "Pod/shop/web-1", None),
    (
        "set_probe",
        {"container": "app", "probe": "readiness", "port": 8080, "timeout_seconds": 5, "initial_delay_seconds": 20},
        "Deployment/shop/web",
        {
            "container": "app",
            "probe": "readiness",
            "port": 8081,
            "timeout_seconds": 1,
            "initial_delay_seconds": 0,
        },
    ),
    (
        "set_probe",
        {"container": "app", "probe": "liveness", "port": "http", "path": "/live"},
        "Deployment/shop/web",
        {"container": "app", "probe": "liveness", "remove": True},
    ),
    (
        "set_probe",
        {"container": "app", "probe": "readiness", "remove": True},
        "Deployment/shop/web",
        {
            "container": "app",
            "probe": "readiness",
            "port": 8081,
            "path": "/health",
            "scheme": "HTTP",
            "period_seconds": 10,
            "timeout_seconds": 1,
            "failure_threshold": 3,
        },
    ),
    ("cordon", {}, "Node/worker-1", {}),
    ("uncordon", {}, "Node/worker-2", {}),
    ("drain", {}, "Node/worker-1", {}),
    ("suspend_cronjob", {}, "CronJob/shop/report", {}),
    ("hpa_bounds", {"max_replicas": 6}, "HorizontalPodAutoscaler/shop/api", {"max_replicas": 4}),
    ("expand_pvc", {"size": "2Gi"}, "PersistentVolumeClaim/shop/data", None),
    ("delete_pvc", {}, "PersistentVolumeClaim/shop/data", None),
    ("rerun_job", {}, "Job/shop/import", None),
    ("strip_finalizer", {"finalizer": "example.com/clean"}, "PersistentVolumeClaim/shop/stuck", None),
]
_REPLACING = {"delete_pod", "evict", "delete_pvc", "rerun_job"}
PATCHES = [case for case in CASES if case[0] not in _REPLACING]
WRITES = [case for case in CASES if case[0] not in {"rerun_job", "evict"}]
"""What tests the resourceVersion of the target: a version that moves concerns these."""


def shop() -> MemoryCluster:
    stuck = claim(metadata={"name": "stuck", "finalizers": ["example.com/clean", "example.com/keep"],
                            "deletionTimestamp": "2026-01-01T00:00:00Z"})  # fmt: skip
    cluster = MemoryCluster(
        deployment(container=CONTAINER),
        deployment("api"), service(), config_map(), node(), node("worker-2", unschedulable=True),
        cron_job(), job(), claim(), storage_class(), volume(), autoscaler(name="api"), stuck,
    )  # fmt: skip
    owner = replica_set(cluster, 1, available=1, replicas=1)
    cluster.add(pod("web-1", {"app": "web"}, owner=owner))
    return cluster
