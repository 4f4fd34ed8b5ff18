"""Startup, readiness and liveness probes of one container."""

import asyncio
from typing import TYPE_CHECKING

from sandbox.kubernetes.objects import Obj

if TYPE_CHECKING:
    from sandbox.kubernetes.controllers.container_worker import ContainerWorker


class Probes:
    """Asks the container's behaviour what a probe would get, and acts on it as the kubelet does."""

    def __init__(self, worker: "ContainerWorker") -> None:
        self.worker = worker
        self.startup: Obj | None = worker.spec.get("startupProbe")
        self.readiness: Obj | None = worker.spec.get("readinessProbe")
        self.liveness: Obj | None = worker.spec.get("livenessProbe")
        self._born = asyncio.get_running_loop().time()

    async def run(self) -> tuple[int, str]:
        """Probe until a liveness or startup probe kills the container; return its exit code and reason."""
        if self.worker.init:
            return await self._forever()
        if self.startup is not None:
            if not await self._succeeds(self.startup, "Startup"):
                return self._kill("startup")
            self.worker.started = True
            self.worker.ready = self.readiness is None
            self.worker.pod.publish()
        tasks = [asyncio.create_task(work) for work in (self._keep_ready(), self._keep_alive())]
        try:
            done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            return next(iter(done)).result()
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def _keep_ready(self) -> tuple[int, str]:
        if self.readiness is None:
            return await self._forever()
        await self._sleep(self.readiness.get("initialDelaySeconds", 0))
        while problem := self._problem(self.readiness, ready=True):
            self._unhealthy("Readiness", problem)
            young = self._age() < self.worker.behaviour.ready_after
            await self._sleep(self.worker.behaviour.ready_after if young else self.readiness.get("periodSeconds", 10))
        self.worker.ready = True
        self.worker.pod.publish()
        return await self._forever()

    async def _keep_alive(self) -> tuple[int, str]:
        if self.liveness is None or await self._succeeds(self.liveness, "Liveness"):
            return await self._forever()
        return self._kill("liveness")

    async def _succeeds(self, probe: Obj, name: str) -> bool:
        """Whether the probe succeeds before it has failed failureThreshold times."""
        await self._sleep(probe.get("initialDelaySeconds", 0))
        for _ in range(probe.get("failureThreshold", 3)):
            problem = self._problem(probe, ready=name == "Startup")
            if not problem:
                return True
            self._unhealthy(name, problem)
            await self._sleep(probe.get("periodSeconds", 10))
        return False

    def _problem(self, probe: Obj, *, ready: bool) -> str:
        """Return what goes wrong with a probe now; empty when it succeeds."""
        behaviour = self.worker.behaviour
        action = probe.get("httpGet") or probe.get("tcpSocket") or probe.get("grpc")
        if action is not None:
            port = self._port(action.get("port"))
            listening = self._listening()
            address = f"{self.worker.pod.address}:{port}"
            if listening and port not in listening:
                refused = f"dial tcp {address}: connect: connection refused"
                if "httpGet" in probe:
                    scheme = probe["httpGet"].get("scheme", "HTTP").lower()
                    return f'Get "{scheme}://{address}{probe["httpGet"].get("path", "/")}": {refused}'
                return refused
            if "httpGet" in probe and probe["httpGet"].get("scheme") == "HTTPS":
                path = probe["httpGet"].get("path", "/")
                return f'Get "https://{address}{path}": http: server gave HTTP response to HTTPS client'
        if ready and (not behaviour.ready or self._age() < behaviour.ready_after):
            return behaviour.refused
        if not behaviour.alive:
            return behaviour.refused
        return ""

    def _port(self, port: object) -> int | None:
        if isinstance(port, int):
            return port
        named = {p.get("name"): p["containerPort"] for p in self.worker.spec.get("ports") or ()}
        return named.get(port)

    def _listening(self) -> frozenset[int]:
        declared = frozenset(p["containerPort"] for p in self.worker.spec.get("ports") or ())
        if self.worker.behaviour.listens is not None:
            return self.worker.behaviour.listens
        return declared

    def _unhealthy(self, name: str, problem: str) -> None:
        text = f"{name} probe failed: {problem}"
        self.worker.pod.event("Unhealthy", text, warning=True, field_path=self.worker.field_path)

    def _kill(self, name: str) -> tuple[int, str]:
        text = f"Container {self.worker.name} failed {name} probe, will be restarted"
        self.worker.pod.event("Killing", text, field_path=self.worker.field_path)
        return 137, "Error"

    def _age(self) -> float:
        """Seconds of the simulated cluster since the container started."""
        return (asyncio.get_running_loop().time() - self._born) * self.worker.tools.runner.speed

    async def _sleep(self, seconds: float) -> None:
        await self.worker.tools.runner.sleep(seconds)

    @staticmethod
    async def _forever() -> tuple[int, str]:
        await asyncio.Event().wait()
        raise AssertionError("unreachable")
