"""Socket Mode apps: the product's gateway with its inbox, or a Bolt app that does nothing.

    python -m benchmarks.servers.slack gateway|no-op API_URL DATABASE_URL
"""

import asyncio
import sys
from typing import Any, cast

from benchmarks.processes import log_errors_only, until_told
from benchmarks.servers.intake import make_services, make_settings, open_intake
from bot.tasks import TaskSupervisor


async def serve_no_op(api_url: str) -> None:
    """Run the least that Bolt can be: default options, one listener that returns."""
    from slack_bolt.adapter.socket_mode.aiohttp import AsyncSocketModeHandler
    from slack_bolt.async_app import AsyncApp
    from slack_sdk.web.async_client import AsyncWebClient

    app = AsyncApp(client=AsyncWebClient(token="xoxb-1", base_url=api_url))

    @app.event("message")
    async def on_message() -> None:
        return

    handler = AsyncSocketModeHandler(app, "xapp-1")
    await handler.connect_async()  # type: ignore[no-untyped-call]  # Bolt's annotations have gaps
    try:
        await until_told({})
    finally:
        await handler.close_async()  # type: ignore[no-untyped-call]


async def serve_gateway(api_url: str, database_url: str) -> None:
    """Run the product's gateway; an alert is acknowledged once its row is committed. Nothing drains the inbox."""
    from handlers.slack.app import SlackGateway
    from handlers.slack.wiring import Wiring
    from integrations.slack.client import make_client, make_session

    settings = make_settings(database_url, SLACK_API_URL=api_url)
    tasks = TaskSupervisor()
    async with open_intake(database_url) as intake, make_session() as session:
        nobody = cast("Any", None)
        wiring = Wiring(
            services=make_services(intake),
            screens=nobody,
            client=make_client(settings.slack, session),
            tasks=tasks,
            alert_app_ids=frozenset(settings.slack.alert_app_ids),
            forget_groups=lambda: None,
        )
        gateway = SlackGateway("xapp-1", wiring)
        await gateway.start()
        try:
            await until_told({})
        finally:
            await gateway.stop()
            await tasks.close()


def main(kind: str, api_url: str, database_url: str) -> None:
    asyncio.run(serve_gateway(api_url, database_url) if kind == "gateway" else serve_no_op(api_url))


if __name__ == "__main__":
    log_errors_only()
    main(*sys.argv[1:4])
