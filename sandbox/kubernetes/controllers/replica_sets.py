"""ReplicaSets: as many pods as are asked for."""

from collections.abc import Iterable

from sandbox.kubernetes.cluster import Cluster
from sandbox.kubernetes.controllers.recorder import Recorder
from sandbox.kubernetes.controllers.runner import live, owner_keys, self_key
from sandbox.kubernetes.errors import StatusError
from sandbox.kubernetes.kinds import kind_named
from sandbox.kubernetes.objects import Obj, clone, is_finished, is_ready, owner_reference, set_condition
from sandbox.kubernetes.store import Change, Key

_COMPONENT = "replicaset-controller"
_BURST = 100
_RETRY_SECONDS = 10.0


class ReplicaSetController:
    """Creates and deletes pods until the count is right."""

    kinds = frozenset({"ReplicaSet", "Pod"})

    def __init__(self, cluster: Cluster, recorder: Recorder, speed: float) -> None:
        self.cluster = cluster
        self.recorder = recorder
        self.speed = speed

    def keys(self, change: Change) -> Iterable[Key]:
        return self_key(change) if change.kind == "ReplicaSet" else owner_keys(change, "ReplicaSet")

    def reconcile(self, key: Key) -> float | None:
        replica_set = self.cluster.store.get("ReplicaSet", *key)
        if replica_set is None or not live(replica_set):
            return None
        pods = self._pods(replica_set)
        missing = replica_set["spec"]["replicas"] - len(pods)
        failure: StatusError | None = None
        again: float | None = None
        if missing > 0:
            failure = self._create(replica_set, min(missing, _BURST))
            again = 0.0 if missing > _BURST else None
            if failure is not None:
                again = _RETRY_SECONDS / self.speed
        elif missing < 0:
            self._delete(replica_set, sorted(pods, key=_worth)[:-missing])
        self._report(replica_set, failure)
        return again

    def _pods(self, replica_set: Obj) -> list[Obj]:
        owned = self.cluster.store.owned_by(replica_set["metadata"]["uid"], "Pod")
        return [pod for pod in owned if live(pod) and not is_finished(pod)]

    def _create(self, replica_set: Obj, count: int) -> StatusError | None:
        namespace = replica_set["metadata"]["namespace"]
        template = replica_set["spec"]["template"]
        for _ in range(count):
            body = pod_of_template(
                template, f"{replica_set['metadata']['name']}-", replica_set, "apps/v1", "ReplicaSet"
            )
            try:
                pod = self.cluster.create(kind_named("Pod"), namespace, body)
            except StatusError as error:
                message = f"Error creating: {error.message}"
                self.recorder.record(replica_set, "FailedCreate", message, component=_COMPONENT, kind="Warning")
                return error
            message = f"Created pod: {pod['metadata']['name']}"
            self.recorder.record(replica_set, "SuccessfulCreate", message, component=_COMPONENT)
        return None

    def _delete(self, replica_set: Obj, pods: list[Obj]) -> None:
        for pod in pods:
            self.cluster.delete(kind_named("Pod"), pod["metadata"]["namespace"], pod["metadata"]["name"])
            message = f"Deleted pod: {pod['metadata']['name']}"
            self.recorder.record(replica_set, "SuccessfulDelete", message, component=_COMPONENT)

    def _report(self, replica_set: Obj, failure: StatusError | None) -> None:
        pods = self._pods(replica_set)
        ready = sum(is_ready(pod) for pod in pods)
        labels = replica_set["spec"]["template"]["metadata"].get("labels") or {}
        full = sum(labels.items() <= (pod["metadata"].get("labels") or {}).items() for pod in pods)
        status: Obj = {"replicas": len(pods), "observedGeneration": replica_set["metadata"].get("generation", 1)}
        for name, count in (("fullyLabeledReplicas", full), ("readyReplicas", ready), ("availableReplicas", ready)):
            if count:
                status[name] = count
        if failure is not None:
            status["conditions"] = clone(replica_set.get("status", {}).get("conditions") or [])
            set_condition(status, "ReplicaFailure", "True", "FailedCreate", failure.message)
        self.cluster.set_status("ReplicaSet", replica_set, status)


def pod_of_template(template: Obj, prefix: str, owner: Obj, api_version: str, kind: str) -> Obj:
    """Return a pod as a controller makes it from a template; its name is the prefix and five random letters."""
    metadata = clone(template.get("metadata") or {})
    metadata["generateName"] = prefix
    metadata["ownerReferences"] = [owner_reference(api_version, kind, owner)]
    return {"metadata": metadata, "spec": clone(template["spec"])}


def _worth(pod: Obj) -> tuple[bool, bool, bool, int]:
    """Pods worth the least come first: unscheduled, pending, not ready, then the youngest."""
    return (
        bool(pod["spec"].get("nodeName")),
        pod["status"].get("phase") == "Running",
        is_ready(pod),
        -int(pod["metadata"]["resourceVersion"]),
    )
