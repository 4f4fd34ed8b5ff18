"""Deployments: a ReplicaSet per template, rolled out within maxSurge and maxUnavailable."""

import math
import time
from collections.abc import Iterable

from sandbox.kubernetes.cluster import Cluster
from sandbox.kubernetes.controllers.deployment_status import deployment_status
from sandbox.kubernetes.controllers.recorder import Recorder
from sandbox.kubernetes.controllers.runner import live, owner_keys, self_key
from sandbox.kubernetes.kinds import kind_named
from sandbox.kubernetes.objects import Obj, clone, owner_of, owner_reference, template_hash
from sandbox.kubernetes.store import Change, Key

REVISION = "deployment.kubernetes.io/revision"
HASH = "pod-template-hash"
_COMPONENT = "deployment-controller"
_SKIPPED_ANNOTATIONS = frozenset({"kubectl.kubernetes.io/last-applied-configuration", REVISION})


class DeploymentController:
    """Keeps the ReplicaSets of Deployments."""

    kinds = frozenset({"Deployment", "ReplicaSet", "Pod"})

    def __init__(self, cluster: Cluster, recorder: Recorder, speed: float) -> None:
        self.cluster = cluster
        self.recorder = recorder
        self.speed = speed
        self._progress: dict[str, tuple[object, float]] = {}

    def keys(self, change: Change) -> Iterable[Key]:
        if change.kind == "Deployment":
            if change.type == "DELETED":
                self._progress.pop(change.after["metadata"]["uid"], None)
            return self_key(change)
        if change.kind == "ReplicaSet":
            return owner_keys(change, "Deployment")
        return self._keys_of_pod(change)

    def _keys_of_pod(self, change: Change) -> list[Key]:
        """Only the end of a pod matters, and only to Recreate, which waits for the last one to be gone."""
        if change.type != "DELETED":
            return []
        found = []
        for namespace, name in owner_keys(change, "ReplicaSet"):
            owner = owner_of(self.cluster.store.get("ReplicaSet", namespace, name) or {"metadata": {}})
            if owner is not None:
                found.append((namespace, str(owner["name"])))
        return found

    def reconcile(self, key: Key) -> float | None:
        deployment = self.cluster.store.get("Deployment", *key)
        if deployment is None or not live(deployment):
            return None
        sets = [s for s in self.cluster.store.owned_by(deployment["metadata"]["uid"], "ReplicaSet") if live(s)]
        newest = _set_of_template(deployment, sets)
        if deployment["spec"].get("paused"):
            if newest is not None and len(_with_pods(sets)) <= 1:
                self._scale(deployment, newest, deployment["spec"]["replicas"])
        else:
            newest = self._ensure_newest(deployment, newest, sets)
            older = [s for s in sets if s["metadata"]["uid"] != newest["metadata"]["uid"]]
            if deployment["spec"]["strategy"]["type"] == "Recreate":
                self._recreate(deployment, newest, older)
            else:
                self._roll(deployment, newest, older)
            self._clean_up(deployment, newest)
        return self._report(key)

    def _ensure_newest(self, deployment: Obj, newest: Obj | None, sets: list[Obj]) -> Obj:
        highest = max((_revision(s) for s in sets), default=0)
        if newest is None:
            newest = self._create_set(deployment, highest + 1)
        elif _revision(newest) < highest:
            newest = self._number(newest, highest + 1)
        annotations = _passed_on(deployment)
        if any((newest["metadata"].get("annotations") or {}).get(k) != v for k, v in annotations.items()):
            newest = self.cluster.edit(
                "ReplicaSet", newest, lambda draft: draft["metadata"].setdefault("annotations", {}).update(annotations)
            )
        revision = str(_revision(newest))
        if (deployment["metadata"].get("annotations") or {}).get(REVISION) != revision:
            self.cluster.edit(
                "Deployment",
                deployment,
                lambda draft: draft["metadata"].setdefault("annotations", {}).update({REVISION: revision}),
            )
        return newest

    def _number(self, replica_set: Obj, revision: int) -> Obj:
        annotations = {REVISION: str(revision)}
        return self.cluster.edit(
            "ReplicaSet", replica_set, lambda draft: draft["metadata"].setdefault("annotations", {}).update(annotations)
        )

    def _create_set(self, deployment: Obj, revision: int) -> Obj:
        spec, metadata = deployment["spec"], deployment["metadata"]
        digest = template_hash(spec["template"])
        template = clone(spec["template"])
        template["metadata"].setdefault("labels", {})[HASH] = digest
        selector = clone(spec["selector"])
        selector.setdefault("matchLabels", {})[HASH] = digest
        body = {
            "metadata": {
                "name": f"{metadata['name']}-{digest}",
                "labels": dict(template["metadata"]["labels"]),
                "annotations": {
                    **_passed_on(deployment),
                    REVISION: str(revision),
                    "deployment.kubernetes.io/desired-replicas": str(spec["replicas"]),
                },
                "ownerReferences": [owner_reference("apps/v1", "Deployment", deployment)],
            },
            "spec": {"replicas": 0, "selector": selector, "template": template},
        }
        if spec.get("minReadySeconds"):
            body["spec"]["minReadySeconds"] = spec["minReadySeconds"]
        return self.cluster.create(kind_named("ReplicaSet"), metadata["namespace"], body)

    def _recreate(self, deployment: Obj, newest: Obj, older: list[Obj]) -> None:
        for replica_set in older:
            self._scale(deployment, replica_set, 0)
        remaining = [pod for s in older for pod in self.cluster.store.owned_by(s["metadata"]["uid"], "Pod")]
        if not remaining:
            self._scale(deployment, newest, deployment["spec"]["replicas"])

    def _roll(self, deployment: Obj, newest: Obj, older: list[Obj]) -> None:
        desired = deployment["spec"]["replicas"]
        rolling = deployment["spec"]["strategy"].get("rollingUpdate") or {}
        surge = _share(rolling.get("maxSurge", "25%"), desired, math.ceil)
        unavailable = _share(rolling.get("maxUnavailable", "25%"), desired, math.floor)
        if surge == 0 and unavailable == 0:
            unavailable = 1
        current = newest["spec"]["replicas"]
        total = current + sum(s["spec"]["replicas"] for s in older)
        if current > desired:
            newest = self._scale(deployment, newest, desired)
        elif current < desired:
            room = desired + surge - total
            if room > 0:
                newest = self._scale(deployment, newest, min(desired, current + room))
        self._shrink(deployment, newest, older, desired - unavailable)

    def _shrink(self, deployment: Obj, newest: Obj, older: list[Obj], least: int) -> None:
        """Take old pods away: those that are not available first, then as many as `least` permits."""
        total = newest["spec"]["replicas"] + sum(s["spec"]["replicas"] for s in older)
        waiting = newest["spec"]["replicas"] - newest["status"].get("availableReplicas", 0)
        room = total - least - waiting
        for replica_set in sorted(older, key=_revision):
            dead = replica_set["spec"]["replicas"] - replica_set["status"].get("availableReplicas", 0)
            step = max(0, min(dead, room))
            if step:
                self._scale(deployment, replica_set, replica_set["spec"]["replicas"] - step)
                room -= step
        refreshed = [
            self.cluster.store.get("ReplicaSet", s["metadata"]["namespace"], s["metadata"]["name"]) or s for s in older
        ]
        ready = sum(s["status"].get("availableReplicas", 0) for s in (newest, *refreshed))
        room = ready - least
        for replica_set in sorted(refreshed, key=_revision):
            step = max(0, min(replica_set["spec"]["replicas"], room))
            if step:
                self._scale(deployment, replica_set, replica_set["spec"]["replicas"] - step)
                room -= step

    def _scale(self, deployment: Obj, replica_set: Obj, replicas: int) -> Obj:
        before = replica_set["spec"]["replicas"]
        if before == replicas:
            return replica_set

        def change(draft: Obj) -> None:
            draft["spec"]["replicas"] = replicas
            desired = str(deployment["spec"]["replicas"])
            draft["metadata"].setdefault("annotations", {})["deployment.kubernetes.io/desired-replicas"] = desired

        after = self.cluster.edit("ReplicaSet", replica_set, change)
        word = "up" if replicas > before else "down"
        message = f"Scaled {word} replica set {replica_set['metadata']['name']} from {before} to {replicas}"
        self.recorder.record(deployment, "ScalingReplicaSet", message, component=_COMPONENT)
        return after

    def _clean_up(self, deployment: Obj, newest: Obj) -> None:
        limit = deployment["spec"].get("revisionHistoryLimit", 10)
        sets = self.cluster.store.owned_by(deployment["metadata"]["uid"], "ReplicaSet")
        empty = [
            s
            for s in sets
            if s["metadata"]["uid"] != newest["metadata"]["uid"]
            and not s["spec"]["replicas"]
            and not s["status"].get("replicas")
        ]
        for replica_set in sorted(empty, key=_revision)[: max(0, len(empty) - limit)]:
            metadata = replica_set["metadata"]
            self.cluster.delete(kind_named("ReplicaSet"), metadata["namespace"], metadata["name"])

    def _report(self, key: Key) -> float | None:
        """Write the status; return when the progress deadline is due."""
        deployment = self.cluster.store.get("Deployment", *key)
        if deployment is None:
            return None
        sets = self.cluster.store.owned_by(deployment["metadata"]["uid"], "ReplicaSet")
        newest = _set_of_template(deployment, sets)
        counts = tuple(
            (s["metadata"]["name"], s["spec"]["replicas"], s["status"].get("readyReplicas", 0)) for s in sets
        )
        uid = deployment["metadata"]["uid"]
        mark = (deployment["spec"]["template"], counts)
        seen = self._progress.get(uid)
        if seen is None or seen[0] != mark:
            seen = (mark, time.monotonic())
            self._progress[uid] = seen
        deadline = deployment["spec"].get("progressDeadlineSeconds", 600) / self.speed
        left = seen[1] + deadline - time.monotonic()
        status = deployment_status(deployment, sets, newest, overdue=left <= 0)
        self.cluster.set_status("Deployment", deployment, status)
        complete = status.get("availableReplicas", 0) == status.get("updatedReplicas", 0) == status.get("replicas", 0)
        return None if complete or left <= 0 else left + 0.01


def _passed_on(deployment: Obj) -> dict[str, str]:
    annotations = deployment["metadata"].get("annotations") or {}
    return {key: value for key, value in annotations.items() if key not in _SKIPPED_ANNOTATIONS}


def _revision(replica_set: Obj) -> int:
    return int((replica_set["metadata"].get("annotations") or {}).get(REVISION, 0))


def _with_pods(sets: list[Obj]) -> list[Obj]:
    return [s for s in sets if s["spec"]["replicas"] > 0]


def _set_of_template(deployment: Obj, sets: list[Obj]) -> Obj | None:
    wanted = deployment["spec"]["template"]
    for replica_set in sets:
        template = replica_set["spec"]["template"]
        labels = {k: v for k, v in (template["metadata"].get("labels") or {}).items() if k != HASH}
        if {**template, "metadata": {**template["metadata"], "labels": labels}} == wanted:
            return replica_set
    return None


def _share(value: object, of: int, rounding: object) -> int:
    if isinstance(value, str) and value.endswith("%"):
        share = of * int(value[:-1]) / 100
        return math.ceil(share) if rounding is math.ceil else math.floor(share)
    return int(str(value))
