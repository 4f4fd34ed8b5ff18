"""One pod on its node: volumes, init containers, containers, status, and its end."""

import asyncio
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from ipaddress import IPv4Address

from sandbox.kubernetes.cluster import BY_KUBELET, Cluster, Deletion
from sandbox.kubernetes.controllers.container_worker import ContainerWorker
from sandbox.kubernetes.controllers.pod_files import MissingReference, check_volumes
from sandbox.kubernetes.controllers.recorder import Recorder
from sandbox.kubernetes.controllers.runner import Runner
from sandbox.kubernetes.errors import StatusError
from sandbox.kubernetes.images import ImageRegistry
from sandbox.kubernetes.kinds import kind_named
from sandbox.kubernetes.objects import Obj, clone, now_text, set_condition
from sandbox.kubernetes.pod_logs import PodLogs

_FIRST_POD_ADDRESS = int(IPv4Address("10.244.0.0"))
_VOLUME_RETRY_SECONDS = 8.0


@dataclass(frozen=True, slots=True)
class WorkerTools:
    """What every pod worker works with. `pulled` holds (node, image) pairs that are on a node already."""

    cluster: Cluster
    recorder: Recorder
    images: ImageRegistry
    logs: PodLogs
    runner: Runner
    addresses: Iterator[int]
    pulled: set[tuple[str, str]]


class PodWorker:
    """Runs one pod from its binding to its removal; all its waiting is sleeping, so an idle pod costs nothing."""

    def __init__(self, tools: WorkerTools, pod: Obj) -> None:
        self.tools = tools
        self.pod = pod
        self.node = pod["spec"]["nodeName"]
        self.started_at = now_text()
        self.address = ""
        self.stopping = asyncio.Event()
        spec = pod["spec"]
        self.init = [ContainerWorker(self, c, init=True) for c in spec.get("initContainers") or ()]
        self.containers = [ContainerWorker(self, c) for c in spec["containers"]]
        self._publishing = False

    def notice(self, pod: Obj) -> None:
        """Take in a change of the pod's object."""
        self.pod = pod
        if "deletionTimestamp" in pod["metadata"]:
            self.stopping.set()
        for worker in self.containers:
            worker.notice(next(c for c in pod["spec"]["containers"] if c["name"] == worker.name))

    async def run(self) -> None:
        life = asyncio.create_task(self._live(), name=f"life of {self.pod['metadata']['name']}")
        stopping = asyncio.create_task(self.stopping.wait())
        try:
            await asyncio.wait({life, stopping}, return_when=asyncio.FIRST_COMPLETED)
            if life.done() and not self.stopping.is_set():
                life.result()
                await stopping
            await self._end(life)
        finally:
            for task in (life, stopping):
                task.cancel()
            with suppress(asyncio.CancelledError):
                await asyncio.gather(life, stopping, return_exceptions=True)

    async def _live(self) -> None:
        self.publish()
        await self._wait_for_volumes()
        await self.tools.runner.sleep(0.2)
        self.address = self.pod.get("status", {}).get("podIP") or str(
            IPv4Address(_FIRST_POD_ADDRESS + next(self.tools.addresses))
        )
        for worker in self.init:
            await worker.run()
            if worker.failed:
                self.publish()
                return
        async with asyncio.TaskGroup() as group:
            for worker in self.containers:
                group.create_task(worker.run())
        self.publish()

    async def _wait_for_volumes(self) -> None:
        while True:
            try:
                check_volumes(self.tools.cluster.store, self.pod)
            except MissingReference as missing:
                self.event("FailedMount", missing.message, warning=True)
                await self.tools.runner.sleep(_VOLUME_RETRY_SECONDS)
            else:
                return

    async def _end(self, life: asyncio.Task[None]) -> None:
        """Stop the containers within the grace period and take the pod out of the API."""
        metadata = self.pod["metadata"]
        grace = float(metadata.get("deletionGracePeriodSeconds") or 0)
        running = [worker for worker in (*self.init, *self.containers) if worker.running]
        for worker in running:
            self.event("Killing", f"Stopping container {worker.name}", field_path=worker.field_path)
        longest = max((worker.behaviour.stops_after for worker in running), default=0.1)
        await self.tools.runner.sleep(min(grace, longest))
        life.cancel()
        with suppress(asyncio.CancelledError):
            await life
        for worker in running:
            worker.stop(code=137 if longest > grace else 0)
        self.publish()
        with suppress(StatusError):
            deletion = Deletion(grace=0, uid=metadata["uid"])
            self.tools.cluster.delete(kind_named("Pod"), metadata["namespace"], metadata["name"], deletion)

    def event(self, reason: str, message: str, *, warning: bool = False, field_path: str = "") -> None:
        kind = "Warning" if warning else "Normal"
        self.tools.recorder.record(
            self.pod, reason, message, component="kubelet", kind=kind, host=self.node, field_path=field_path
        )

    def publish(self) -> None:
        """Write the pod's status from the state of its containers."""
        status = clone(self.pod.get("status", {}))
        status["phase"] = self._phase()
        node = self.tools.cluster.store.get("Node", "", self.node)
        addresses = (node or {}).get("status", {}).get("addresses") or ()
        host = next((a["address"] for a in addresses if a["type"] == "InternalIP"), "")
        status |= {"hostIP": host, "hostIPs": [{"ip": host}], "startTime": self.started_at}
        if self.address:
            status |= {"podIP": self.address, "podIPs": [{"ip": self.address}]}
        self._conditions(status)
        if self.init:
            status["initContainerStatuses"] = [worker.status() for worker in self.init]
        status["containerStatuses"] = [worker.status() for worker in self.containers]
        metadata = self.pod["metadata"]
        self.tools.cluster.set_status("Pod", self.pod, status, BY_KUBELET)
        current = self.tools.cluster.store.get("Pod", metadata["namespace"], metadata["name"])
        if current is not None and current["metadata"]["uid"] == metadata["uid"]:
            self.pod = current

    def _phase(self) -> str:
        policy = self.pod["spec"]["restartPolicy"]
        if any(worker.failed for worker in self.init):
            return "Failed"
        if not all(worker.succeeded for worker in self.init):
            return "Pending"
        ended = [worker for worker in self.containers if worker.ended_for_good(policy)]
        if len(ended) == len(self.containers):
            return "Succeeded" if all(worker.succeeded for worker in ended) else "Failed"
        started = any(worker.ever_started for worker in self.containers)
        return "Running" if started else "Pending"

    def _conditions(self, status: Obj) -> None:
        done = status["phase"] in ("Succeeded", "Failed")
        ready_names = [worker for worker in self.containers if worker.ready]
        waiting = [worker.name for worker in self.containers if not worker.ready]
        value = "True" if len(ready_names) == len(self.containers) and not done else "False"
        reason, message = "", ""
        if value == "False":
            reason = "PodCompleted" if status["phase"] == "Succeeded" else "ContainersNotReady"
            reason = "PodFailed" if status["phase"] == "Failed" else reason
            message = f"containers with unready status: [{' '.join(waiting)}]" if not done else ""
        incomplete = [worker.name for worker in self.init if not worker.succeeded]
        if incomplete:
            named = f"containers with incomplete status: [{' '.join(incomplete)}]"
            set_condition(status, "Initialized", "False", "ContainersNotInitialized", named, lastProbeTime=None)
        else:
            set_condition(status, "Initialized", "True", lastProbeTime=None)
        set_condition(status, "PodReadyToStartContainers", "True" if self.address else "False", lastProbeTime=None)
        for kind in ("ContainersReady", "Ready"):
            set_condition(status, kind, value, reason, message, lastProbeTime=None)
