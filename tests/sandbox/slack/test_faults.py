import time

import pytest
from slack_sdk.errors import SlackApiError
from slack_sdk.http_retry.builtin_async_handlers import (
    AsyncRateLimitErrorRetryHandler,
    AsyncServerErrorRetryHandler,
)
from slack_sdk.http_retry.builtin_interval_calculators import FixedValueRetryIntervalCalculator
from slack_sdk.web.async_client import AsyncWebClient

from sandbox.slack import Faults, SlackWorkspace


async def post(client: AsyncWebClient) -> None:
    await client.chat_postMessage(channel="#incidents", text="x")


async def test_a_rate_limit_is_waited_out_by_the_sdk(workspace: SlackWorkspace, client: AsyncWebClient) -> None:
    client.retry_handlers.append(AsyncRateLimitErrorRetryHandler(max_retry_count=1))
    workspace.faults.add("rate_limited", "chat.*", retry_after=1)
    started = time.monotonic()
    await client.auth_test()
    await post(client)
    assert time.monotonic() - started >= 1.0
    assert len(workspace.act_as("maya").messages("incidents")) == 1
    statuses = [r["status"] for r in workspace.traffic.since(0) if r["path"] == "/api/chat.postMessage"]
    assert statuses == [429, 200]


async def test_a_rate_limit_without_patience_is_an_error(workspace: SlackWorkspace, client: AsyncWebClient) -> None:
    workspace.faults.add("rate_limited", retry_after=7)
    with pytest.raises(SlackApiError) as refused:
        await post(client)
    assert refused.value.response.status_code == 429
    assert refused.value.response.headers["Retry-After"] == "7"
    assert refused.value.response["error"] == "ratelimited"


async def test_a_server_error_is_retried(workspace: SlackWorkspace, client: AsyncWebClient) -> None:
    quick = FixedValueRetryIntervalCalculator(0.01)
    client.retry_handlers.append(AsyncServerErrorRetryHandler(max_retry_count=2, interval_calculator=quick))
    fault = workspace.faults.add("server_error", "chat.postMessage", count=2)
    await post(client)
    assert fault.hits == 2


async def test_a_reset_before_and_after_the_effect(workspace: SlackWorkspace, client: AsyncWebClient) -> None:
    workspace.faults.add("reset", "chat.postMessage")
    await post(client)
    maya = workspace.act_as("maya")
    assert len(maya.messages("incidents")) == 1
    # The SDK tries again when the answer is lost, and the message is there twice.
    workspace.faults.add("lost_answer", "chat.postMessage")
    await post(client)
    assert len(maya.messages("incidents")) == 3


async def test_a_slow_answer_comes_late(workspace: SlackWorkspace, client: AsyncWebClient) -> None:
    workspace.faults.add("slow", "auth.test", seconds=0.2)
    started = time.monotonic()
    await client.auth_test()
    assert time.monotonic() - started >= 0.2


async def test_posts_can_be_held_to_one_a_second_in_each_channel(
    workspace: SlackWorkspace, client: AsyncWebClient
) -> None:
    workspace.faults.limit_posts_per_channel()
    await post(client)
    await client.chat_postMessage(channel="#payments", text="another channel")
    with pytest.raises(SlackApiError) as refused:
        await post(client)
    assert refused.value.response["error"] == "ratelimited"


def test_tiers_limit_each_method_on_its_own() -> None:
    faults = Faults()
    faults.limit_by_tier()
    allowed = sum(faults.strike(("budget",), "usergroups.list") is None for _ in range(30))
    assert allowed == 20
    assert faults.strike(("budget",), "usergroups.users.list") is None


def test_a_malformed_rule_leaves_the_rules_alone() -> None:
    faults = Faults()
    faults.add("slow")
    for bad in ({"rules": [{"kind": "gremlins"}]}, {"add": ["slow"]}, {"add": [{"kind": "slow", "pace": 1}]}):
        with pytest.raises((TypeError, ValueError)):
            faults.apply(bad)
    assert [rule.kind for rule in faults.rules] == ["slow"]
    faults.apply({"rules": [{"kind": "reset", "method": "chat.*", "count": None}]})
    assert [(rule.kind, rule.count) for rule in faults.rules] == [("reset", None)]
    faults.apply({"remove": [faults.rules[0].id]})
    assert faults.rules == []
