"""The columns of `kubectl get`, by kind: name, type, how to read the cell, and whether only `-o wide` shows it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from sandbox.kubernetes.objects import Obj, parse_time
from sandbox.kubernetes.selectors import selector_text

NONE = "<none>"


@dataclass(frozen=True, slots=True)
class Column:
    name: str
    read: Callable[[Obj], Any]
    type: str = "string"
    wide: bool = False


def at(obj: Obj, path: str, default: Any = NONE) -> Any:
    """Return the value at a dotted path; absent and empty values show as the default."""
    value: Any = obj
    for step in path.split("."):
        value = value.get(step) if isinstance(value, dict) else None
    return default if value is None or value == "" else value


def field(name: str, path: str, default: Any = NONE, *, wide: bool = False) -> Column:
    return Column(name, lambda obj: at(obj, path, default), wide=wide)


def number(name: str, path: str) -> Column:
    return Column(name, lambda obj: at(obj, path, 0), "integer")


def duration(seconds: float) -> str:
    """Return a duration the way kubectl shortens it: 45s, 3m12s, 5h, 2d4h."""
    total = max(0, int(seconds))
    if total < 120:
        return f"{total}s"
    minutes, hours, days = total // 60, total // 3600, total // 86400
    if minutes < 10:
        return f"{minutes}m{total % 60}s" if total % 60 else f"{minutes}m"
    if minutes < 180:
        return f"{minutes}m"
    if hours < 8:
        return f"{hours}h{minutes % 60}m" if minutes % 60 else f"{hours}h"
    if hours < 48:
        return f"{hours}h"
    return f"{days}d{hours % 24}h" if days < 8 and hours % 24 else f"{days}d"


def since(text: str | None) -> str:
    if not text:
        return "<unknown>"
    return duration((datetime.now(UTC) - parse_time(text)).total_seconds())


NAME = Column("Name", lambda obj: obj["metadata"]["name"])
AGE = Column("Age", lambda obj: since(obj["metadata"].get("creationTimestamp")))


def _pod_containers(pod: Obj) -> list[Obj]:
    return list(pod.get("status", {}).get("containerStatuses") or ())


def _pod_ready(pod: Obj) -> str:
    statuses = _pod_containers(pod)
    return f"{sum(bool(s['ready']) for s in statuses)}/{len(pod['spec']['containers'])}"


def pod_state(pod: Obj) -> str:
    """Return the STATUS column: the most telling reason, as kubectl's printer chooses it."""
    if "deletionTimestamp" in pod["metadata"]:
        return "Terminating"
    status = pod.get("status", {})
    shown = str(status.get("reason") or status.get("phase", "Unknown"))
    init = status.get("initContainerStatuses") or ()
    for index, container in enumerate(init):
        ended = container["state"].get("terminated")
        if ended is not None and ended["exitCode"] == 0:
            continue
        if ended is not None:
            return f"Init:{ended.get('reason') or ended['exitCode']}"
        reason = container["state"].get("waiting", {}).get("reason")
        return f"Init:{reason}" if reason not in (None, "PodInitializing") else f"Init:{index}/{len(init)}"
    for container in _pod_containers(pod):
        state = container["state"]
        if state.get("waiting", {}).get("reason"):
            return str(state["waiting"]["reason"])
        if "terminated" in state:
            shown = str(state["terminated"].get("reason") or f"ExitCode:{state['terminated']['exitCode']}")
    return shown


def _pod_restarts(pod: Obj) -> str:
    statuses = _pod_containers(pod)
    total = sum(s["restartCount"] for s in statuses)
    ends = [s["lastState"]["terminated"]["finishedAt"] for s in statuses if "terminated" in s.get("lastState", {})]
    return f"{total} ({since(max(ends))} ago)" if total and ends else str(total)


def _images(obj: Obj) -> str:
    return ",".join(c["image"] for c in obj["spec"]["template"]["spec"]["containers"])


def _names(obj: Obj) -> str:
    return ",".join(c["name"] for c in obj["spec"]["template"]["spec"]["containers"])


_TEMPLATE = (
    Column("Containers", _names, wide=True),
    Column("Images", _images, wide=True),
    Column("Selector", lambda obj: selector_text(obj["spec"].get("selector")) or NONE, wide=True),
)


def _replicas_ready(obj: Obj) -> str:
    return f"{at(obj, 'status.readyReplicas', 0)}/{at(obj, 'spec.replicas', 0)}"


def _ports(service: Obj) -> str:
    ports = service["spec"].get("ports") or ()
    shown = (f"{p['port']}{':' + str(p['nodePort']) if 'nodePort' in p else ''}/{p['protocol']}" for p in ports)
    return ",".join(shown) or NONE


def _map_text(path: str) -> Callable[[Obj], str]:
    return lambda obj: ",".join(f"{k}={v}" for k, v in sorted(at(obj, path, {}).items())) or NONE


