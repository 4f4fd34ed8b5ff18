"""The kubelet of every node: starts a worker for each pod that gets a node, and lets it end with the pod."""

import asyncio
from collections.abc import Iterable
from itertools import count

from sandbox.kubernetes.cluster import Cluster
from sandbox.kubernetes.controllers.pod_worker import PodWorker, WorkerTools
from sandbox.kubernetes.controllers.recorder import Recorder
from sandbox.kubernetes.controllers.runner import Runner
from sandbox.kubernetes.images import ImageRegistry
from sandbox.kubernetes.objects import is_finished
from sandbox.kubernetes.pod_logs import PodLogs
from sandbox.kubernetes.store import Change, Key


class Kubelet:
    """Keys are those of pods; nodes need no work of their own."""

    kinds = frozenset({"Pod"})

    def __init__(
        self, cluster: Cluster, recorder: Recorder, images: ImageRegistry, logs: PodLogs, runner: Runner
    ) -> None:
        self.cluster = cluster
        self.runner = runner
        self.tools = WorkerTools(cluster, recorder, images, logs, runner, count(10), set())
        self._workers: dict[str, tuple[PodWorker, asyncio.Task[None]]] = {}
        self._uids: dict[Key, str] = {}

    def keys(self, change: Change) -> Iterable[Key]:
        bound = bool(change.after["spec"].get("nodeName"))
        return [(change.namespace, change.name)] if bound else []

    def reconcile(self, key: Key) -> float | None:
        pod = self.cluster.store.get("Pod", *key)
        uid = pod["metadata"]["uid"] if pod else ""
        known = self._uids.get(key)
        if known and known != uid:
            self._end(known)
            del self._uids[key]
        if pod is None:
            return None
        running = self._workers.get(uid)
        if running is None and (not is_finished(pod) or "deletionTimestamp" in pod["metadata"]):
            worker = PodWorker(self.tools, pod)
            task = self.runner.spawn(worker.run(), f"pod {key[0]}/{key[1]}")
            self._workers[uid] = (worker, task)
            self._uids[key] = uid
            running = (worker, task)
        if running is not None:
            running[0].notice(pod)
        return None

    def _end(self, uid: str) -> None:
        _, task = self._workers.pop(uid)
        task.cancel()
