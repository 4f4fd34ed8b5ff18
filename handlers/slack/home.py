"""App Home: published when it is opened, refreshed, or decided in."""

import asyncio
from typing import Any

import structlog
from slack_bolt.async_app import AsyncApp
from slack_sdk.errors import SlackApiError

from handlers.slack.wiring import Wiring

logger = structlog.get_logger(__name__)

JSON = dict[str, Any]
DEFAULT_DAYS = 7
MOST_DAYS = 90
_REFUSED_LAYOUT = frozenset({"invalid_blocks", "invalid_arguments", "invalid_blocks_format"})


def read_days(view: JSON) -> int:
    """Return the period that a published view shows, in days."""
    kept = str(view.get("private_metadata") or "")
    return int(kept) if kept.isdecimal() else DEFAULT_DAYS


async def publish(wiring: Wiring, user_id: str, days: int) -> None:
    """Publish App Home for one person. Charts are tried first; where Slack refuses them, text bars take their place."""
    days = min(max(days, 1), MOST_DAYS)
    services = wiring.services
    incidents, pending, figures = await asyncio.gather(
        services.incidents.open(), services.approvals.pending(), services.analytics.figures(days)
    )
    for chart in (True, False):
        view = await wiring.screens.home(incidents, pending, figures, days=days, chart=chart)
        try:
            await wiring.client.views_publish(user_id=user_id, view=view)
        except SlackApiError as error:
            if not chart or error.response.get("error") not in _REFUSED_LAYOUT:
                raise
            logger.debug("home_chart_refused", reason=error.response.get("error"))
        else:
            return


def register(app: AsyncApp, wiring: Wiring) -> None:
    @app.event("app_home_opened")
    async def on_home_opened(event: JSON) -> None:
        if event.get("tab", "home") != "home":
            return
        days = read_days(event.get("view") or {})
        await publish(wiring, str(event["user"]), days)