def _endpoints(obj: Obj) -> str:
    shown = [
        f"{a['ip']}:{p['port']}"
        for subset in obj.get("subsets") or ()
        for a in subset.get("addresses") or ()
        for p in subset.get("ports") or ()
    ]
    more = f" + {len(shown) - 3} more..." if len(shown) > 3 else ""
    return (",".join(shown[:3]) + more) or NONE


def _node_state(node: Obj) -> str:
    ready = next((c["status"] for c in at(node, "status.conditions", []) if c["type"] == "Ready"), "Unknown")
    shown = {"True": "Ready", "False": "NotReady"}.get(ready, "NotReady")
    return shown + (",SchedulingDisabled" if node["spec"].get("unschedulable") else "")


def _roles(node: Obj) -> str:
    prefix = "node-role.kubernetes.io/"
    found = [key.removeprefix(prefix) for key in at(node, "metadata.labels", {}) if key.startswith(prefix)]
    return ",".join(sorted(found)) or NONE


def _address(node: Obj) -> str:
    return next((a["address"] for a in at(node, "status.addresses", []) if a["type"] == "InternalIP"), NONE)


def _event_object(event: Obj) -> str:
    involved = event.get("involvedObject", {})
    return f"{involved.get('kind', '').lower()}/{involved.get('name', '')}"


def _autoscaler_targets(obj: Obj) -> str:
    current = at(obj, "status.currentMetrics", [])
    shown = []
    for index, metric in enumerate(obj["spec"].get("metrics") or ()):
        resource = metric.get("resource", {})
        goal = resource.get("target", {}).get("averageUtilization", "?")
        seen = current[index].get("resource", {}).get("current", {}) if index < len(current) else {}
        value = f"{seen['averageUtilization']}%" if "averageUtilization" in seen else "<unknown>"
        shown.append(f"{resource.get('name', 'metric')}: {value}/{goal}%")
    return ", ".join(shown) or NONE


def _job_state(job: Obj) -> str:
    true = {c["type"] for c in at(job, "status.conditions", []) if c["status"] == "True"}
    return next((name for name in ("Complete", "Failed", "Suspended") if name in true), "Running")


def _quota(part: str) -> Callable[[Obj], str]:
    def read(quota: Obj) -> str:
        hard, used = at(quota, "status.hard", {}), at(quota, "status.used", {})
        chosen = [name for name in sorted(hard) if name.startswith("limits.") is (part == "limits")]
        return ", ".join(f"{name}: {used.get(name, '0')}/{hard[name]}" for name in chosen)

    return read


def _role(obj: Obj) -> str:
    return f"{obj['roleRef']['kind']}/{obj['roleRef']['name']}"


def _count(path: str) -> Column:
    return Column("Data" if path == "data" else path.title(), lambda obj: len(obj.get(path) or ()), "integer")


