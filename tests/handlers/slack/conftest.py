from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import pytest
from slack_bolt.async_app import AsyncApp
from slack_bolt.request.async_request import AsyncBoltRequest
from slack_bolt.response import BoltResponse
from slack_sdk.web.async_client import AsyncWebClient

from bot.settings import SlackSettings
from bot.tasks import TaskSupervisor
from handlers.slack.app import SlackGateway, build_app
from handlers.slack.wiring import Wiring
from integrations.slack.client import make_client, make_session
from integrations.slack.messenger import SlackMessenger
from integrations.slack.screens import SlackScreens
from sandbox.slack.seed import default_seed
from sandbox.slack.workspace import SlackWorkspace
from tests.handlers.slack.fakes import Recorder, services
from tests.handlers.slack.manifest import MANIFEST

Dispatch = Callable[[dict[str, Any]], Awaitable[BoltResponse]]


@pytest.fixture
def recorder() -> Recorder:
    return Recorder()


@pytest.fixture
async def workspace() -> AsyncIterator[SlackWorkspace]:
    workspace = SlackWorkspace(default_seed(MANIFEST), redelivery_seconds=0.5)
    await workspace.start()
    yield workspace
    await workspace.stop()


@pytest.fixture
def slack_settings(workspace: SlackWorkspace) -> SlackSettings:
    app = workspace.app("oncall")
    return SlackSettings.model_validate(
        {"SLACK_BOT_TOKEN": app.bot_token, "SLACK_APP_TOKEN": app.app_token, "SLACK_API_URL": workspace.api_url}
    )


@pytest.fixture
async def client(slack_settings: SlackSettings) -> AsyncIterator[AsyncWebClient]:
    session = make_session()
    yield make_client(slack_settings, session)
    await session.close()


@pytest.fixture
async def tasks() -> AsyncIterator[TaskSupervisor]:
    tasks = TaskSupervisor()
    yield tasks
    await tasks.close()


@pytest.fixture
def messenger(client: AsyncWebClient, slack_settings: SlackSettings) -> SlackMessenger:
    return SlackMessenger(client, slack_settings)


@pytest.fixture
def wiring(client: AsyncWebClient, messenger: SlackMessenger, tasks: TaskSupervisor, recorder: Recorder) -> Wiring:
    return Wiring(
        services=services(recorder),
        screens=SlackScreens(messenger),
        client=client,
        tasks=tasks,
        alert_app_ids=frozenset({"A1FKYAUUX"}),
        forget_groups=messenger.forget_groups,
    )


@pytest.fixture
def app(wiring: Wiring) -> AsyncApp:
    return build_app(wiring)


@pytest.fixture
async def gateway(wiring: Wiring, slack_settings: SlackSettings) -> AsyncIterator[SlackGateway]:
    gateway = SlackGateway(slack_settings.app_token.get_secret_value(), wiring, ping_seconds=0.2)
    await gateway.start()
    yield gateway
    await gateway.stop()


@pytest.fixture
def dispatch(app: AsyncApp, tasks: TaskSupervisor) -> Dispatch:
    """Deliver a payload as Socket Mode does and wait until everything that it started is done."""

    async def deliver(body: dict[str, Any]) -> BoltResponse:
        response = await app.async_dispatch(AsyncBoltRequest(mode="socket_mode", body=body))
        while tasks._tasks:
            await next(iter(tasks._tasks))
        return response

    return deliver
