import pytest

from sandbox.kubernetes.client import APIError, ClusterClient
from tests.sandbox.kubernetes.conftest import APPS, CORE, config_map, deployment, pod, wait_available, wait_for_pod


async def kinds_left(cluster: ClusterClient) -> list[int]:
    return [len(await cluster.items(path)) for path in (f"{APPS}/deployments", f"{APPS}/replicasets", f"{CORE}/pods")]


@pytest.mark.parametrize("policy", ["Background", "Foreground"])
async def test_dependents_go_with_their_owner(cluster: ClusterClient, policy: str) -> None:
    await cluster.request("POST", f"{APPS}/deployments", deployment(replicas=2))
    await wait_available(cluster, "web", 2)
    await cluster.request("DELETE", f"{APPS}/deployments/web", {"propagationPolicy": policy})

    async def gone() -> bool:
        return await kinds_left(cluster) == [0, 0, 0]

    await cluster.wait_until(gone, "the end of everything", 10)


async def test_orphans_stay(cluster: ClusterClient) -> None:
    await cluster.request("POST", f"{APPS}/deployments", deployment())
    await wait_available(cluster, "web", 1)
    await cluster.request("DELETE", f"{APPS}/deployments/web", {"propagationPolicy": "Orphan"})

    async def orphaned() -> bool:
        sets = await cluster.items(f"{APPS}/replicasets")
        return (await kinds_left(cluster))[0] == 0 and "ownerReferences" not in sets[0]["metadata"]

    await cluster.wait_until(orphaned, "the orphans", 10)
    assert await kinds_left(cluster) == [0, 1, 1]


async def test_a_pod_is_deleted_gracefully(cluster: ClusterClient) -> None:
    await cluster.request("POST", f"{CORE}/pods", pod())
    await wait_for_pod(cluster, "one", lambda status: status["ready"])
    ending = await cluster.request("DELETE", f"{CORE}/pods/one")
    assert ending["metadata"]["deletionGracePeriodSeconds"] == 30

    async def gone() -> bool:
        return await cluster.find(f"{CORE}/pods/one") is None

    await cluster.wait_until(gone, "the pod's end", 10)
    events = await cluster.items(f"{CORE}/events", fieldSelector="reason=Killing")
    assert events[0]["message"] == "Stopping container main"


async def test_a_namespace_takes_its_content_along(cluster: ClusterClient) -> None:
    await cluster.request("POST", "/api/v1/namespaces", {"metadata": {"name": "chaos"}})
    await cluster.request("POST", "/api/v1/namespaces/chaos/configmaps", config_map())

    async def has_account() -> bool:
        return await cluster.find("/api/v1/namespaces/chaos/serviceaccounts/default") is not None

    await cluster.wait_until(has_account, "the default account", 5)
    await cluster.request("POST", "/api/v1/namespaces/chaos/pods", pod())
    await cluster.request("DELETE", "/api/v1/namespaces/chaos")

    async def gone() -> bool:
        return await cluster.find("/api/v1/namespaces/chaos") is None

    await cluster.wait_until(gone, "the namespace's end", 10)
    assert await cluster.items("/api/v1/namespaces/chaos/pods") == []


async def test_a_budget_blocks_an_eviction(cluster: ClusterClient) -> None:
    await cluster.request("POST", f"{APPS}/deployments", deployment(replicas=2))
    await wait_available(cluster, "web", 2)
    budget = {
        "metadata": {"name": "web"},
        "spec": {"minAvailable": 2, "selector": {"matchLabels": {"app": "web"}}},
    }
    await cluster.request("POST", "/apis/policy/v1/namespaces/demo/poddisruptionbudgets", budget)
    name = (await cluster.items(f"{CORE}/pods"))[0]["metadata"]["name"]
    body = {"apiVersion": "policy/v1", "kind": "Eviction", "metadata": {"name": name}}
    with pytest.raises(APIError) as caught:
        await cluster.request("POST", f"{CORE}/pods/{name}/eviction", body)
    assert caught.value.status == 429
    await cluster.request("DELETE", "/apis/policy/v1/namespaces/demo/poddisruptionbudgets/web")
    await cluster.request("POST", f"{CORE}/pods/{name}/eviction", body)
    assert "deletionTimestamp" in (await cluster.get(f"{CORE}/pods/{name}"))["metadata"]
