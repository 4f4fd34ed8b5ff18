"""The scheduler: finds a node with room, or says why there is none, in the words of the real one."""

from collections import Counter
from collections.abc import Iterable

from sandbox.kubernetes.cluster import Cluster, Write
from sandbox.kubernetes.controllers.recorder import Recorder
from sandbox.kubernetes.controllers.runner import live
from sandbox.kubernetes.objects import Obj, clone, is_finished, quantity, set_condition
from sandbox.kubernetes.selectors import selector_matches
from sandbox.kubernetes.store import Change, Key

_COMPONENT = "default-scheduler"
_WAKING = frozenset({"Node", "PersistentVolumeClaim"})
_OPERATORS = {"In", "NotIn", "Exists", "DoesNotExist"}


class Scheduler:
    """Binds pending pods. A pod that does not fit is tried again when a node, a claim or another pod changes."""

    kinds = frozenset({"Pod", "Node", "PersistentVolumeClaim"})

    def __init__(self, cluster: Cluster, recorder: Recorder) -> None:
        self.cluster = cluster
        self.recorder = recorder
        self._waiting: dict[Key, None] = {}
        self._requested: dict[str, dict[str, tuple[float, float]]] = {}

    def keys(self, change: Change) -> Iterable[Key]:
        if change.kind == "Pod":
            self._account(change)
            key = (change.namespace, change.name)
            if change.type == "DELETED":
                self._waiting.pop(key, None)
                return list(self._waiting)
            if change.after["spec"].get("nodeName"):
                self._waiting.pop(key, None)
                return list(self._waiting) if is_finished(change.after) else []
            return [key] if key not in self._waiting else []
        if change.kind == "Node" and change.before is not None and _same_node(change.before, change.after):
            return []
        return list(self._waiting)

    def reconcile(self, key: Key) -> float | None:
        pod = self.cluster.store.get("Pod", *key)
        if pod is None or not live(pod) or pod["spec"].get("nodeName") or is_finished(pod):
            self._waiting.pop(key, None)
            return None
        if pod["spec"].get("schedulerName") != _COMPONENT or pod["spec"].get("schedulingGates"):
            return None
        nodes = self.cluster.store.list_of("Node")
        reasons: Counter[str] = Counter()
        fitting = []
        claim_problem = self._claim_problem(pod)
        for node in nodes if not claim_problem else ():
            why = self._refusal(pod, node)
            if why:
                reasons[why] += 1
            else:
                fitting.append(node)
        if fitting:
            self.bind(pod, min(fitting, key=lambda node: (self._load(node), node["metadata"]["name"])))
            self._waiting.pop(key, None)
            return None
        self._waiting[key] = None
        message = claim_problem or _summary(len(nodes), reasons)
        self._mark(pod, f"0/{len(nodes)} nodes are available: {message}")
        return None

    def bind(self, pod: Obj, node: Obj) -> None:
        """Give a pod to a node."""
        name = node["metadata"]["name"]

        def assign(draft: Obj) -> None:
            draft["spec"]["nodeName"] = name
            draft["status"] = clone(pod["status"])
            set_condition(draft["status"], "PodScheduled", "True", lastProbeTime=None)

        bound = clone(pod)
        assign(bound)
        self.cluster.store.replace("Pod", bound)
        where = f"{pod['metadata']['namespace']}/{pod['metadata']['name']}"
        self.recorder.record(pod, "Scheduled", f"Successfully assigned {where} to {name}", component=_COMPONENT)

    def _mark(self, pod: Obj, message: str) -> None:
        status = clone(pod["status"])
        changed = set_condition(status, "PodScheduled", "False", "Unschedulable", message, lastProbeTime=None)
        if changed:
            self.cluster.set_status("Pod", pod, status, Write(manager="kube-scheduler", subresource="status"))
            self.recorder.record(pod, "FailedScheduling", message, component=_COMPONENT, kind="Warning")

    def _account(self, change: Change) -> None:
        """Keep the sum of requests per node by pod, so that placing a pod does not read all the others."""
        uid = change.after["metadata"]["uid"]
        node = change.after["spec"].get("nodeName")
        if not node:
            return
        if change.type == "DELETED" or is_finished(change.after):
            self._requested.get(node, {}).pop(uid, None)
        elif uid not in self._requested.setdefault(node, {}):
            self._requested[node][uid] = pod_requests(change.after)

    def _load(self, node: Obj) -> float:
        pods = self._requested.get(node["metadata"]["name"], {})
        cpu = sum(r[0] for r in pods.values()) / quantity(node["status"]["allocatable"]["cpu"])
        return cpu + len(pods) / quantity(node["status"]["allocatable"]["pods"])

    def _refusal(self, pod: Obj, node: Obj) -> str:
        """Why a pod cannot go to a node; empty when it can."""
        spec = pod["spec"]
        if node["spec"].get("unschedulable") and not _tolerates(
            spec, {"key": "node.kubernetes.io/unschedulable", "effect": "NoSchedule"}
        ):
            return "node(s) were unschedulable"
        taint = untolerated(spec, node)
        if taint is not None:
            shown = taint["key"] + (f": {taint['value']}" if taint.get("value") else ": ")
            return f"node(s) had untolerated taint {{{shown}}}"
        if not affine(spec, node):
            return "node(s) didn't match Pod's node affinity/selector"
        if self._repelled(pod, node):
            return "node(s) didn't match pod anti-affinity rules"
        return self._short_of(pod, node)

    def _short_of(self, pod: Obj, node: Obj) -> str:
        allocatable = node["status"]["allocatable"]
        taken = self._requested.get(node["metadata"]["name"], {})
        if len(taken) + 1 > quantity(allocatable["pods"]):
            return "Too many pods"
        cpu, memory = pod_requests(pod)
        if cpu and sum(r[0] for r in taken.values()) + cpu > quantity(allocatable["cpu"]) + 1e-9:
            return "Insufficient cpu"
        if memory and sum(r[1] for r in taken.values()) + memory > quantity(allocatable["memory"]):
            return "Insufficient memory"
        for container in pod["spec"]["containers"]:
            for name, value in ((container.get("resources") or {}).get("requests") or {}).items():
                extended = name not in ("cpu", "memory", "ephemeral-storage")
                if extended and quantity(value) > quantity(allocatable.get(name, 0)):
                    return f"Insufficient {name}"
        return ""

    def _repelled(self, pod: Obj, node: Obj) -> bool:
        rules = (pod["spec"].get("affinity") or {}).get("podAntiAffinity") or {}
        for term in rules.get("requiredDuringSchedulingIgnoredDuringExecution") or ():
            topology = (node["metadata"].get("labels") or {}).get(term["topologyKey"])
            for other in self.cluster.store.list_of("Pod", pod["metadata"]["namespace"]):
                where = other["spec"].get("nodeName")
                if not where or is_finished(other):
                    continue
                host = self.cluster.store.get("Node", "", where)
                same = host is not None and host["metadata"]["labels"].get(term["topologyKey"]) == topology
                if same and selector_matches(term.get("labelSelector"), other["metadata"].get("labels")):
                    return True
        return False

    def _claim_problem(self, pod: Obj) -> str:
        for volume in pod["spec"].get("volumes") or ():
            name = (volume.get("persistentVolumeClaim") or {}).get("claimName")
            if not name:
                continue
            claim = self.cluster.store.get("PersistentVolumeClaim", pod["metadata"]["namespace"], name)
            if claim is None:
                return f'persistentvolumeclaim "{name}" not found'
            if claim.get("status", {}).get("phase") != "Bound":
                return (
                    "pod has unbound immediate PersistentVolumeClaims. preemption: 0/3 nodes are available: "
                    "3 Preemption is not helpful for scheduling."
                ).replace("3", str(self._nodes()))
        return ""

    def _nodes(self) -> int:
        return len(self.cluster.store.list_of("Node"))


