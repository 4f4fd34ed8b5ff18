"""Clusters of any size to be judged: services that call each other, some ill in several ways, loud old events."""

from typing import Any

from integrations.kubernetes.snapshot import Snapshot, SnapshotBuilder, parse_time

Object = dict[str, Any]
_NOW = "2026-05-04T03:20:00Z"
_REPLICAS = 5
_PER_NAMESPACE = 100
_SERVICES = _PER_NAMESPACE // _REPLICAS
_ILL_EVERY = 12


def build(pods: int, events: int) -> Snapshot:
    """Return a snapshot of so many pods and events: a namespace for each hundred pods, one service in twelve ill."""
    builder = SnapshotBuilder(parse_time(_NOW))  # type: ignore[arg-type]
    builder.add(_node(number) for number in range(max(3, pods // 60)))
    names: list[tuple[str, str]] = []
    for number in range(pods // _REPLICAS):
        namespace = f"team-{number // _SERVICES:03}"
        names += _service(builder, namespace, number, max(3, pods // 60))
    builder.add(_event(number, *names[number % len(names)]) for number in range(events))
    builder.add_source("Pods", "ok")
    return builder.build()


def _meta(name: str, namespace: str = "", **more: Any) -> Object:
    place = {"namespace": namespace} if namespace else {}
    return {
        "name": name,
        **place,
        "uid": f"uid-{namespace}-{name}",
        "creationTimestamp": "2026-04-01T00:00:00Z",
        **more,
    }


def _node(number: int) -> Object:
    ready = {"type": "Ready", "status": "True", "reason": "KubeletReady"}
    size = {"cpu": "16", "memory": "64Gi", "pods": "110"}
    name = f"node-{number:04}"
    return {"apiVersion": "v1", "kind": "Node", "metadata": _meta(name, labels={"kubernetes.io/hostname": name}),
            "spec": {}, "status": {"allocatable": size, "capacity": size, "conditions": [ready]}}  # fmt: skip


def _service(builder: SnapshotBuilder, namespace: str, number: int, nodes: int) -> list[tuple[str, str]]:
    name, labels = f"svc-{number:05}", {"app": f"svc-{number:05}"}
    first = number // _SERVICES * _SERVICES
    peer = f"svc-{first + (number + 1 - first) % _SERVICES:05}"
    ill = number % _ILL_EVERY == 0
    env = [{"name": "PEER_URL", "value": f"http://{peer}:80"}, {"name": "MODE", "value": "fast"}]
    container = {"name": "main", "image": f"registry.example/{name}:1", "env": env, "ports": [{"containerPort": 8080}],
                 "resources": {"limits": {"memory": "256Mi"}}}  # fmt: skip
    template = {"metadata": {"labels": labels}, "spec": {"containers": [container]}}
    ready = 0 if ill else _REPLICAS
    deployment = {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": _meta(name, namespace),
                  "spec": {"replicas": _REPLICAS, "selector": {"matchLabels": labels}, "template": template},
                  "status": {"replicas": _REPLICAS, "readyReplicas": ready}}  # fmt: skip
    owner = {"kind": "Deployment", "name": name, "controller": True}
    revision = {"deployment.kubernetes.io/revision": "1"}
    replica_set = {"apiVersion": "apps/v1", "kind": "ReplicaSet",
                   "metadata": _meta(f"{name}-abc", namespace, ownerReferences=[owner], annotations=revision),
                   "spec": {"replicas": _REPLICAS, "template": template},
                   "status": {"replicas": _REPLICAS, "readyReplicas": ready}}  # fmt: skip
    service = {"apiVersion": "v1", "kind": "Service", "metadata": _meta(name, namespace),
               "spec": {"selector": labels, "ports": [{"port": 80, "targetPort": 8080}]}}  # fmt: skip
    builder.add([deployment, replica_set, service])
    made = []
    for index in range(_REPLICAS):
        pod = f"{name}-abc-{index}"
        place = f"node-{(number + index) % nodes:04}"
        builder.add([_pod(pod, namespace, f"{name}-abc", labels, container, place, ill=ill)])
        if index == 0:
            said = f"ERROR call to http://{peer}:80 timed out" if number % _ILL_EVERY == 1 else "INFO GET / 200 in 3 ms"
            lines = ["INFO started"] * 20 + ["KeyError: 'LEDGER_URL'" if ill else said] * 20
            builder.add_log((namespace, pod, "main", ill), lines)
        made.append((namespace, pod))
    return made


def _pod(name: str, namespace: str, owner: str, labels: Object, container: Object, node: str, *, ill: bool) -> Object:
    state: Object = {"running": {"startedAt": "2026-04-01T00:00:10Z"}}
    last: Object = {}
    if ill:
        state = {"waiting": {"reason": "CrashLoopBackOff", "message": "back-off 5m0s restarting failed container"}}
        last = {"terminated": {"exitCode": 1, "reason": "Error", "finishedAt": "2026-05-04T03:18:00Z"}}
    entry = {"name": "main", "ready": not ill, "restartCount": 9 if ill else 0, "state": state, "lastState": last}
    ready = {"type": "Ready", "status": "False" if ill else "True", "lastTransitionTime": "2026-05-04T03:10:00Z"}
    reference = {"kind": "ReplicaSet", "name": owner, "controller": True}
    return {"apiVersion": "v1", "kind": "Pod",
            "metadata": _meta(name, namespace, labels=labels, ownerReferences=[reference]),
            "spec": {"nodeName": node, "containers": [container], "restartPolicy": "Always"},
            "status": {"phase": "Running", "conditions": [ready], "containerStatuses": [entry]}}  # fmt: skip


def _event(number: int, namespace: str, pod: str) -> Object:
    reason, message = (
        ("Unhealthy", "Readiness probe failed: connection refused"),
        ("BackOff", "Back-off restarting failed container"),
        ("FailedScheduling", "0/3 nodes are available: 3 Insufficient cpu."),
    )[number % 3]
    return {"apiVersion": "v1", "kind": "Event", "metadata": _meta(f"event-{number}", namespace), "type": "Warning",
            "reason": reason, "message": message, "count": 3, "lastTimestamp": "2026-05-04T01:00:00Z",
            "involvedObject": {"kind": "Pod", "namespace": namespace, "name": pod}}  # fmt: skip
