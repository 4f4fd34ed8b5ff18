import asyncio
import json
from typing import Any

import aiohttp
import pytest

from sandbox.kubernetes.client import MERGE, ClusterClient
from sandbox.kubernetes.server import KubernetesServer
from tests.sandbox.kubernetes.conftest import CORE, config_map


async def read_watch(server: KubernetesServer, query: dict[str, str], count: int) -> list[dict[str, Any]]:
    headers = {"Authorization": f"Bearer {server.admin_token}"}
    found: list[dict[str, Any]] = []
    async with aiohttp.ClientSession(headers=headers) as session:
        params = {"watch": "true", **query}
        async with session.get(f"{server.url}{CORE}/configmaps", params=params) as response:
            assert response.status == 200, await response.text()
            while len(found) < count:
                found.append(json.loads(await asyncio.wait_for(response.content.readline(), 5)))
    return found


async def test_a_watch_replays_and_follows(server: KubernetesServer, cluster: ClusterClient) -> None:
    version = (await cluster.get(f"{CORE}/configmaps"))["metadata"]["resourceVersion"]
    await cluster.request("POST", f"{CORE}/configmaps", config_map(a="1"))
    watching = asyncio.create_task(read_watch(server, {"resourceVersion": version}, 3))
    await cluster.request("PATCH", f"{CORE}/configmaps/settings", {"data": {"a": "2"}}, content_type=MERGE)
    await cluster.request("DELETE", f"{CORE}/configmaps/settings")
    found = await watching
    assert [entry["type"] for entry in found] == ["ADDED", "MODIFIED", "DELETED"]
    assert found[1]["object"]["data"] == {"a": "2"}
    assert found[0]["object"]["kind"] == "ConfigMap"


async def test_a_watch_without_a_version_starts_with_what_is_there(
    server: KubernetesServer, cluster: ClusterClient
) -> None:
    await cluster.request("POST", f"{CORE}/configmaps", config_map())
    query = {"sendInitialEvents": "true", "allowWatchBookmarks": "true"}
    added, bookmark = await read_watch(server, query, 2)
    assert added["object"]["metadata"]["name"] == "settings"
    assert bookmark["type"] == "BOOKMARK"
    assert bookmark["object"]["metadata"]["annotations"] == {"k8s.io/initial-events-end": "true"}


async def test_an_object_that_leaves_the_selection_is_deleted_to_the_watcher(
    server: KubernetesServer, cluster: ClusterClient
) -> None:
    await cluster.request("POST", f"{CORE}/configmaps", config_map())
    watching = asyncio.create_task(read_watch(server, {"labelSelector": "kind=settings"}, 2))
    await asyncio.sleep(0.1)
    body = {"metadata": {"labels": {"kind": "other"}}}
    await cluster.request("PATCH", f"{CORE}/configmaps/settings", body, content_type=MERGE)
    assert [entry["type"] for entry in await watching] == ["ADDED", "DELETED"]


async def test_a_version_that_is_forgotten_is_gone(server: KubernetesServer, cluster: ClusterClient) -> None:
    await cluster.request("POST", f"{CORE}/configmaps", config_map())
    server.store.forget_history()
    async with aiohttp.ClientSession(headers={"Authorization": f"Bearer {server.admin_token}"}) as session:
        params = {"watch": "true", "resourceVersion": "5"}
        async with session.get(f"{server.url}{CORE}/configmaps", params=params) as response:
            body = await response.json()
    assert (response.status, body["reason"]) == (410, "Expired")


async def test_a_watch_ends_in_time(server: KubernetesServer) -> None:
    with pytest.raises(json.JSONDecodeError):  # The stream ends, so the next line is empty.
        await read_watch(server, {"timeoutSeconds": "1"}, 1)


async def test_a_watcher_that_hangs_up_is_let_go(
    server: KubernetesServer, cluster: ClusterClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sandbox.kubernetes.watching._LOOK_SECONDS", 0.05)
    listening = len(server.store._listeners)
    await cluster.request("POST", f"{CORE}/configmaps", config_map())
    await read_watch(server, {}, 1)

    async def let_go() -> bool:
        return len(server.store._listeners) == listening

    await cluster.wait_until(let_go, "the end of the watch", 5)


async def test_events_read_and_written_in_both_groups(cluster: ClusterClient) -> None:
    body = {
        "metadata": {"name": "noted"},
        "regarding": {"kind": "Pod", "name": "x", "namespace": "demo"},
        "reason": "Seen",
        "note": "it happened",
        "type": "Normal",
        "reportingController": "tests",
    }
    group = "/apis/events.k8s.io/v1/namespaces/demo/events"
    made = await cluster.request("POST", group, body)
    assert (made["apiVersion"], made["note"]) == ("events.k8s.io/v1", "it happened")
    [core] = await cluster.items(f"{CORE}/events", fieldSelector="involvedObject.name=x")
    assert core["message"] == "it happened"
    [listed] = await cluster.items(group, fieldSelector="reason=Seen")
    assert listed["regarding"]["name"] == "x"
