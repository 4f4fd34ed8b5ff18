from collections.abc import AsyncIterator

import pytest
from slack_sdk.web.async_client import AsyncWebClient

from bot.settings import SlackSettings
from integrations.slack.client import make_client, make_session
from integrations.slack.messenger import SlackMessenger
from sandbox.slack.workspace import SlackWorkspace


@pytest.fixture
async def workspace() -> AsyncIterator[SlackWorkspace]:
    workspace = SlackWorkspace()
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
def messenger(client: AsyncWebClient, slack_settings: SlackSettings) -> SlackMessenger:
    return SlackMessenger(client, slack_settings)