COLUMNS: Mapping[str, tuple[Column, ...]] = {
    "Pod": (
        NAME,
        Column("Ready", _pod_ready),
        Column("Status", pod_state),
        Column("Restarts", _pod_restarts),
        AGE,
        field("IP", "status.podIP", wide=True),
        field("Node", "spec.nodeName", wide=True),
        field("Nominated Node", "status.nominatedNodeName", wide=True),
        Column("Readiness Gates", lambda _: NONE, wide=True),
    ),
    "Deployment": (
        NAME,
        Column("Ready", _replicas_ready),
        number("Up-to-date", "status.updatedReplicas"),
        number("Available", "status.availableReplicas"),
        AGE,
        *_TEMPLATE,
    ),
    "ReplicaSet": (
        NAME,
        number("Desired", "spec.replicas"),
        number("Current", "status.replicas"),
        number("Ready", "status.readyReplicas"),
        AGE,
        *_TEMPLATE,
    ),
    "StatefulSet": (NAME, Column("Ready", _replicas_ready), AGE, *_TEMPLATE[:2]),
    "DaemonSet": (
        NAME,
        number("Desired", "status.desiredNumberScheduled"),
        number("Current", "status.currentNumberScheduled"),
        number("Ready", "status.numberReady"),
        number("Up-to-date", "status.updatedNumberScheduled"),
        number("Available", "status.numberAvailable"),
        Column("Node Selector", _map_text("spec.template.spec.nodeSelector")),
        AGE,
        *_TEMPLATE,
    ),
    "Job": (
        NAME,
        Column("Status", _job_state),
        Column("Completions", lambda o: f"{at(o, 'status.succeeded', 0)}/{at(o, 'spec.completions', 1)}"),
        Column("Duration", lambda o: since(at(o, "status.startTime", None)) if "startTime" in o["status"] else ""),
        AGE,
    ),
    "CronJob": (
        NAME,
        field("Schedule", "spec.schedule"),
        field("Timezone", "spec.timeZone"),
        Column("Suspend", lambda o: str(bool(o["spec"].get("suspend")))),
        Column("Active", lambda o: len(at(o, "status.active", [])), "integer"),
        Column(
            "Last Schedule",
            lambda o: since(o["status"]["lastScheduleTime"]) if o["status"].get("lastScheduleTime") else NONE,
        ),
        AGE,
    ),
    "Service": (
        NAME,
        field("Type", "spec.type"),
        field("Cluster-IP", "spec.clusterIP"),
        Column("External-IP", lambda o: "<pending>" if at(o, "spec.type") == "LoadBalancer" else NONE),
        Column("Port(s)", _ports),
        AGE,
        Column("Selector", _map_text("spec.selector"), wide=True),
    ),
    "Endpoints": (NAME, Column("Endpoints", _endpoints), AGE),
    "EndpointSlice": (
        NAME,
        field("AddressType", "addressType"),
        Column("Ports", lambda o: ",".join(str(p["port"]) for p in o.get("ports") or ()) or "<unset>"),
        Column(
            "Endpoints", lambda o: ",".join(a for e in o.get("endpoints") or () for a in e["addresses"]) or "<unset>"
        ),
        AGE,
    ),
    "ConfigMap": (NAME, _count("data"), AGE),
    "Secret": (NAME, field("Type", "type"), _count("data"), AGE),
    "Namespace": (NAME, field("Status", "status.phase"), AGE),
    "Node": (
        NAME,
        Column("Status", _node_state),
        Column("Roles", _roles),
        AGE,
        field("Version", "status.nodeInfo.kubeletVersion"),
        Column("Internal-IP", _address, wide=True),
        Column("External-IP", lambda _: NONE, wide=True),
        field("OS-Image", "status.nodeInfo.osImage", wide=True),
        field("Kernel-Version", "status.nodeInfo.kernelVersion", wide=True),
        field("Container-Runtime", "status.nodeInfo.containerRuntimeVersion", wide=True),
    ),
    "Event": (
        Column("Last Seen", lambda o: since(o.get("lastTimestamp") or o.get("eventTime"))),
        field("Type", "type"),
        field("Reason", "reason"),
        Column("Object", _event_object),
        field("Subobject", "involvedObject.fieldPath", "", wide=True),
        Column("Source", lambda o: at(o, "source.component", ""), wide=True),
        field("Message", "message", ""),
        Column("First Seen", lambda o: since(o.get("firstTimestamp")), wide=True),
        Column("Count", lambda o: o.get("count", 1), "integer", wide=True),
        Column("Name", lambda o: o["metadata"]["name"], wide=True),
    ),
    "PersistentVolumeClaim": (
        NAME,
        field("Status", "status.phase"),
        field("Volume", "spec.volumeName", ""),
        field("Capacity", "status.capacity.storage", ""),
        Column("Access Modes", lambda o: ",".join(at(o, "status.accessModes", []))),
        field("StorageClass", "spec.storageClassName", ""),
        AGE,
    ),
    "PersistentVolume": (
        NAME,
        field("Capacity", "spec.capacity.storage"),
        field("Reclaim Policy", "spec.persistentVolumeReclaimPolicy"),
        field("Status", "status.phase"),
        field("Claim", "spec.claimRef.name", ""),
        field("StorageClass", "spec.storageClassName", ""),
        AGE,
    ),
    "StorageClass": (
        NAME,
        field("Provisioner", "provisioner"),
        field("ReclaimPolicy", "reclaimPolicy"),
        field("VolumeBindingMode", "volumeBindingMode"),
        AGE,
    ),
    "HorizontalPodAutoscaler": (
        NAME,
        Column("Reference", lambda o: f"{at(o, 'spec.scaleTargetRef.kind')}/{at(o, 'spec.scaleTargetRef.name')}"),
        Column("Targets", _autoscaler_targets),
        field("MinPods", "spec.minReplicas"),
        number("MaxPods", "spec.maxReplicas"),
        number("Replicas", "status.currentReplicas"),
        AGE,
    ),
    "PodDisruptionBudget": (
        NAME,
        field("Min Available", "spec.minAvailable", "N/A"),
        field("Max Unavailable", "spec.maxUnavailable", "N/A"),
        number("Allowed Disruptions", "status.disruptionsAllowed"),
        AGE,
    ),
    "Ingress": (
        NAME,
        field("Class", "spec.ingressClassName"),
        Column("Hosts", lambda o: ",".join(r.get("host", "*") for r in at(o, "spec.rules", [])) or "*"),
        Column("Address", lambda _: ""),
        Column("Ports", lambda o: "80, 443" if at(o, "spec.tls", []) else "80"),
        AGE,
    ),
    "NetworkPolicy": (
        NAME,
        Column("Pod-Selector", lambda o: selector_text(o["spec"].get("podSelector")) or NONE),
        AGE,
    ),
    "ServiceAccount": (NAME, Column("Secrets", lambda o: len(o.get("secrets") or ()), "integer"), AGE),
    "RoleBinding": (NAME, Column("Role", _role), AGE),
    "ClusterRoleBinding": (NAME, Column("Role", _role), AGE),
    "ResourceQuota": (NAME, Column("Request", _quota("requests")), Column("Limit", _quota("limits")), AGE),
    "PriorityClass": (NAME, number("Value", "value"), AGE),
    "Lease": (NAME, field("Holder", "spec.holderIdentity", ""), AGE),
}
