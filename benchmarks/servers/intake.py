"""Webhook intake: the product's HTTP server with its inbox, and in it a route that only verifies and parses.

python -m benchmarks.servers.intake DATABASE_URL
"""

import asyncio
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, cast

from aiohttp import web

from benchmarks.payloads import SECRET
from benchmarks.processes import log_errors_only, until_told
from bot import clock
from bot.services import Services
from bot.services.core import Core
from bot.services.intake import IntakeService
from bot.settings import (
    ApiSettings,
    ApprovalSettings,
    ClaudeSettings,
    DatabaseSettings,
    KubernetesSettings,
    LogSettings,
    PagerDutySettings,
    Settings,
    SlackSettings,
    TriageSettings,
)
from bot.store.audit import AuditTrail
from bot.store.database import Database
from bot.store.inbox import InboxWriter
from bot.store.migrate import migrate
from handlers.http.app import make_app
from handlers.http.webhooks.pagerduty_event import parse_event, verify_signature


def make_settings(database_url: str, **slack: Any) -> Settings:
    """Return settings that read no environment and no file of the person who measures."""
    return Settings(
        slack=SlackSettings(_env_file=None, SLACK_BOT_TOKEN="xoxb-1", SLACK_APP_TOKEN="xapp-1", **slack),
        pagerduty=PagerDutySettings(_env_file=None, PAGERDUTY_WEBHOOK_SECRET=SECRET),
        claude=ClaudeSettings(_env_file=None),
        kubernetes=KubernetesSettings(_env_file=None, K8S_ENABLED=False),
        approval=ApprovalSettings(_env_file=None),
        api=ApiSettings(_env_file=None, API_HOST="127.0.0.1", API_PORT=0),
        database=DatabaseSettings(_env_file=None, DATABASE_URL=database_url, AUDIT_KEY="benchmark"),
        log=LogSettings(_env_file=None),
        triage=TriageSettings(_env_file=None),
    )


def make_services(intake: IntakeService) -> Services:
    """Return services with the real intake; the routes that are measured call no other."""
    nobody = cast("Any", None)
    return Services(
        intake=intake,
        investigation=nobody,
        approvals=nobody,
        incidents=nobody,
        analytics=nobody,
        status=nobody,
        people=nobody,
    )


async def _parse_only(request: web.Request) -> web.Response:
    """Verify and parse as the product does, and answer without having kept anything."""
    body = await request.read()
    if not verify_signature(body, request.headers.get("X-PagerDuty-Signature", ""), SECRET):
        return web.Response(status=401)
    parse_event(body)
    return web.Response(body=b'{"status":"accepted"}', status=202, content_type="application/json")


@asynccontextmanager
async def open_intake(database_url: str) -> AsyncIterator[IntakeService]:
    """Yield the product's intake on a migrated database; nothing drains it."""
    database = Database(database_url)
    await migrate(database)
    inbox = InboxWriter(database_url)
    inbox.start()
    core = Core(database, AuditTrail(database, b"benchmark"), clock.now)
    try:
        yield IntakeService(core, inbox, lambda: None, lambda _incident_id: None)
    finally:
        await inbox.close()
        await database.close()


async def serve(database_url: str) -> None:
    async with open_intake(database_url) as intake:
        app = make_app(make_services(intake), make_settings(database_url))
        app.router.add_post("/parse-only", _parse_only)
        runner = web.AppRunner(app, access_log=None, handle_signals=False)  # as the product's gateway runs it
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        url = f"http://127.0.0.1:{runner.addresses[0][1]}"
        try:
            await until_told({"durable": f"{url}/webhook/pagerduty", "parse_only": f"{url}/parse-only"})
        finally:
            await runner.cleanup()


if __name__ == "__main__":
    log_errors_only()
    asyncio.run(serve(sys.argv[1]))
