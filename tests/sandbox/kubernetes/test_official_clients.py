import asyncio
import importlib
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from sandbox.kubernetes.client import ClusterClient
from sandbox.kubernetes.server import KubernetesServer
from tests.sandbox.kubernetes.conftest import APPS, CORE, deployment, wait_available


def vendor(name: str) -> Any:
    """Import a part of the official client late: it is slow to load, and its annotations refuse plain dictionaries."""
    return importlib.import_module(f"kubernetes.{name}")


@pytest.fixture
def kubeconfig(tls_server: KubernetesServer, tmp_path: Path) -> Path:
    return tls_server.write_kubeconfig(tmp_path / "config", namespace="demo")


@pytest.fixture
async def api(kubeconfig: Path) -> AsyncIterator[Any]:
    client, config = vendor("aio.client"), vendor("aio.config")
    await config.load_kube_config(str(kubeconfig))
    async with client.ApiClient() as found:
        yield found


async def test_the_asyncio_client_rolls_a_deployment_out(api: Any) -> None:
    client = vendor("aio.client")
    apps, core = client.AppsV1Api(api), client.CoreV1Api(api)
    await apps.create_namespaced_deployment("demo", deployment(replicas=2))
    for _ in range(200):
        found = await apps.read_namespaced_deployment("web", "demo")
        if found.status.available_replicas == 2:
            break
        await asyncio.sleep(0.02)
    assert found.status.available_replicas == 2
    pods = (await core.list_namespaced_pod("demo", label_selector="app=web")).items
    assert [p.status.phase for p in pods] == ["Running", "Running"]
    log = await core.read_namespaced_pod_log(pods[0].metadata.name, "demo", tail_lines=1)
    assert "start worker processes" in log
    scaled = await apps.patch_namespaced_deployment_scale("web", "demo", {"spec": {"replicas": 3}})
    assert scaled.spec.replicas == 3
    dry = await apps.patch_namespaced_deployment_scale("web", "demo", {"spec": {"replicas": 9}}, dry_run="All")
    assert dry.spec.replicas == 9
    assert (await apps.read_namespaced_deployment("web", "demo")).spec.replicas == 3
    options = client.V1DeleteOptions(preconditions=client.V1Preconditions(uid="another"))
    with pytest.raises(client.ApiException) as caught:
        await apps.delete_namespaced_deployment("web", "demo", body=options)
    assert caught.value.status == 409
    await apps.delete_namespaced_deployment("web", "demo")


async def test_the_asyncio_client_watches(api: Any) -> None:
    client, watch = vendor("aio.client"), vendor("aio.watch")
    core = client.CoreV1Api(api)
    listed = await core.list_namespaced_config_map("demo")
    version = listed.metadata.resource_version
    await core.create_namespaced_config_map("demo", {"metadata": {"name": "seen"}, "data": {"a": "1"}})
    async with watch.Watch() as watching:
        async for event in watching.stream(
            core.list_namespaced_config_map, "demo", resource_version=version, timeout_seconds=5
        ):
            assert (event["type"], event["object"].metadata.name) == ("ADDED", "seen")
            break


async def test_the_synchronous_client_reads_and_reviews(tls_server: KubernetesServer, kubeconfig: Path) -> None:
    def use() -> tuple[int, bool, str]:
        client, config = vendor("client"), vendor("config")
        found = config.new_client_from_config(str(kubeconfig))
        with found:
            nodes = client.CoreV1Api(found).list_node().items
            attributes = client.V1ResourceAttributes(verb="delete", resource="pods", namespace="demo")
            spec = client.V1SelfSubjectAccessReviewSpec(resource_attributes=attributes)
            review = client.V1SelfSubjectAccessReview(spec=spec)
            answer = client.AuthorizationV1Api(found).create_self_subject_access_review(review)
            version = client.VersionApi(found).get_code().git_version
        return len(nodes), answer.status.allowed, version

    assert await asyncio.to_thread(use) == (3, True, "v1.32.4")


async def test_strangers_to_the_authority_are_not_trusted(tls_server: KubernetesServer) -> None:
    async with aiohttp.ClientSession() as session:
        with pytest.raises(aiohttp.ClientConnectorCertificateError):
            await session.get(f"{tls_server.url}/version")


async def test_a_thousand_pods_list_quickly(server: KubernetesServer, cluster: ClusterClient) -> None:
    for number in range(5):
        await cluster.request("POST", f"{APPS}/deployments", deployment(f"w{number}", replicas=200))
    for number in range(5):
        await wait_available(cluster, f"w{number}", 200)
    headers = {"Authorization": f"Bearer {server.admin_token}"}
    async with aiohttp.ClientSession(headers=headers) as session:
        times = []
        for _ in range(3):
            started = time.perf_counter()
            async with session.get(f"{server.url}{CORE}/pods") as response:
                raw = await response.read()
            times.append(time.perf_counter() - started)
    assert raw.count(b'"podIP":') == 1000
    # Around 30 ms on an idle machine; the bound only keeps it from becoming something else.
    assert min(times) < 0.5
