"""The sandbox's API server with live controllers, and a small shop in it."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bot.domain.entity import ObjectRef
from bot.settings import KubernetesSettings
from integrations.kubernetes.actions.catalogue import KubernetesRemediator
from integrations.kubernetes.client import KubernetesClient
from sandbox.kubernetes.server import KubernetesServer

Obj = dict[str, Any]
NAMESPACE = "shop"
SETTINGS: dict[str, Any] = {
    "K8S_ENABLE_DESTRUCTIVE_OPERATIONS": True,
    "K8S_VERIFY_HOLD_SECONDS": 0.2,
    "K8S_VERIFY_TIMEOUT_SECONDS": 15,
}


@dataclass
class Live:
    server: KubernetesServer
    client: KubernetesClient
    remediator: KubernetesRemediator
    folder: Path

    async def get(self, target: str) -> Obj:
        return await self.client.get(ObjectRef.parse(target))

    async def spec(self, target: str) -> Obj:
        """The parts of an object that people write."""
        found = await self.get(target)
        return {key: found.get(key) for key in ("spec", "data")}

    async def until(self, what: Callable[[], Awaitable[bool]], seconds: float = 15) -> None:
        async with asyncio.timeout(seconds):
            while not await what():  # noqa: ASYNC110 - the server has no event to wait for
                await asyncio.sleep(0.03)

    async def available(self, name: str) -> None:
        async def enough() -> bool:
            found = await self.get(f"Deployment/{NAMESPACE}/{name}")
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
async def live_shop(folder: Path, *, tls: bool = False) -> AsyncIterator[Live]:
    """Start the server with the shop in it and wait until its Deployment is available."""
    server = await KubernetesServer(speed=40, tls=tls).start()
    path = server.write_kubeconfig(folder / "kubeconfig")
    settings = KubernetesSettings(K8S_CONFIG_PATH=path, **SETTINGS)
    client = await KubernetesClient.connect(settings)
    try:
        live = Live(server, client, KubernetesRemediator(client, settings, poll_seconds=0.05), folder)
        await client.create("Namespace", None, {"metadata": {"name": NAMESPACE}})
        for body in objects():
            await client.create(body["kind"], NAMESPACE, body)
        await live.available("web")
        yield live
    finally:
        await client.close()
        await server.stop()
