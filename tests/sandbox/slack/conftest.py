"""A workspace on loopback, the SDK's client for it, and a Bolt app to connect."""

import dataclasses
from collections.abc import AsyncIterator, Awaitable, Callable

import pytest
from slack_bolt.adapter.socket_mode.aiohttp import AsyncSocketModeHandler
from slack_bolt.async_app import AsyncApp
from slack_sdk.web.async_client import AsyncWebClient

from sandbox.slack import SlackWorkspace, default_seed
from sandbox.slack.apps import ONCALL_SCOPES, oncall_app

Connect = Callable[..., Awaitable[AsyncSocketModeHandler]]


@pytest.fixture
async def workspace() -> AsyncIterator[SlackWorkspace]:
    # What the app reads back in these tests is more than the product asks for.
    scopes = (*ONCALL_SCOPES, "bookmarks:read", "files:read", "pins:read")
    running = SlackWorkspace(seed=default_seed(dataclasses.replace(oncall_app(), scopes=scopes)))
    await running.start()
    yield running
    await running.stop()


@pytest.fixture
async def hasty() -> AsyncIterator[SlackWorkspace]:
    """A workspace whose apps have a second to acknowledge: little, and enough on a machine that is busy."""
    running = SlackWorkspace(redelivery_seconds=1.0)
    await running.start()
    yield running
    await running.stop()


@pytest.fixture
def client(workspace: SlackWorkspace) -> AsyncWebClient:
    return AsyncWebClient(token=workspace.app("oncall").bot_token, base_url=workspace.api_url)


@pytest.fixture
def pagerduty(workspace: SlackWorkspace) -> AsyncWebClient:
    return AsyncWebClient(token=workspace.app("pagerduty").bot_token, base_url=workspace.api_url)


@pytest.fixture
def bolt(client: AsyncWebClient) -> AsyncApp:
    return AsyncApp(client=client)


@pytest.fixture
async def connect() -> AsyncIterator[Connect]:
    """Connect a Bolt app to a workspace over Socket Mode; it is closed after the test."""
    handlers: list[AsyncSocketModeHandler] = []

    async def connected(workspace: SlackWorkspace, app: AsyncApp, ping: float = 10.0) -> AsyncSocketModeHandler:
        handler = AsyncSocketModeHandler(app, workspace.app("oncall").app_token, ping_interval=ping)
        handlers.append(handler)
        before = workspace.connections("oncall")
        await handler.connect_async()  # type: ignore[no-untyped-call]
        await workspace.wait_for(lambda: workspace.connections("oncall") > before)
        return handler

    yield connected
    for handler in handlers:
        await handler.close_async()  # type: ignore[no-untyped-call]
