import shutil
import subprocess
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest

from sandbox.kubernetes.client import ClusterClient
from sandbox.kubernetes.objects import Obj
from sandbox.kubernetes.server import KubernetesServer

SPEED = 20.0
CORE = "/api/v1/namespaces/demo"
APPS = "/apis/apps/v1/namespaces/demo"
_PLACES = ("/usr/lib/google-cloud-sdk/bin/kubectl.1.32", "/usr/local/bin/kubectl", "/usr/bin/kubectl")


@pytest.fixture
async def server() -> AsyncIterator[KubernetesServer]:
    running = await KubernetesServer(speed=SPEED, tls=False).start()
    yield running
    await running.stop()


@pytest.fixture
async def tls_server() -> AsyncIterator[KubernetesServer]:
    running = await KubernetesServer(speed=SPEED).start()
    yield running
    await running.stop()


@pytest.fixture
async def cluster(server: KubernetesServer) -> AsyncIterator[ClusterClient]:
    async with ClusterClient(server.url, server.admin_token) as client:
        yield client


@pytest.fixture(scope="session")
def kubectl_binary() -> str:
    """A real kubectl; some machines have a dispatcher in its place, which prints no version of its own."""
    for place in (*_PLACES, shutil.which("kubectl") or ""):
        if not place or not Path(place).exists():
            continue
        found = subprocess.run([place, "version", "--client"], capture_output=True, text=True, check=False)
        if "Client Version: v1.3" in found.stdout and "dispatcher" not in found.stdout:
            return place
    pytest.skip("no real kubectl 1.30 or later on this machine")


def deployment(name: str = "web", image: str = "nginx:1.27", replicas: int = 1, **pod: object) -> Obj:
    labels = {"app": name}
    spec = {"containers": [{"name": "main", "image": image}], **pod}
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": name},
        "spec": {
            "replicas": replicas,
            "selector": {"matchLabels": labels},
            "template": {"metadata": {"labels": labels}, "spec": spec},
        },
    }


def pod(name: str = "one", image: str = "nginx:1.27", **container: object) -> Obj:
    return {"metadata": {"name": name}, "spec": {"containers": [{"name": "main", "image": image, **container}]}}


def config_map(name: str = "settings", **data: str) -> Obj:
    return {"metadata": {"name": name, "labels": {"kind": name}}, "data": data}


async def wait_for_pod(cluster: ClusterClient, name: str, shows: Callable[[Obj], bool]) -> Obj:
    """Wait until the pod's first container status satisfies `shows`; return the pod."""
    found: list[Obj] = []

    async def question() -> bool:
        found[:] = [await cluster.get(f"{CORE}/pods/{name}")]
        statuses = found[0]["status"].get("containerStatuses") or ()
        return any(shows(status) for status in statuses)

    await cluster.wait_until(question, f"the state of pod {name}", 15)
    return found[0]


async def wait_available(cluster: ClusterClient, name: str, replicas: int) -> None:
    async def question() -> bool:
        found = await cluster.get(f"{APPS}/deployments/{name}")
        status = found["status"]
        counts = [status.get(key, 0) for key in ("replicas", "updatedReplicas", "availableReplicas")]
        return bool(status.get("observedGeneration") == found["metadata"]["generation"]) and counts == [replicas] * 3

    await cluster.wait_until(question, f"the rollout of {name}", 15)
