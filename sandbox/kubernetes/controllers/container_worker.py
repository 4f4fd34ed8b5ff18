"""One container: pull, start, run as its image's script says, probes, exit, back-off, again."""

import asyncio
import secrets
from typing import TYPE_CHECKING

from sandbox.kubernetes.controllers.pod_files import MissingReference, environment, mounted_files
from sandbox.kubernetes.controllers.probes import Probes
from sandbox.kubernetes.controllers.pulling import pull_image
from sandbox.kubernetes.images import Behaviour, Process, Script
from sandbox.kubernetes.objects import Obj, is_ready, matches_labels, now_text, quantity
from sandbox.kubernetes.pod_logs import ContainerLog
from sandbox.kubernetes.usage import Use

if TYPE_CHECKING:
    from sandbox.kubernetes.controllers.pod_worker import PodWorker

_BACK_OFF_FIRST = 10.0
_BACK_OFF_MOST = 300.0
_CONFIG_RETRY = 12.0
_KILLED = 137


class ContainerWorker:
    """The state of one container and the coroutine that moves it; `pod` writes the states to the API."""

    def __init__(self, pod: "PodWorker", spec: Obj, *, init: bool = False) -> None:
        self.pod = pod
        self.tools = pod.tools
        self.spec = spec
        self.name = spec["name"]
        self.init = init
        self.behaviour = Behaviour()
        self.state: Obj = {
            "waiting": {
                "reason": "PodInitializing"
                if pod.pod["spec"].get("initContainers") and not init
                else "ContainerCreating"
            }
        }
        self.last_state: Obj = {}
        self.restarts = 0
        self.ready = False
        self.started = False
        self.container_id = ""
        self.failed = False
        self.replaced = asyncio.Event()
        group = "initContainers" if init else "containers"
        self.field_path = f"spec.{group}{{{self.name}}}"
        self._log = ContainerLog()

    @property
    def running(self) -> bool:
        return "running" in self.state

    @property
    def ever_started(self) -> bool:
        return self.running or "terminated" in self.state or bool(self.last_state)

    @property
    def succeeded(self) -> bool:
        return bool(self.state.get("terminated", {}).get("exitCode", 1) == 0)

    def ended_for_good(self, policy: str) -> bool:
        return "terminated" in self.state and (policy == "Never" or (policy == "OnFailure" and self.succeeded))

    def notice(self, spec: Obj) -> None:
        """Restart the container when its image changed, as the kubelet does; changed resources just hold."""
        if spec["image"] != self.spec["image"]:
            self.replaced.set()
        self.spec = spec

    def status(self) -> Obj:
        shown: Obj = {
            "name": self.name,
            "state": self.state,
            "lastState": self.last_state,
            "ready": self.ready or (self.init and self.succeeded),
            "restartCount": self.restarts,
            "image": self.spec["image"],
            "imageID": f"sandbox/{self.spec['image']}" if self.container_id else "",
            "started": self.running and self.started,
        }
        if self.container_id:
            shown["containerID"] = self.container_id
        return shown

    async def run(self) -> None:
        """Run until the container has ended for good; cancelled when the pod ends."""
        back_off = 0.0
        while True:
            self.replaced.clear()
            script = await pull_image(self)
            lasted = await self._run_once(script)
            policy = "OnFailure" if self.init and self._policy == "Always" else self._policy
            if self.ended_for_good(policy):
                self.failed = self.init and not self.succeeded
                self.pod.publish()
                return
            if lasted * self.tools.runner.speed > _BACK_OFF_MOST * 2:
                back_off = 0.0
            self.last_state = self.state
            if back_off:
                await self._wait_to_restart(back_off)
            back_off = min(_BACK_OFF_MOST, back_off * 2 or _BACK_OFF_FIRST)
            self.restarts += 1

    @property
    def _policy(self) -> str:
        return str(self.pod.pod["spec"]["restartPolicy"])

    async def _wait_to_restart(self, seconds: float) -> None:
        metadata = self.pod.pod["metadata"]
        who = f"container={self.name} pod={metadata['name']}_{metadata['namespace']}({metadata['uid']})"
        message = f"back-off {_duration(seconds)} restarting failed {who}"
        self.state = {"waiting": {"reason": "CrashLoopBackOff", "message": message}}
        self.pod.publish()
        where = f"{self.name} in pod {metadata['name']}_{metadata['namespace']}({metadata['uid']})"
        text = f"Back-off restarting failed container {where}"
        self.pod.event("BackOff", text, warning=True, field_path=self.field_path)
        await self.tools.runner.sleep(seconds)

    def wait(self, reason: str, message: str) -> None:
        """Show the container as waiting."""
        self.state = {"waiting": {"reason": reason, "message": message}}
        self.pod.publish()

    async def _run_once(self, script: Script) -> float:
        """One life of the container; return how long it lasted in real seconds."""
        process = await self._prepare()
        self.behaviour = script(process)
        self.container_id = f"containerd://{secrets.token_hex(32)}"
        uid = self.pod.pod["metadata"]["uid"]
        self._log = self.tools.logs.begin(uid, self.name)
        self.pod.event("Created", f"Created container: {self.name}", field_path=self.field_path)
        if self.behaviour.start_error:
            self._start_failed(self.behaviour.start_error)
            return 0.0
        self.pod.event("Started", f"Started container {self.name}", field_path=self.field_path)
        self.state = {"running": {"startedAt": now_text()}}
        started = asyncio.get_running_loop().time()
        probes = Probes(self)
        self.started = not probes.startup
        self.ready = not probes.startup and not probes.readiness and not self.init
        self.pod.publish()
        self.tools.cluster.usage.note(uid, self.name, self._use())
        try:
            code, reason = await self._process_or_probes(probes)
        finally:
            self.tools.cluster.usage.clear(uid, self.name)
        self._terminated(code, reason)
        self.pod.publish()
        return asyncio.get_running_loop().time() - started

    async def _process_or_probes(self, probes: Probes) -> tuple[int, str]:
        tasks = {
            asyncio.create_task(self._process()),
            asyncio.create_task(probes.run()),
            asyncio.create_task(self._replacement()),
        }
        try:
            done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            return next(iter(done)).result()
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def _replacement(self) -> tuple[int, str]:
        await self.replaced.wait()
        text = f"Container {self.name} definition changed, will be restarted"
        self.pod.event("Killing", text, field_path=self.field_path)
        return 0, "Completed"

    async def _process(self) -> tuple[int, str]:
        """Live as the behaviour says; return exit code and reason."""
        behaviour, sleep = self.behaviour, self.tools.runner.sleep
        limit = self._limit("memory")
        doomed = limit is not None and behaviour.memory > limit
        for line in behaviour.log:
            self._log.write(line)
        if doomed:
            await sleep(behaviour.exits_after)
            return _KILLED, "OOMKilled"
        if behaviour.exit_code is not None:
            await sleep(behaviour.exits_after)
            return behaviour.exit_code, "Completed" if behaviour.exit_code == 0 else "Error"
        number = 0
        while behaviour.chatter is not None:
            await sleep(behaviour.chatter_every)
            self._log.write(behaviour.chatter(number))
            number += 1
        await asyncio.Event().wait()
        raise AssertionError("unreachable")

    async def _prepare(self) -> Process:
        """Resolve environment and files; wait in CreateContainerConfigError while something is missing."""
        while True:
            try:
                return self._resolve()
            except MissingReference as missing:
                self.wait("CreateContainerConfigError", missing.message)
                text = f"Error: {missing.message}"
                self.pod.event("Failed", text, warning=True, field_path=self.field_path)
                await self.tools.runner.sleep(_CONFIG_RETRY)

    def _resolve(self) -> Process:
        store, pod = self.tools.cluster.store, self.pod.pod
        return Process(
            image=self.spec["image"],
            command=tuple(self.spec.get("command") or ()),
            args=tuple(self.spec.get("args") or ()),
            env=environment(store, pod, self.spec),
            files=mounted_files(store, pod, self.spec),
            mounts=tuple(mount["mountPath"] for mount in self.spec.get("volumeMounts") or ()),
            memory_limit=self._limit("memory"),
            cpu_limit=None if (cores := self._limit("cpu")) is None else cores * 1000,
            restarts=self.restarts,
            pod=pod,
            serves=self._serves,
        )

    def _serves(self, host: str, port: int) -> bool:
        """Whether a Service of that name answers on that port, which needs a ready pod behind it."""
        name, _, rest = host.partition(".")
        namespace = rest.partition(".")[0] or self.pod.pod["metadata"]["namespace"]
        service = self.tools.cluster.store.get("Service", namespace, name)
        if service is None or not any(p["port"] == port for p in service["spec"].get("ports") or ()):
            return False
        selector = service["spec"].get("selector")
        pods = self.tools.cluster.store.list_of("Pod", namespace)
        return any(is_ready(pod) and matches_labels(selector, pod["metadata"].get("labels")) for pod in pods)

    def _limit(self, name: str) -> float | None:
        limits = (self.spec.get("resources") or {}).get("limits") or {}
        return quantity(limits[name]) if name in limits else None

    def _use(self) -> Use:
        limit = self._limit("memory")
        memory = self.behaviour.memory if limit is None else min(self.behaviour.memory, limit)
        return Use(self.behaviour.millicores, min(memory, 2.0**33), self.behaviour.throttled)

    def _start_failed(self, message: str) -> None:
        text = (
            "failed to create containerd task: failed to create shim task: OCI runtime create failed: runc create "
            f"failed: unable to start container process: error during container init: {message}: unknown"
        )
        self.pod.event("Failed", f"Error: {text}", warning=True, field_path=self.field_path)
        self.ready = self.started = False
        self._log.end()
        self.state = {
            "terminated": {
                "exitCode": 128,
                "reason": "StartError",
                "message": text,
                "startedAt": "1970-01-01T00:00:00Z",
                "finishedAt": now_text(),
                "containerID": self.container_id,
            }
        }
        self.pod.publish()

    def stop(self, code: int) -> None:
        """End the container with its pod."""
        if self.running:
            self._terminated(code, "Completed" if code == 0 else "Error")

    def _terminated(self, code: int, reason: str) -> None:
        self.ready = self.started = False
        self._log.end()
        self.state = {
            "terminated": {
                "exitCode": code,
                "reason": reason,
                "startedAt": self.state.get("running", {}).get("startedAt", now_text()),
                "finishedAt": now_text(),
                "containerID": self.container_id,
            }
        }


def _duration(seconds: float) -> str:
    """Return a Go duration: 10s, 1m20s, 5m0s."""
    minutes, rest = divmod(int(seconds), 60)
    return f"{minutes}m{rest}s" if minutes else f"{rest}s"
