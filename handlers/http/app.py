"""The HTTP server: webhooks, health and metrics."""

from typing import TYPE_CHECKING

import structlog
from aiohttp import web

from bot.errors import SettingsError
from bot.services import Services
from bot.settings import Settings
from handlers.http import health
from handlers.http.errors import error_middleware
from handlers.http.metrics import Metrics
from handlers.http.webhooks.pagerduty import PagerDutyWebhook

if TYPE_CHECKING:
    from collections.abc import Mapping

logger = structlog.get_logger(__name__)

WEBHOOK_LIMIT_BYTES = 256 * 1024


def make_app(services: Services, settings: Settings) -> web.Application:
    """Return the application with all routes."""
    metrics = Metrics()
    app = web.Application(middlewares=[error_middleware], client_max_size=WEBHOOK_LIMIT_BYTES)
    PagerDutyWebhook(services, settings.pagerduty, metrics).register(app)
    health.register(app, services, metrics)
    app.on_response_prepare.append(_without_banner)
    return app


async def _without_banner(_request: web.BaseRequest, response: web.StreamResponse) -> None:
    headers: Mapping[str, str] = response.headers
    if "Server" in headers:
        del response.headers["Server"]


class HttpGateway:
    """Owns the server."""

    def __init__(self, services: Services, settings: Settings) -> None:
        self._settings = settings.api
        self._runner = web.AppRunner(
            make_app(services, settings), access_log=None, handle_signals=False, shutdown_timeout=5.0
        )
        self._port = settings.api.port

    @property
    def url(self) -> str:
        return f"http://{self._settings.host}:{self._port}"

    async def start(self) -> None:
        """Listen. Raise SettingsError when the address is taken."""
        await self._runner.setup()
        site = web.TCPSite(self._runner, self._settings.host, self._settings.port)
        try:
            await site.start()
        except OSError as error:
            await self._runner.cleanup()
            raise SettingsError(
                f"The bot cannot listen on {self._settings.host}:{self._settings.port}: {error.strerror}.",
                next_step="Set API_HOST and API_PORT to an address that is free.",
            ) from error
        self._port = self._runner.addresses[0][1]

    async def stop(self) -> None:
        await self._runner.cleanup()