def pod_requests(pod: Obj) -> tuple[float, float]:
    """Return the cores and bytes a pod asks for."""
    cpu = memory = 0.0
    for container in pod["spec"]["containers"]:
        requests = (container.get("resources") or {}).get("requests") or {}
        cpu += quantity(requests.get("cpu", 0))
        memory += quantity(requests.get("memory", 0))
    return cpu, memory


def _summary(nodes: int, reasons: Counter[str]) -> str:
    listed = ", ".join(sorted(f"{count} {why}" for why, count in reasons.items()))
    helpless = sum(c for why, c in reasons.items() if not why.startswith(("Insufficient", "Too many")))
    parts = []
    if nodes - helpless:
        parts.append(f"{nodes - helpless} No preemption victims found for incoming pod")
    if helpless:
        parts.append(f"{helpless} Preemption is not helpful for scheduling")
    return f"{listed}. preemption: 0/{nodes} nodes are available: {', '.join(sorted(parts))}."


def _tolerates(spec: Obj, taint: Obj) -> bool:
    for toleration in spec.get("tolerations") or ():
        if toleration.get("effect") and toleration["effect"] != taint["effect"]:
            continue
        if not toleration.get("key") and toleration.get("operator") == "Exists":
            return True
        if toleration.get("key") != taint["key"]:
            continue
        if toleration.get("operator") == "Exists" or toleration.get("value", "") == taint.get("value", ""):
            return True
    return False


def untolerated(spec: Obj, node: Obj) -> Obj | None:
    """Return the first taint that keeps a pod off a node; the one of a cordon is not counted here."""
    for taint in node["spec"].get("taints") or ():
        cordoned = taint["key"] == "node.kubernetes.io/unschedulable"
        if not cordoned and taint["effect"] in ("NoSchedule", "NoExecute") and not _tolerates(spec, taint):
            return dict(taint)
    return None


def affine(spec: Obj, node: Obj) -> bool:
    labels = node["metadata"].get("labels") or {}
    if not (spec.get("nodeSelector") or {}).items() <= labels.items():
        return False
    affinity = (spec.get("affinity") or {}).get("nodeAffinity") or {}
    required = affinity.get("requiredDuringSchedulingIgnoredDuringExecution")
    if not required:
        return True
    return any(_term_matches(term, node, labels) for term in required.get("nodeSelectorTerms") or ())


def _term_matches(term: Obj, node: Obj, labels: dict[str, str]) -> bool:
    expressions = [e for e in term.get("matchExpressions") or () if e["operator"] in _OPERATORS]
    if not selector_matches({"matchExpressions": expressions}, labels):
        return False
    fields = {"metadata.name": node["metadata"]["name"]}
    return selector_matches({"matchExpressions": term.get("matchFields") or []}, fields)


def _same_node(before: Obj, after: Obj) -> bool:
    keys = ("spec", "status")
    same_labels = before["metadata"].get("labels") == after["metadata"].get("labels")
    return same_labels and all(before.get(key) == after.get(key) for key in keys)
