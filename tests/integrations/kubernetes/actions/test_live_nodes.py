"""Nodes and evictions against the sandbox: what they change concerns the whole cluster, so a real one is left alone."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from bot.domain.entity import ObjectRef
from bot.errors import InvalidInput
from integrations.kubernetes.client import MERGE_PATCH
from tests.integrations.kubernetes.actions.live_cluster import Live, live_shop
from tests.integrations.kubernetes.actions.test_live import ask, ignore

Obj = dict[str, Any]


@pytest.fixture
async def live(tmp_path: Path) -> AsyncIterator[Live]:
    async with live_shop(tmp_path) as shop:
        yield shop


def budget(least: int) -> Obj:
    spec = {"minAvailable": least, "selector": {"matchLabels": {"app": "web"}}}
    return {"apiVersion": "policy/v1", "kind": "PodDisruptionBudget", "metadata": {"name": "web"}, "spec": spec}


async def guard(live: Live, least: int) -> None:
    """Create a budget for the shop and wait until its status says what it allows."""
    await live.create(budget(least))

    async def judged() -> bool:
        found = await live.get(f"PodDisruptionBudget/{live.namespace}/web")
        return (found.get("status") or {}).get("expectedPods") == 2

    await live.until(judged)


async def busy_node(live: Live) -> str:
    """The node of one of the shop's pods."""
    pods = await live.client.list("Pod", live.namespace, label_selector="app=web")
    return str(pods[0]["spec"]["nodeName"])


async def shop_pods_on(live: Live, node: str) -> list[str]:
    pods = await live.client.list("Pod", live.namespace)
    return [pod["metadata"]["name"] for pod in pods if pod["spec"].get("nodeName") == node]


async def test_a_node_is_cordoned_and_opened_again(live: Live) -> None:
    target = f"Node/{await busy_node(live)}"
    before = await live.spec(target)
    shown, applied, verification = await live.carry_out(ask("cordon", {}, target))
    assert verification.passed, verification.summary
    assert shown.command == f"kubectl cordon {target.removeprefix('Node/')}"
    assert "other nodes take new pods" in shown.blast_radius
    assert (await live.get(target))["spec"]["unschedulable"] is True
    assert applied.undo is not None
    assert applied.undo.action == "uncordon"
    _, undone, verification = await live.carry_out(applied.undo, "ACT-2")
    assert verification.passed, verification.summary
    assert undone.undo is not None
    assert await live.spec(target) == before
    with pytest.raises(InvalidInput, match="already as uncordon"):
        await live.remediator.preview(applied.undo)


async def test_an_eviction_that_a_budget_forbids_is_not_offered(live: Live) -> None:
    await guard(live, 2)
    pod = (await live.client.list("Pod", live.namespace, label_selector="app=web"))[0]["metadata"]["name"]
    with pytest.raises(InvalidInput, match="disruption budget web needs 2 healthy pods") as caught:
        await live.remediator.preview(ask("evict", {}, f"Pod/shop/{pod}"))
    assert caught.value.next_step


async def test_an_eviction_that_a_budget_forbids_meanwhile_stops(live: Live) -> None:
    pod = (await live.client.list("Pod", live.namespace, label_selector="app=web"))[0]["metadata"]
    asked = ask("evict", {}, f"Pod/shop/{pod['name']}")
    shown = await live.remediator.preview(asked)
    await guard(live, 2)
    with pytest.raises(InvalidInput, match="nothing was changed"):
        await live.remediator.apply(asked, shown, "ACT-1")
    kept = await live.client.get(asked.target)
    assert kept["metadata"]["uid"] == pod["uid"]
    assert "deletionTimestamp" not in kept["metadata"]


