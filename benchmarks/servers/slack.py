"""The product's Socket Mode gateway with its inbox: python -m benchmarks.servers.slack API_URL DATABASE_URL."""

import asyncio
import sys
from typing import Any, cast

from benchmarks.processes import log_errors_only, until_told
from benchmarks.servers.intake import make_services, make_settings, open_intake
from bot.tasks import TaskSupervisor
from handlers.slack.app import SlackGateway
from handlers.slack.wiring import Wiring
from integrations.slack.client import make_client, make_session


async def serve(api_url: str, database_url: str) -> None:
    """Run the product's gateway; an alert is acknowledged once its row is committed. Nothing drains the inbox."""
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


if __name__ == "__main__":
    log_errors_only()
    asyncio.run(serve(sys.argv[1], sys.argv[2]))
