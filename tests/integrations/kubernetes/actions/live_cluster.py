"""The sandbox's API server with live controllers, or a real cluster, and a small shop in it.

TEST_KUBECONFIG names a disposable real cluster; the shop then lives in a namespace of its own that is removed again.
"""

import asyncio
import os
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from bot.domain.action import ActionRequest, Applied, Preview, Verification
from bot.domain.entity import ObjectRef
from bot.settings import ALL_ACTIONS, KubernetesSettings
from integrations.kubernetes.actions.catalogue import KubernetesRemediator
from integrations.kubernetes.client import KubernetesClient
from sandbox.kubernetes.server import KubernetesServer

Obj = dict[str, Any]
NAMESPACE = "shop"
SETTINGS: dict[str, Any] = {
    "K8S_ENABLE_DESTRUCTIVE_OPERATIONS": True,
    "K8S_ENABLED_ACTIONS": ALL_ACTIONS,
    "K8S_VERIFY_HOLD_SECONDS": 0.2,
    "K8S_VERIFY_TIMEOUT_SECONDS": 15,
}
REAL_SETTINGS: dict[str, Any] = {**SETTINGS, "K8S_VERIFY_HOLD_SECONDS": 2, "K8S_VERIFY_TIMEOUT_SECONDS": 180}
KUBECONFIG = os.environ.get("TEST_KUBECONFIG")
CLUSTERS = [
    "sandbox",
    pytest.param(
        "real",
        marks=[
            pytest.mark.slow,
            pytest.mark.timeout(600),
            pytest.mark.xdist_group("real-cluster"),
            pytest.mark.skipif(not KUBECONFIG, reason="TEST_KUBECONFIG names no cluster"),
        ],
    ),
]
"""Where a live test of namespaced objects runs; the parameters of a fixture."""


@dataclass
class Live:
    client: KubernetesClient
    remediator: KubernetesRemediator
    folder: Path
    namespace: str = NAMESPACE
    sandbox: KubernetesServer | None = None
    patience: float = 15
    """Seconds until what the cluster has to do by itself counts as not happening."""

    @property
    def server(self) -> KubernetesServer:
        assert self.sandbox is not None, "this test needs the sandbox's server"
        return self.sandbox

    def at(self, asked: ActionRequest) -> ActionRequest:
        """Move a request from the shop to where the shop is."""
        if asked.target.namespace != NAMESPACE:
            return asked
        return asked.model_copy(update={"target": asked.target.model_copy(update={"namespace": self.namespace})})

    async def create(self, body: Obj) -> Obj:
        """Create an object of the shop."""
        metadata = {**body["metadata"], "namespace": self.namespace}
        return await self.client.create(body["kind"], self.namespace, {**body, "metadata": metadata})

    async def carry_out(self, asked: ActionRequest, action_id: str = "ACT-1") -> tuple[Preview, Applied, Verification]:
        """Preview, apply and verify a request that is valid."""
        asked = self.remediator.validate(asked)
        before = await self.spec(str(asked.target))
        shown = await self.remediator.preview(asked)
        assert await self.spec(str(asked.target)) == before, "a preview changes nothing"
        applied = await self.remediator.apply(asked, shown, action_id)
        lines: list[str] = []
        verification = await self.remediator.verify(asked, applied, lines.append)
        assert lines
        assert all("\n" not in line for line in lines)
        return shown, applied, verification

    async def get(self, target: str) -> Obj:
        return await self.client.get(ObjectRef.parse(target))

    async def spec(self, target: str) -> Obj:
        """The parts of an object that people write."""
        found = await self.get(target)
        return {key: found.get(key) for key in ("spec", "data")}

    async def until(self, what: Callable[[], Awaitable[bool]], seconds: float | None = None) -> None:
        async with asyncio.timeout(seconds or self.patience):
            while not await what():  # noqa: ASYNC110 - the server has no event to wait for
                await asyncio.sleep(0.03 if self.sandbox else 0.5)

    async def available(self, name: str) -> None:
        async def enough() -> bool:
            found = await self.get(f"Deployment/{self.namespace}/{name}")
            status, wanted = found.get("status") or {}, found["spec"]["replicas"]
            settled = status.get("observedGeneration") == found["metadata"]["generation"]
            counts = [status.get(key, 0) for key in ("replicas", "updatedReplicas", "availableReplicas")]
            return settled and counts == [wanted] * 3

        await self.until(enough)

    async def connect(self, token: str) -> KubernetesClient:
        path = self.server.write_kubeconfig(self.folder / f"kubeconfig-{token[-8:]}", token=token)
        return await KubernetesClient.connect(KubernetesSettings(K8S_CONFIG_PATH=path))


def deployment(name: str, *, replicas: int = 2, **container: Any) -> Obj:
    labels = {"app": name}
    resources = {"requests": {"cpu": "50m", "memory": "32Mi"}, "limits": {"memory": "64Mi"}}
    body: Obj = {
        "name": "app",
        "image": "nginx:1.26-alpine",
        "ports": [{"name": "http", "containerPort": 80}],
        "env": [{"name": "MODE", "value": "slow"}],
        "resources": resources,
        **container,
    }
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": name, "namespace": NAMESPACE, "labels": labels},
        "spec": {
            "replicas": replicas,
            "selector": {"matchLabels": labels},
            "template": {
                "metadata": {"labels": labels},
                "spec": {"terminationGracePeriodSeconds": 1, "containers": [body]},
            },
        },
    }


def objects() -> list[Obj]:
    service: Obj = {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": "web", "namespace": NAMESPACE},
        "spec": {"selector": {"app": "wbe"}, "ports": [{"name": "http", "port": 80, "targetPort": 81}]},
    }
    config: Obj = {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": "web-config", "namespace": NAMESPACE},
        "data": {"mode": "fast"},
    }
    return [config, service, deployment("web")]


@asynccontextmanager
async def live_shop(folder: Path, *, tls: bool = False, cluster: str = "sandbox") -> AsyncIterator[Live]:
    """Open the shop in the sandbox, or in the `real` cluster, and wait until its Deployment is available."""
    if cluster == "real":
        async with _real_shop(folder) as live:
            yield live
        return
    server = await KubernetesServer(speed=40, tls=tls).start()
    path = server.write_kubeconfig(folder / "kubeconfig")
    settings = KubernetesSettings(K8S_CONFIG_PATH=path, **SETTINGS)
    client = await KubernetesClient.connect(settings)
    try:
        remediator = KubernetesRemediator(client, settings, poll_seconds=0.05)
        live = Live(client, remediator, folder, sandbox=server)
        await _open(live)
        yield live
    finally:
        await client.close()
        await server.stop()


@asynccontextmanager
async def _real_shop(folder: Path) -> AsyncIterator[Live]:
    settings = KubernetesSettings(K8S_CONFIG_PATH=Path(str(KUBECONFIG)), **REAL_SETTINGS)
    client = await KubernetesClient.connect(settings)
    namespace = f"oncall-agent-live-{uuid.uuid4().hex[:8]}"
    try:
        live = Live(client, KubernetesRemediator(client, settings), folder, namespace=namespace, patience=180)
        await _open(live)
        yield live
    finally:
        await client.delete(ObjectRef(kind="Namespace", name=namespace))
        await client.close()


async def _open(live: Live) -> None:
    await live.client.create("Namespace", None, {"metadata": {"name": live.namespace}})
    for body in objects():
        await live.create(body)
    await live.available("web")
