"""Connects the bot to what the settings name. Vendor packages are imported here, when they are needed."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

import structlog

from bot.app import Bot, Check, Outside, open_bot
from bot.collector import spare_what_stays
from bot.settings import Settings
from bot.tasks import TaskSupervisor

if TYPE_CHECKING:
    from bot.ports.messenger import Messenger

logger = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Running:
    """A bot that takes events: `url` is where its HTTP server listens."""

    bot: Bot
    url: str


@asynccontextmanager
async def serve(settings: Settings) -> AsyncIterator[Running]:
    """Run the whole bot: connect what is configured, then open the doors, the socket last.

    Raise SettingsError for what a person has to mend, AuthenticationFailed when Slack refuses a token.
    """
    from handlers.http.app import HttpGateway
    from handlers.slack.app import SlackGateway
    from handlers.slack.wiring import Wiring
    from integrations.slack.client import make_client, make_session
    from integrations.slack.messenger import SlackMessenger
    from integrations.slack.screens import SlackScreens

    async with AsyncExitStack() as stack:
        client = make_client(settings.slack, await stack.enter_async_context(make_session()))
        messenger = SlackMessenger(client, settings.slack)
        outside, checks = await _connect(settings, messenger, stack)
        gateways: list[SlackGateway] = []

        async def slack_check() -> str:
            return await gateways[0].check() if gateways else await messenger.check()

        # Without Slack there is nobody to talk to, so it decides on readiness; without the others an incident is
        # handled with less.
        bot = await stack.enter_async_context(
            open_bot(settings, outside, {"Slack": slack_check, **checks}, optional=frozenset(checks))
        )
        http = HttpGateway(bot.services, settings)
        await http.start()
        stack.push_async_callback(http.stop)
        tasks = TaskSupervisor()
        stack.push_async_callback(tasks.close)
        wiring = Wiring(
            services=bot.services,
            screens=SlackScreens(messenger),
            client=client,
            tasks=tasks,
            alert_app_ids=frozenset(settings.slack.alert_app_ids),
            forget_groups=messenger.forget_groups,
        )
        slack = SlackGateway(settings.slack.app_token.get_secret_value(), wiring)
        stack.push_async_callback(slack.stop)
        await slack.start()
        gateways.append(slack)
        spare_what_stays()
        logger.info("started", api=http.url, analyst=outside.analyst.name if outside.analyst else "rules")
        yield Running(bot=bot, url=http.url)
        logger.info("stopping")


async def _connect(
    settings: Settings, messenger: "Messenger", stack: AsyncExitStack
) -> tuple[Outside, dict[str, Check]]:
    """Return what is configured, and a check for each part of it."""
    checks: dict[str, Check] = {}
    outside: dict[str, object] = {}
    if settings.kubernetes.enabled:
        from integrations.kubernetes.actions.catalogue import KubernetesRemediator
        from integrations.kubernetes.client import KubernetesClient
        from integrations.kubernetes.evidence import KubernetesEvidence

        cluster = await KubernetesClient.connect(settings.kubernetes)
        stack.push_async_callback(cluster.close)
        outside["source"] = KubernetesEvidence(cluster, settings.kubernetes)
        outside["remediator"] = KubernetesRemediator(cluster, settings.kubernetes)

        async def kubernetes_check() -> str:
            return f"Kubernetes {await cluster.version()}"

        checks["Kubernetes"] = kubernetes_check
    if settings.pagerduty.api_token is not None:
        from integrations.pagerduty.client import PagerDuty

        pagerduty = PagerDuty(settings.pagerduty)
        stack.push_async_callback(pagerduty.close)
        outside["incident_sources"] = {pagerduty.name: pagerduty}
        checks["PagerDuty"] = pagerduty.check
    if settings.claude.api_key is not None:
        from integrations.claude.analyst import ClaudeAnalyst

        analyst = ClaudeAnalyst(settings.claude)
        stack.push_async_callback(analyst.close)
        outside["analyst"] = analyst
    return Outside(messenger=messenger, **outside), checks  # type: ignore[arg-type]  # one key for each field of Outside
