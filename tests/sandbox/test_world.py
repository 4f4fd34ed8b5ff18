"""The whole sandbox: what it starts, how it is wired, what the bot is handed."""

import asyncio
import time
from collections.abc import AsyncIterator
from typing import Any

import pytest
import yaml
from aiohttp import web
from slack_sdk.web.async_client import AsyncWebClient

from sandbox.kubernetes.client import APIError, ClusterClient
from sandbox.messages_api import MessagesServer
from sandbox.scenarios.applications import APPLICATIONS, is_healthy
from sandbox.serving import Serving
from sandbox.world import World
from tests.sandbox.pagerduty.conftest import Receiver, is_signed

DEPLOYMENTS = "/apis/apps/v1/namespaces/demo/deployments"


@pytest.fixture
async def world() -> AsyncIterator[World]:
    async with World(applications=("payment-service", "healthy-app"), scripted_claude=True) as one:
        yield one


@pytest.fixture
async def receiver() -> AsyncIterator[Receiver]:
    one = Receiver()
    app = web.Application()
    app.router.add_post("/webhook/pagerduty", one.take)
    one.serving = await Serving.start(app)
    yield one
    await one.serving.stop()


async def read_messages(world: World) -> list[dict[str, Any]]:
    client = AsyncWebClient(token=world.slack.app("oncall").bot_token, base_url=world.slack.api_url)
    history = await client.conversations_history(channel=world.slack.channel_id("incidents"))
    messages: list[dict[str, Any]] = history["messages"]
    return messages


def open_as_bot(world: World) -> ClusterClient:
    user = yaml.safe_load(world.kubeconfig.read_text())["users"][0]["user"]
    return ClusterClient(world.kubernetes.url, user["token"], world.kubernetes.certificate_authority)


async def test_everything_starts_in_two_seconds_healthy() -> None:
    started = time.perf_counter()
    async with World() as world:
        seconds = time.perf_counter() - started
        async with world.open_cluster() as cluster:
            assert all([await is_healthy(cluster, name) for name in APPLICATIONS])
        assert world.messages is None
        assert "ANTHROPIC_API_KEY" not in world.environment(1)
    # Two seconds on a quiet machine; the bound leaves room for a busy one.
    assert seconds < 6


async def test_a_scenario_goes_the_whole_way(world: World, receiver: Receiver) -> None:
    assert receiver.serving is not None
    environment = world.environment(receiver.serving.port)
    title = await world.runner.start("payment-service", "U01MAYACHEN")
    await world.runner.settle()
    await world.pagerduty.settle()
    assert title == "Payments crash at start"
    (incident,) = world.pagerduty.incidents()
    assert [user.email for user in incident.assignees] == ["maya.chen@acme.example"]
    async with world.open_cluster() as cluster:
        assert not await is_healthy(cluster, "payment-service")
    (card,) = await read_messages(world)
    assert card["text"].startswith(f"*Triggered* <{incident.html_url}|")
    assert card["bot_profile"]["app_id"] == "A1FKYAUUX"
    ((headers, body),) = receiver.received
    assert is_signed(headers, body, environment["PAGERDUTY_WEBHOOK_SECRET"])
    assert receiver.events[0]["data"]["id"] == incident.id


async def test_the_card_follows_the_incident(world: World) -> None:
    incident = world.pagerduty.trigger("identity", "Many failed logins")
    person = world.pagerduty.directory.users[0]
    world.pagerduty.account.add_note(incident, person, "Looking")
    from sandbox.pagerduty.account import user_agent

    world.pagerduty.account.resolve(incident, user_agent(person))
    await world.pagerduty.settle()
    (card,) = await read_messages(world)
    assert card["text"].startswith("*Resolved* ")
    assert card["reply_count"] == 2


async def test_the_bot_is_handed_its_settings(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    environment = world.environment(8123)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    from bot.settings import load

    settings = load()
    assert settings.slack.api_url == world.slack.api_url
    assert settings.pagerduty.api_url == world.pagerduty.url
    assert settings.kubernetes.destructive_enabled
    assert settings.kubernetes.config_path == world.kubeconfig
    assert settings.kubernetes.namespace == "demo"
    assert settings.approval.approvers == (world.slack.group_id("oncall"),)
    assert settings.api.port == 8123
    assert isinstance(world.messages, MessagesServer)
    assert settings.claude.base_url == world.messages.url


async def test_webhooks_go_to_the_last_port_only(world: World, receiver: Receiver) -> None:
    assert receiver.serving is not None
    for port in (1, receiver.serving.port, receiver.serving.port):
        world.environment(port)
    world.pagerduty.trigger("identity", "Many failed logins")
    await world.pagerduty.settle()
    assert receiver.types == ["incident.triggered"]


async def test_the_bot_may_do_what_its_actions_need_and_no_more(world: World) -> None:
    async with open_as_bot(world) as bot:
        assert len(await bot.items(DEPLOYMENTS)) == 2
        pods = await bot.items("/api/v1/namespaces/demo/pods")
        await bot.items("/api/v1/nodes")
        await bot.items("/apis/metrics.k8s.io/v1beta1/namespaces/demo/pods")
        merge = "application/merge-patch+json"
        labels = {"metadata": {"labels": {"checked": "yes"}}}
        for path in (
            f"{DEPLOYMENTS}/healthy-app",
            "/api/v1/namespaces/demo/services/healthy-app",
            "/api/v1/namespaces/demo/configmaps/payment-config",
        ):
            changed = await bot.request("PATCH", path, labels, content_type=merge)
            assert changed["metadata"]["labels"]["checked"] == "yes"
        await bot.request("PATCH", f"{DEPLOYMENTS}/healthy-app/scale", {"spec": {"replicas": 3}}, content_type=merge)
        await bot.request("DELETE", f"/api/v1/namespaces/demo/pods/{pods[0]['metadata']['name']}")
        forbidden: list[tuple[str, str, Any]] = [
            ("GET", "/api/v1/namespaces/demo/secrets", None),
            ("DELETE", f"{DEPLOYMENTS}/healthy-app", None),
            ("DELETE", "/api/v1/nodes/node-1", None),
            ("PATCH", "/api/v1/nodes/node-1/status", labels),
            ("PATCH", "/api/v1/namespaces/kube-system/configmaps/any", labels),
            ("POST", "/api/v1/namespaces/demo/pods", {"metadata": {"name": "x"}, "spec": {"containers": []}}),
            ("DELETE", "/api/v1/namespaces/demo", None),
        ]
        for method, path, body in forbidden:
            kind = merge if method == "PATCH" else "application/json"
            with pytest.raises(APIError) as refused:
                await bot.request(method, path, body, content_type=kind)
            assert refused.value.status == 403, (method, path)


async def test_one_log_holds_all_traffic(world: World) -> None:
    world.pagerduty.trigger("identity", "Many failed logins")
    await world.pagerduty.settle()
    await read_messages(world)
    servers = {exchange.server for exchange in world.traffic.exchanges}
    assert {"slack", "kubernetes"} <= servers


async def test_stopping_leaves_nothing_behind() -> None:
    world = await World(applications=()).start()
    kubeconfig = world.kubeconfig
    assert kubeconfig.exists()
    await world.stop()
    await world.stop()
    assert not kubeconfig.exists()
    assert not [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]


async def test_a_taken_port_is_reported_and_nothing_stays() -> None:
    serving = await Serving.start(web.Application())
    with pytest.raises(OSError, match="address already in use"):
        await World(applications=()).start(port=serving.port)
    await serving.stop()
    assert not [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
