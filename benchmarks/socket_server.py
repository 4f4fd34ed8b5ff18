"""A Slack that is leaner than the sandbox: opens one websocket, sends events, and counts acknowledgements.

The sandbox keeps every frame for its inspector and watches every deadline, which makes it slower than the apps that
are measured here.
"""

import asyncio
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Self

from aiohttp import WSMsgType, web

from benchmarks.payloads import slack_envelope

_CONNECT_SECONDS = 20.0


@dataclass
class SocketServer:
    """One workspace for one app."""

    url: str = ""
    _socket: web.WebSocketResponse | None = None
    _connected: asyncio.Event = field(default_factory=asyncio.Event)
    _runner: web.AppRunner | None = None
    _sent: dict[str, float] = field(default_factory=dict)
    _times: list[float] = field(default_factory=list)
    _acknowledged: asyncio.Event = field(default_factory=asyncio.Event)

    @classmethod
    async def start(cls) -> Self:
        """Listen on a free port of loopback; `url` is the base URL of the Web API."""
        server = cls()
        app = web.Application()
        app.router.add_post("/api/auth.test", server._auth)
        app.router.add_post("/api/apps.connections.open", server._open)
        app.router.add_get("/link", server._link)
        runner = web.AppRunner(app, access_log=None, handle_signals=False, shutdown_timeout=0.5)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        server._runner = runner
        server.url = f"http://127.0.0.1:{runner.addresses[0][1]}/api/"
        return server

    async def stop(self) -> None:
        if self._socket is not None:
            await self._socket.close()
        if self._runner is not None:
            await self._runner.cleanup()

    async def connected(self) -> None:
        """Wait for the app. Raise TimeoutError when it does not come."""
        await asyncio.wait_for(self._connected.wait(), _CONNECT_SECONDS)

    async def _auth(self, _request: web.Request) -> web.Response:
        answer: dict[str, Any] = {"ok": True, "url": "https://acme.example/", "team": "Acme", "team_id": "T01"}
        return web.json_response(answer | {"user": "oncall", "user_id": "U01BOT", "bot_id": "B01BOT"})

    async def _open(self, _request: web.Request) -> web.Response:
        return web.json_response({"ok": True, "url": self.url.replace("http", "ws").replace("/api/", "/link")})

    async def _link(self, request: web.Request) -> web.WebSocketResponse:
        socket = web.WebSocketResponse(timeout=0.5)
        await socket.prepare(request)
        await socket.send_str('{"type":"hello","num_connections":1,"connection_info":{"app_id":"A01"}}')
        self._socket = socket
        self._connected.set()
        async for message in socket:
            if message.type is WSMsgType.TEXT:
                self._received(message.data)
        return socket

    def _received(self, text: str) -> None:
        # An acknowledgement is {"envelope_id": "..."} and perhaps a payload.
        _, _, rest = text.partition('"envelope_id"')
        envelope_id = rest.split('"', 2)[1] if rest else ""
        if (started := self._sent.pop(envelope_id, None)) is not None:
            self._times.append(time.perf_counter() - started)
            self._acknowledged.set()

    async def _send(self, envelope: tuple[str, str]) -> None:
        assert self._socket is not None
        self._sent[envelope[0]] = time.perf_counter()
        await self._socket.send_str(envelope[1])

    async def rate(self, count: int, in_flight: int) -> float:
        """Send `count` events, at most `in_flight` unacknowledged, and return acknowledgements a second."""
        envelopes: Iterator[tuple[str, str]] = iter([slack_envelope() for _ in range(count)])
        self._times.clear()
        started = time.perf_counter()
        left = count
        while len(self._times) < count:
            self._acknowledged.clear()
            while left and len(self._sent) < in_flight:
                await self._send(next(envelopes))
                left -= 1
            if len(self._times) < count:
                await asyncio.wait_for(self._acknowledged.wait(), _CONNECT_SECONDS)
        return count / (time.perf_counter() - started)

    async def latencies(self, count: int, per_second: float, delay: float = 0.0) -> list[float]:
        """After `delay` seconds send `count` events at a steady pace; return the seconds until each acknowledgement."""
        envelopes = [slack_envelope() for _ in range(count)]
        self._times.clear()
        started = time.perf_counter() + delay
        for number, envelope in enumerate(envelopes):
            await asyncio.sleep(max(0.0, started + number / per_second - time.perf_counter()))
            await self._send(envelope)
        async with asyncio.timeout(_CONNECT_SECONDS):
            while self._sent:
                self._acknowledged.clear()
                await self._acknowledged.wait()
        return list(self._times)
