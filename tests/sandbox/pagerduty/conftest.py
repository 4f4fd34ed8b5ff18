"""A PagerDuty, a client for it, and receivers for what it sends."""

import hashlib
import hmac
import json
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any

import aiohttp
import pytest
from aiohttp import web

from sandbox.pagerduty import DeliveryPolicy, PagerDutyServer
from sandbox.serving import Serving
from sandbox.traffic import TrafficLog

QUICK = DeliveryPolicy(timeout=0.3, first_delay=0.01, delay_factor=1.5, longest_delay=0.1, give_up_after=5)


@dataclass
class Receiver:
    """A webhook receiver that answers with the statuses it was given, then 202."""

    serving: Serving | None = None
    answers: list[int] = field(default_factory=list)
    received: list[tuple[dict[str, str], bytes]] = field(default_factory=list)

    @property
    def url(self) -> str:
        assert self.serving is not None
        return self.serving.url + "/hook"

    @property
    def events(self) -> list[dict[str, Any]]:
        return [json.loads(body)["event"] for _, body in self.received]

    @property
    def types(self) -> list[str]:
        return [event["event_type"] for event in self.events]

    async def take(self, request: web.Request) -> web.Response:
        self.received.append((dict(request.headers), await request.read()))
        return web.Response(status=self.answers.pop(0) if self.answers else 202)


def is_signed(headers: dict[str, str], body: bytes, secret: str) -> bool:
    wanted = "v1=" + hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()
    return wanted in headers["X-PagerDuty-Signature"].split(",")


@pytest.fixture
def traffic() -> TrafficLog:
    return TrafficLog()


@pytest.fixture
async def pagerduty(traffic: TrafficLog) -> AsyncIterator[PagerDutyServer]:
    server = PagerDutyServer(traffic=traffic, delivery=QUICK)
    await server.start()
    yield server
    await server.stop()


@pytest.fixture
async def receiver() -> AsyncIterator[Receiver]:
    one = Receiver()
    app = web.Application()
    app.router.add_post("/hook", one.take)
    one.serving = await Serving.start(app)
    yield one
    await one.serving.stop()


@pytest.fixture
async def client(pagerduty: PagerDutyServer) -> AsyncIterator[aiohttp.ClientSession]:
    headers = {
        "Authorization": f"Token token={pagerduty.api_token}",
        "Accept": "application/vnd.pagerduty+json;version=2",
        "Content-Type": "application/json",
        "From": "maya.chen@acme.example",
    }
    async with aiohttp.ClientSession(pagerduty.url, headers=headers) as session:
        yield session
