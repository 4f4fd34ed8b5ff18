"""DaemonSets: one pod on every node that takes it."""

from collections.abc import Iterable

from sandbox.kubernetes.cluster import Cluster
from sandbox.kubernetes.controllers.recorder import Recorder
from sandbox.kubernetes.controllers.replica_sets import pod_of_template
from sandbox.kubernetes.controllers.revisions import keep_revision
from sandbox.kubernetes.controllers.runner import live, owner_keys, self_key
from sandbox.kubernetes.controllers.scheduler import affine, untolerated
from sandbox.kubernetes.errors import StatusError
from sandbox.kubernetes.kinds import kind_named
from sandbox.kubernetes.objects import Obj, is_finished, is_ready, template_hash
from sandbox.kubernetes.store import Change, Key

_COMPONENT = "daemonset-controller"
_REVISION = "controller-revision-hash"
_TARGET = "metadata.name"
_RETRY_SECONDS = 10.0
_TOLERATED = ("not-ready", "unreachable", "disk-pressure", "memory-pressure", "pid-pressure", "unschedulable")


class DaemonSetController:
    """Creates a pod pinned to each eligible node, replaces outdated ones one at a time."""

    kinds = frozenset({"DaemonSet", "Pod", "Node"})

    def __init__(self, cluster: Cluster, recorder: Recorder, speed: float) -> None:
        self.cluster = cluster
        self.recorder = recorder
        self.speed = speed

    def keys(self, change: Change) -> Iterable[Key]:
        if change.kind == "Node":
            found = self.cluster.store.list_of("DaemonSet")
            return [(d["metadata"]["namespace"], d["metadata"]["name"]) for d in found]
        return self_key(change) if change.kind == "DaemonSet" else owner_keys(change, "DaemonSet")

    def reconcile(self, key: Key) -> float | None:
        owner = self.cluster.store.get("DaemonSet", *key)
        if owner is None or not live(owner):
            return None
        revision = template_hash(owner["spec"]["template"])
        keep_revision(self.cluster, owner, f"{key[1]}-{revision}")
        pods = [pod for pod in self.cluster.store.owned_by(owner["metadata"]["uid"], "Pod") if live(pod)]
        by_node = {_node_of(pod): pod for pod in pods}
        wanted = {n["metadata"]["name"] for n in self.cluster.store.list_of("Node") if _eligible(owner, n)}
        again = None
        for name in sorted(wanted - by_node.keys()):
            if not self._create(owner, name, revision):
                again = _RETRY_SECONDS / self.speed
        for name, pod in by_node.items():
            if name not in wanted or is_finished(pod):
                self._delete(owner, pod)
        if all(is_ready(pod) for pod in pods):
            outdated = [pod for pod in pods if _revision(pod) != revision]
            if outdated and (owner["spec"].get("updateStrategy") or {}).get("type") != "OnDelete":
                self._delete(owner, outdated[0])
        self._report(owner, wanted, revision)
        return again

    def _create(self, owner: Obj, node: str, revision: str) -> bool:
        prefix = f"{owner['metadata']['name']}-"
        body = pod_of_template(owner["spec"]["template"], prefix, owner, "apps/v1", "DaemonSet")
        body["metadata"].setdefault("labels", {})[_REVISION] = revision
        field = {"key": _TARGET, "operator": "In", "values": [node]}
        required = {"nodeSelectorTerms": [{"matchFields": [field]}]}
        body["spec"]["affinity"] = {
            **(body["spec"].get("affinity") or {}),
            "nodeAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": required},
        }
        tolerations = body["spec"].setdefault("tolerations", [])
        tolerations.extend({"key": f"node.kubernetes.io/{key}", "operator": "Exists"} for key in _TOLERATED)
        try:
            pod = self.cluster.create(kind_named("Pod"), owner["metadata"]["namespace"], body)
        except StatusError as error:
            message = f"Error creating: {error.message}"
            self.recorder.record(owner, "FailedCreate", message, component=_COMPONENT, kind="Warning")
            return False
        message = f"Created pod: {pod['metadata']['name']}"
        self.recorder.record(owner, "SuccessfulCreate", message, component=_COMPONENT)
        return True

    def _delete(self, owner: Obj, pod: Obj) -> None:
        self.cluster.delete(kind_named("Pod"), pod["metadata"]["namespace"], pod["metadata"]["name"])
        message = f"Deleted pod: {pod['metadata']['name']}"
        self.recorder.record(owner, "SuccessfulDelete", message, component=_COMPONENT)

    def _report(self, owner: Obj, wanted: set[str], revision: str) -> None:
        pods = [pod for pod in self.cluster.store.owned_by(owner["metadata"]["uid"], "Pod") if live(pod)]
        placed = {_node_of(pod) for pod in pods if pod["spec"].get("nodeName")}
        ready = sum(is_ready(pod) for pod in pods)
        status: Obj = {
            "observedGeneration": owner["metadata"].get("generation", 1),
            "desiredNumberScheduled": len(wanted),
            "currentNumberScheduled": len(placed & wanted),
            "numberMisscheduled": len(placed - wanted),
            "numberReady": ready,
        }
        counts = {
            "numberAvailable": ready,
            "numberUnavailable": len(wanted) - ready,
            "updatedNumberScheduled": sum(_revision(pod) == revision for pod in pods),
        }
        status.update({name: count for name, count in counts.items() if count})
        self.cluster.set_status("DaemonSet", owner, status)


def _eligible(owner: Obj, node: Obj) -> bool:
    spec = owner["spec"]["template"]["spec"]
    return affine(spec, node) and not untolerated(spec, node)


def _node_of(pod: Obj) -> str:
    if pod["spec"].get("nodeName"):
        return str(pod["spec"]["nodeName"])
    terms = pod["spec"]["affinity"]["nodeAffinity"]["requiredDuringSchedulingIgnoredDuringExecution"]
    return str(terms["nodeSelectorTerms"][0]["matchFields"][0]["values"][0])


def _revision(pod: Obj) -> str:
    return str((pod["metadata"].get("labels") or {}).get(_REVISION, ""))
