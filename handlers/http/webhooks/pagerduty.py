"""`/webhook/pagerduty`: verified, parsed and durable before it is answered."""

import asyncio
import time
from datetime import datetime
from ipaddress import ip_address

import structlog
from aiohttp import web

from bot import clock
from bot.domain.alert import Alert, AlertSource, AlertState, Severity
from bot.domain.base import new_id
from bot.errors import InvalidInput, Unavailable
from bot.services import Services
from bot.settings import PagerDutySettings
from handlers.http.errors import error_response
from handlers.http.metrics import Metrics
from handlers.http.webhooks.pagerduty_event import parse_event, read_alert, verify_signature

logger = structlog.get_logger(__name__)

_READ_SECONDS = 5.0
_ACCEPTED = b'{"status":"accepted"}'
_DUPLICATE = b'{"status":"duplicate"}'
_IGNORED = b'{"status":"ignored"}'
_PONG = b'{"status":"pong"}'


class PagerDutyWebhook:
    """The three routes of this source."""

    def __init__(self, services: Services, settings: PagerDutySettings, metrics: Metrics) -> None:
        self._services = services
        # Several secrets, separated by commas, let one be replaced by the next without a gap.
        configured = settings.webhook_secret.get_secret_value() if settings.webhook_secret else ""
        self._secrets = tuple(secret for part in configured.split(",") if (secret := part.strip()))
        self._metrics = metrics
        self._counts: dict[str, int] = {}
        self._last: tuple[datetime, str] | None = None
        self._outcomes = {
            outcome: metrics.deliveries.labels("pagerduty", outcome)
            for outcome in ("accepted", "duplicate", "ignored", "refused", "invalid", "unavailable", "ping")
        }
        self._seconds = metrics.seconds.labels("pagerduty")

    def register(self, app: web.Application) -> None:
        app.router.add_post("/webhook/pagerduty", self.receive)
        app.router.add_get("/webhook/pagerduty/status", self.status)
        app.router.add_post("/webhook/pagerduty/test", self.test)

    async def receive(self, request: web.Request) -> web.Response:
        """Answer 202 once the event is durable; the sender tries again on 5xx and gives up on 4xx."""
        started = time.perf_counter()
        response = await self._receive(request)
        self._seconds.observe(time.perf_counter() - started)
        return response

    async def _receive(self, request: web.Request) -> web.Response:
        if not self._secrets:
            return self._refuse(
                503, "unavailable", "This bot has no PAGERDUTY_WEBHOOK_SECRET, so it takes no webhook.",
                "Copy the subscription's signing secret into the setting.",
            )  # fmt: skip
        try:
            if request.content.is_eof():  # mostly it came with the head: nothing to wait for, so no timer
                body = await request.read()
            else:
                async with asyncio.timeout(_READ_SECONDS):
                    body = await request.read()
        except web.HTTPRequestEntityTooLarge:
            return self._refuse(413, "refused", "The body is larger than 256 KB.")
        except TimeoutError:
            return self._refuse(408, "refused", "The body did not arrive in time.")
        if not self._is_signed(body, request):
            return self._refuse(
                401, "refused", "The signature does not match.", "Compare the signing secret with PagerDuty's."
            )
        try:
            event = parse_event(body)
            if event["event_type"] == "pagey.ping":
                return self._answer("ping", event["event_type"], _PONG)
            alert = read_alert(event, request.headers.get("X-Webhook-Id") or event["id"])
        except InvalidInput as error:
            return self._refuse(400, "invalid", error.message)
        if alert is None:
            return self._answer("ignored", event["event_type"], _IGNORED)
        try:
            new = await self._services.intake.accept(alert)
        except Unavailable:
            logger.warning("webhook_not_stored", delivery=alert.delivery_id)
            return self._refuse(
                503, "unavailable", "The event could not be stored.", "Try again soon.", retry_after=5.0
            )
        if new:
            return self._answer("accepted", event["event_type"], _ACCEPTED)
        return self._answer("duplicate", event["event_type"], _DUPLICATE)

    def _is_signed(self, body: bytes, request: web.Request) -> bool:
        header = request.headers.get("X-PagerDuty-Signature", "")
        return any(verify_signature(body, header, secret) for secret in self._secrets)

    def _answer(self, outcome: str, event_type: str, body: bytes) -> web.Response:
        self._outcomes[outcome].inc()
        # Unknown types come from outside: what is remembered of them is bounded.
        if event_type in self._counts or len(self._counts) < 100:
            self._counts[event_type] = self._counts.get(event_type, 0) + 1
        self._last = (clock.now(), event_type)
        return web.Response(body=body, status=202, content_type="application/json")

    def _refuse(
        self, status: int, outcome: str, message: str, next_step: str = "", retry_after: float | None = None
    ) -> web.Response:
        self._outcomes[outcome].inc()
        return error_response(status, message, next_step, retry_after=retry_after)

    async def status(self, _request: web.Request) -> web.Response:
        """Say whether webhooks can arrive, and what did."""
        last = None if self._last is None else {"at": self._last[0].isoformat(), "event_type": self._last[1]}
        return web.json_response(
            {
                "secret_configured": bool(self._secrets),
                "last_delivery": last,
                "deliveries_by_type": self._counts,
                "inbox_backlog": await self._services.intake.backlog(),
            }
        )

    async def test(self, request: web.Request) -> web.Response:
        """Open a test incident, for a signed request or one from this machine."""
        body = await request.read()
        signed = self._is_signed(body, request)
        if not signed and not _is_loopback(request):
            return self._refuse(
                401, "refused", "A test needs a signature, or has to come from this machine.",
                "Sign the body like a webhook, or call it on the bot's own host.",
            )  # fmt: skip
        alert = Alert(
            source=AlertSource.TEST,
            delivery_id=new_id("TEST"),
            dedup_key=f"test:{new_id('TEST')}",
            state=AlertState.TRIGGERED,
            title="Test alert: the webhook route works",
            severity=Severity.INFO,
            service="Oncall Agent",
            occurred_at=clock.now(),
        )
        await self._services.intake.accept(alert)
        return web.json_response({"status": "accepted", "delivery_id": alert.delivery_id}, status=202)


def _is_loopback(request: web.Request) -> bool:
    """Say whether the request comes from this machine and through no proxy, which would hide where it comes from."""
    if any(name in request.headers for name in ("X-Forwarded-For", "Forwarded", "X-Real-IP")):
        return False
    try:
        return request.remote is not None and ip_address(request.remote).is_loopback
    except ValueError:
        return False
