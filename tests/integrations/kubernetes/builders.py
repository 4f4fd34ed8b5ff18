"""Small objects of the API for tests: whole enough to be judged, short enough to be read."""

from copy import deepcopy
from datetime import UTC, datetime, timedelta
from typing import Any

from integrations.kubernetes.snapshot import Snapshot, SnapshotBuilder

Object = dict[str, Any]
NOW = datetime(2026, 5, 4, 3, 20, tzinfo=UTC)
NS = "shop"


def ago(seconds: float) -> str:
    return (NOW - timedelta(seconds=seconds)).isoformat().replace("+00:00", "Z")


def meta(name: str, *, owner: Object | None = None, **more: Any) -> Object:
    metadata: Object = {"name": name, "namespace": NS, "uid": f"uid-{name}", "creationTimestamp": ago(7200), **more}
    if owner is not None:
        reference = {"kind": owner["kind"], "name": owner["metadata"]["name"], "controller": True}
        metadata["ownerReferences"] = [reference]
    return metadata


def container(name: str = "main", image: str = "registry.example/team/web:1.0", **more: Any) -> Object:
    return {"name": name, "image": image, **more}


def template(*containers: Object, labels: dict[str, str] | None = None, **spec: Any) -> Object:
    labels = labels or {"app": "web"}
    return {"metadata": {"labels": labels}, "spec": {"containers": list(containers or (container(),)), **spec}}


def deployment(pod: Object, *, name: str = "web", replicas: int = 1, ready: int = 0, **status: Any) -> Object:
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": meta(name),
        "spec": {
            "replicas": replicas,
            "selector": {"matchLabels": dict(pod["metadata"]["labels"])},
            "template": deepcopy(pod),
        },
        "status": {"replicas": replicas, "readyReplicas": ready, **status},
    }


def replica_set(
    owner: Object, pod: Object, revision: int, *, replicas: int = 1, ready: int = 0, age: float = 7200, **status: Any
) -> Object:
    annotations = {"deployment.kubernetes.io/revision": str(revision)}
    metadata = meta(f"{owner['metadata']['name']}-r{revision}", owner=owner, annotations=annotations)
    metadata["creationTimestamp"] = ago(age)
    return {
        "apiVersion": "apps/v1",
        "kind": "ReplicaSet",
        "metadata": metadata,
        "spec": {"replicas": replicas, "template": deepcopy(pod)},
        "status": {"replicas": replicas, "readyReplicas": ready, **status},
    }


def pod(owner: Object, state: Object, *, suffix: str = "x1", ready: bool = False, **status: Any) -> Object:
    """A pod of one container; `state` is merged into its container status."""
    pattern = owner["spec"]["template"]
    first = pattern["spec"]["containers"][0]
    entry: Object = {"name": first["name"], "image": first["image"], "restartCount": 0, "ready": ready, **state}
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": meta(f"{owner['metadata']['name']}-{suffix}", owner=owner, labels=pattern["metadata"]["labels"]),
        "spec": {"nodeName": "node-1", "restartPolicy": "Always", **deepcopy(pattern["spec"])},
        "status": {
            "phase": "Running",
            "conditions": [{"type": "Ready", "status": "True" if ready else "False"}],
            "containerStatuses": [entry],
            **status,
        },
    }


def pending(owner: Object, message: str) -> Object:
    condition = {"type": "PodScheduled", "status": "False", "reason": "Unschedulable", "message": message}
    made = pod(owner, {}, phase="Pending", containerStatuses=[], conditions=[condition])
    del made["spec"]["nodeName"]
    return made


RUNNING: Object = {"state": {"running": {"startedAt": ago(7000)}}}


def crashed(exit_code: int = 1, reason: str = "Error", *, restarts: int = 6, message: str = "") -> Object:
    ended = {"exitCode": exit_code, "reason": reason, "startedAt": ago(62), "finishedAt": ago(60)}
    if message:
        ended["message"] = message
    waiting = {"reason": "CrashLoopBackOff", "message": "back-off 2m40s restarting failed container"}
    return {"state": {"waiting": waiting}, "lastState": {"terminated": ended}, "restartCount": restarts}


def waiting(reason: str, message: str = "") -> Object:
    return {"state": {"waiting": {"reason": reason, "message": message}}}


def event(about: Object, reason: str, message: str, *, age: float = 60, kind: str = "Warning") -> Object:
    name = about["metadata"]["name"]
    namespace = about["metadata"].get("namespace", "default")
    return {
        "apiVersion": "v1",
        "kind": "Event",
        "metadata": {"name": f"{name}.{reason.lower()}.{int(age)}", "namespace": namespace},
        "involvedObject": {"kind": about["kind"], "namespace": about["metadata"].get("namespace", ""), "name": name},
        "type": kind,
        "reason": reason,
        "message": message,
        "count": 7,
        "lastTimestamp": ago(age),
    }


def service(name: str = "web", selector: dict[str, str] | None = None, port: int = 80, **entry: Any) -> Object:
    ports = [{"name": "http", "port": port, "protocol": "TCP", **entry}]
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": meta(name),
        "spec": {"selector": selector if selector is not None else {"app": "web"}, "ports": ports},
    }


def config_map(name: str, **values: str) -> Object:
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": meta(name), "data": values}


def node(name: str = "node-1", *, labels: dict[str, str] | None = None, **spec: Any) -> Object:
    return {
        "apiVersion": "v1",
        "kind": "Node",
        "metadata": {"name": name, "labels": labels or {}},
        "spec": spec,
        "status": {
            "allocatable": {"cpu": "4", "memory": "16Gi"},
            "conditions": [{"type": "Ready", "status": "True"}],
        },
    }


def pod_metrics(of: Object, cpu: str, memory: str = "50Mi") -> Object:
    name = of["spec"]["containers"][0]["name"]
    return {
        "apiVersion": "metrics.k8s.io/v1beta1",
        "kind": "PodMetrics",
        "metadata": {"name": of["metadata"]["name"], "namespace": NS},
        "containers": [{"name": name, "usage": {"cpu": cpu, "memory": memory}}],
    }


def snapshot(*objects: Object, logs: dict[tuple[str, bool], str] | None = None) -> Snapshot:
    """Build a snapshot; `logs` are by (pod, previous) of the container `main`."""
    builder = SnapshotBuilder(NOW)
    builder.add(objects)
    for (name, previous), text in (logs or {}).items():
        builder.add_log((NS, name, "main", previous), text)
    builder.add_source("Pods", "ok")
    return builder.build()