async def test_a_node_is_drained_and_what_belongs_to_it_stays(live: Live) -> None:
    labels = {"app": "agent"}
    container = {"name": "app", "image": "nginx:1.26-alpine"}
    template = {"metadata": {"labels": labels}, "spec": {"containers": [container]}}
    spec = {"selector": {"matchLabels": labels}, "template": template}
    await live.create({"apiVersion": "apps/v1", "kind": "DaemonSet", "metadata": {"name": "agent"}, "spec": spec})
    node = await busy_node(live)

    async def placed() -> bool:
        return any(name.startswith("agent") for name in await shop_pods_on(live, node))

    await live.until(placed)
    asked = ask("drain", {}, f"Node/{node}")
    shown, applied, verification = await live.carry_out(asked)
    assert shown.risk == "X"
    assert "pods are evicted" in shown.blast_radius
    assert "shop " in shown.blast_radius
    assert f"-Pod/{live.namespace}/web-" in shown.diff
    assert verification.passed, verification.summary
    assert all(name.startswith("agent") for name in await shop_pods_on(live, node))
    await live.available("web")
    assert (await live.remediator.apply(asked, shown, "ACT-1")).already_done
    assert applied.undo is not None
    _, _, verification = await live.carry_out(applied.undo, "ACT-2")
    assert verification.passed, verification.summary


async def test_a_drain_waits_for_the_budget_and_goes_on(live: Live) -> None:
    await guard(live, 2)
    node = await busy_node(live)
    asked = ask("drain", {}, f"Node/{node}")
    shown = await live.remediator.preview(asked)
    assert any("PodDisruptionBudget shop/web lets no pod go" in warning for warning in shown.warnings)
    applied = await live.remediator.apply(asked, shown, "ACT-1")
    assert await shop_pods_on(live, node)
    lines: list[str] = []
    watching = asyncio.create_task(live.remediator.verify(asked, applied, lines.append))

    async def held() -> bool:
        return any("needs 2 healthy pods" in line for line in lines)

    await live.until(held)
    assert not watching.done()
    await live.client.delete(ObjectRef(kind="PodDisruptionBudget", namespace="shop", name="web"))
    verification = await watching
    assert verification.passed, verification.summary
    assert not await shop_pods_on(live, node)


async def test_a_drain_stops_when_somebody_opens_the_node(live: Live) -> None:
    await guard(live, 2)
    node = ObjectRef(kind="Node", name=await busy_node(live))
    asked = ask("drain", {}, str(node))
    applied = await live.remediator.apply(asked, await live.remediator.preview(asked), "ACT-1")
    await live.client.patch(node, {"spec": {"unschedulable": None}}, content_type=MERGE_PATCH)
    verification = await live.remediator.verify(asked, applied, ignore)
    assert not verification.passed
    assert "nothing more is evicted" in verification.summary
    assert await shop_pods_on(live, node.name)


async def test_what_would_be_lost_stops_a_drain_before_it_begins(live: Live) -> None:
    node = await busy_node(live)
    container = {"name": "app", "image": "nginx:1.26-alpine"}
    bare = {"nodeName": node, "containers": [container]}
    await live.create({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "bare"}, "spec": bare})
    with pytest.raises(InvalidInput, match="nothing would replace: shop/bare"):
        await live.remediator.preview(ask("drain", {}, f"Node/{node}"))
    await live.client.delete(ObjectRef(kind="Pod", namespace="shop", name="bare"), grace_period_seconds=0)
    patch = {"spec": {"template": {"spec": {"volumes": [{"name": "scratch", "emptyDir": {}}]}}}}
    await live.client.patch(ObjectRef.parse("Deployment/shop/web"), patch)
    await live.available("web")
    node = await busy_node(live)
    with pytest.raises(InvalidInput, match="emptyDir"):
        await live.remediator.preview(ask("drain", {}, f"Node/{node}"))
    shown = await live.remediator.preview(ask("drain", {"accept_emptydir_loss": True}, f"Node/{node}"))
    assert any("is lost" in warning for warning in shown.warnings)
    assert "--delete-emptydir-data" in shown.command
