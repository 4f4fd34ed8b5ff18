"""StatefulSets: pods with ordinals, one after the other."""

from collections.abc import Iterable

from sandbox.kubernetes.cluster import Cluster
from sandbox.kubernetes.controllers.recorder import Recorder
from sandbox.kubernetes.controllers.replica_sets import pod_of_template
from sandbox.kubernetes.controllers.revisions import keep_revision
from sandbox.kubernetes.controllers.runner import live, owner_keys, self_key
from sandbox.kubernetes.errors import StatusError
from sandbox.kubernetes.kinds import kind_named
from sandbox.kubernetes.objects import Obj, clone, is_finished, is_ready, template_hash
from sandbox.kubernetes.store import Change, Key

_COMPONENT = "statefulset-controller"
_REVISION = "controller-revision-hash"
_RETRY_SECONDS = 10.0


class StatefulSetController:
    """An ordinal is created, replaced or removed only when those before it are ready (OrderedReady)."""

    kinds = frozenset({"StatefulSet", "Pod"})

    def __init__(self, cluster: Cluster, recorder: Recorder, speed: float) -> None:
        self.cluster = cluster
        self.recorder = recorder
        self.speed = speed

    def keys(self, change: Change) -> Iterable[Key]:
        return self_key(change) if change.kind == "StatefulSet" else owner_keys(change, "StatefulSet")

    def reconcile(self, key: Key) -> float | None:
        owner = self.cluster.store.get("StatefulSet", *key)
        if owner is None or not live(owner):
            return None
        revision = f"{key[1]}-{template_hash(owner['spec']['template'])}"
        keep_revision(self.cluster, owner, revision)
        pods = {_ordinal(pod): pod for pod in self.cluster.store.owned_by(owner["metadata"]["uid"], "Pod")}
        again = self._step(owner, pods, revision)
        self._report(owner, revision)
        return again

    def _step(self, owner: Obj, pods: dict[int, Obj], revision: str) -> float | None:
        """Do the next thing that may be done, and only that unless management is parallel."""
        spec = owner["spec"]
        ordered = spec.get("podManagementPolicy") == "OrderedReady"
        for ordinal in range(spec["replicas"]):
            pod = pods.get(ordinal)
            if pod is not None and is_finished(pod) and live(pod):
                self._delete(owner, pod)
            if pod is None and not self._create(owner, ordinal, revision):
                return _RETRY_SECONDS / self.speed
            if ordered and (pod is None or not is_ready(pod) or not live(pod)):
                if pod is not None and live(pod) and not is_ready(pod) and _revision(pod) != revision:
                    self._delete(owner, pod)
                return None
        for ordinal in sorted((o for o in pods if o >= spec["replicas"]), reverse=True):
            if live(pods[ordinal]):
                self._delete(owner, pods[ordinal])
            if ordered:
                return None
        self._replace_one(owner, pods, revision)
        return None

    def _replace_one(self, owner: Obj, pods: dict[int, Obj], revision: str) -> None:
        strategy = owner["spec"].get("updateStrategy") or {}
        if strategy.get("type") == "OnDelete" or any(not live(pod) for pod in pods.values()):
            return
        partition = (strategy.get("rollingUpdate") or {}).get("partition", 0)
        for ordinal in sorted(pods, reverse=True):
            if ordinal >= partition and _revision(pods[ordinal]) != revision:
                self._delete(owner, pods[ordinal])
                return

    def _create(self, owner: Obj, ordinal: int, revision: str) -> bool:
        name, namespace = f"{owner['metadata']['name']}-{ordinal}", owner["metadata"]["namespace"]
        body = pod_of_template(owner["spec"]["template"], "", owner, "apps/v1", "StatefulSet")
        body["metadata"].pop("generateName")
        body["metadata"]["name"] = name
        body["metadata"].setdefault("labels", {}).update(
            {
                "statefulset.kubernetes.io/pod-name": name,
                "apps.kubernetes.io/pod-index": str(ordinal),
                _REVISION: revision,
            }
        )
        body["spec"].update({"hostname": name, "subdomain": owner["spec"].get("serviceName")})
        try:
            self._claims(owner, name, body)
            self.cluster.create(kind_named("Pod"), namespace, body)
        except StatusError as error:
            if error.reason == "AlreadyExists":
                return True
            message = f"create Pod {name} in StatefulSet {owner['metadata']['name']} failed error: {error.message}"
            self.recorder.record(owner, "FailedCreate", message, component=_COMPONENT, kind="Warning")
            return False
        message = f"create Pod {name} in StatefulSet {owner['metadata']['name']} successful"
        self.recorder.record(owner, "SuccessfulCreate", message, component=_COMPONENT)
        return True

    def _claims(self, owner: Obj, pod_name: str, body: Obj) -> None:
        """Give the pod a claim of its own for each template; claims outlive their pods."""
        namespace = owner["metadata"]["namespace"]
        for template in owner["spec"].get("volumeClaimTemplates") or ():
            volume = template["metadata"]["name"]
            name = f"{volume}-{pod_name}"
            if self.cluster.store.get("PersistentVolumeClaim", namespace, name) is None:
                labels = owner["spec"]["selector"].get("matchLabels") or {}
                claim = {"metadata": {"name": name, "labels": dict(labels)}, "spec": clone(template["spec"])}
                self.cluster.create(kind_named("PersistentVolumeClaim"), namespace, claim)
            source = {"name": volume, "persistentVolumeClaim": {"claimName": name}}
            body["spec"].setdefault("volumes", []).append(source)

    def _delete(self, owner: Obj, pod: Obj) -> None:
        name = pod["metadata"]["name"]
        self.cluster.delete(kind_named("Pod"), pod["metadata"]["namespace"], name)
        message = f"delete Pod {name} in StatefulSet {owner['metadata']['name']} successful"
        self.recorder.record(owner, "SuccessfulDelete", message, component=_COMPONENT)

    def _report(self, owner: Obj, revision: str) -> None:
        pods = [pod for pod in self.cluster.store.owned_by(owner["metadata"]["uid"], "Pod") if live(pod)]
        ready = sum(is_ready(pod) for pod in pods)
        updated = sum(_revision(pod) == revision for pod in pods)
        old = owner.get("status", {}).get("currentRevision", revision)
        done = updated == len(pods) == owner["spec"]["replicas"] and ready == updated
        status: Obj = {
            "observedGeneration": owner["metadata"].get("generation", 1),
            "replicas": len(pods),
            "currentRevision": revision if done else old,
            "updateRevision": revision,
            "collisionCount": 0,
        }
        counts = {
            "readyReplicas": ready,
            "availableReplicas": ready,
            "updatedReplicas": updated,
            "currentReplicas": updated if done else len(pods) - updated,
        }
        status.update({name: count for name, count in counts.items() if count or name == "availableReplicas"})
        self.cluster.set_status("StatefulSet", owner, status)


def _ordinal(pod: Obj) -> int:
    return int(pod["metadata"]["name"].rpartition("-")[2])


def _revision(pod: Obj) -> str:
    return str((pod["metadata"].get("labels") or {}).get(_REVISION, ""))
