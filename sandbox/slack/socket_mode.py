"""Socket Mode: tickets, connections, envelopes, acknowledgements, redelivery and refresh."""

import asyncio
import json
import random
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Literal

from aiohttp import WSMsgType, web

from sandbox.slack.apps import InstalledApp
from sandbox.slack.background import Background
from sandbox.slack.errors import SlackError
from sandbox.slack.faults import Faults
from sandbox.traffic import TrafficLog

MAX_CONNECTIONS = 10
PING_SECONDS = 30.0
# How long a peer that is asked to close may take to say goodbye.
CLOSE_SECONDS = 1.0
# Slack tries an event again at once, after a minute and after five; in units of the acknowledgement's deadline.
_RETRY_DELAYS = (0.0, 20.0, 100.0)

EnvelopeType = Literal["events_api", "interactive", "slash_commands"]
_REQUEST_PATHS = {"interactive": "/link interactive", "slash_commands": "/link slash_commands"}


class NotConnectedError(Exception):
    """No connection of the app is open: nothing can be asked of it."""


class NoAckError(Exception):
    """The app did not acknowledge in time."""


@dataclass(slots=True, eq=False)
class Connection:
    """One websocket of one app. Frames go through a queue, so that nobody who sends has to wait."""

    app: InstalledApp
    socket: web.WebSocketResponse
    request: web.Request
    frames: asyncio.Queue[str | None] = field(default_factory=asyncio.Queue)
    retiring: bool = False

    async def write(self) -> None:
        while (frame := await self.frames.get()) is not None:
            try:
                await self.socket.send_str(frame)
            except ConnectionError:
                return
        await self.socket.close()

    def cut(self) -> None:
        """Hang up without a closing handshake, as a broken network does."""
        if self.request.transport is not None:
            self.request.transport.abort()


@dataclass(slots=True)
class _Pending:
    app: InstalledApp
    kind: EnvelopeType
    name: str
    payload: str
    attempt: int = 0
    reason: str = ""
    timer: asyncio.TimerHandle | None = None
    answer: "asyncio.Future[dict[str, Any]] | None" = None


class SocketMode:
    """Every app's connections and everything that waits for an acknowledgement.

    `ack_seconds` is how long an app has to acknowledge; `refresh_seconds` makes every connection ask to be renewed
    after that time (None: only on demand). `changed` is called whenever something a test may wait for happened.
    """

    def __init__(
        self,
        *,
        traffic: TrafficLog,
        faults: Faults,
        background: Background,
        changed: Callable[[], None],
        ack_seconds: float,
        refresh_seconds: float | None = None,
    ) -> None:
        self.ack_seconds = ack_seconds
        self.acknowledged = 0
        self._traffic = traffic
        self._faults = faults
        self._background = background
        self._changed = changed
        self._refresh_seconds = refresh_seconds
        self._tickets: dict[str, InstalledApp] = {}
        self._connections: dict[str, list[Connection]] = {}
        self._pending: dict[str, _Pending] = {}
        self._timers: set[asyncio.TimerHandle] = set()

    # Connections

    def issue_ticket(self, app: InstalledApp) -> str:
        """Return the path and query of a new single-use websocket address."""
        if self.connections(app) >= MAX_CONNECTIONS:
            raise SlackError("too_many_websockets")
        ticket = str(uuid.uuid4())
        self._tickets[ticket] = app
        return f"/link/?ticket={ticket}&app_id={app.app_id}"

    def connections(self, app: InstalledApp) -> int:
        return sum(not c.retiring for c in self._connections.get(app.app_id, ()))

    async def serve(self, request: web.Request) -> web.StreamResponse:
        app = self._tickets.pop(request.query.get("ticket", ""), None)
        if app is None:
            return web.json_response({"ok": False, "error": "invalid_ticket"}, status=401)
        socket = web.WebSocketResponse(timeout=CLOSE_SECONDS, heartbeat=PING_SECONDS, max_msg_size=8 * 1024 * 1024)
        await socket.prepare(request)
        connection = Connection(app, socket, request)
        mine = self._connections.setdefault(app.app_id, [])
        connection.frames.put_nowait(self._hello(app, len(mine) + 1))
        writer = self._background.start(connection.write(), "socket writer")
        mine.append(connection)
        timer = self._later(self._refresh_seconds, self._refresh_one, connection) if self._refresh_seconds else None
        self._changed()
        try:
            async for message in socket:
                if message.type is WSMsgType.TEXT:
                    self._received(app, message.data)
        finally:
            mine.remove(connection)
            writer.cancel()
            if timer:
                self._cancel(timer)
            self._changed()
        return socket

    def refresh(self, app: InstalledApp, reason: str = "refresh_requested") -> int:
        """Ask every connection of the app to be renewed; `reason` is warning or refresh_requested."""
        connections = [c for c in self._connections.get(app.app_id, ()) if not c.retiring]
        for connection in connections:
            self._disconnect(connection, reason)
        return len(connections)

    def drop(self, app: InstalledApp) -> int:
        """Cut every connection of the app and say how many there were."""
        connections = list(self._connections.get(app.app_id, ()))
        for connection in connections:
            connection.cut()
        return len(connections)

    async def stop(self) -> None:
        for timer in self._timers:
            timer.cancel()
        self._timers.clear()
        for pending in self._pending.values():
            if pending.answer and not pending.answer.done():
                pending.answer.cancel()
        self._pending.clear()
        everybody = [c for connections in self._connections.values() for c in connections]
        await asyncio.gather(*(connection.socket.close() for connection in everybody), return_exceptions=True)

    def _hello(self, app: InstalledApp, number: int) -> str:
        hello = {
            "type": "hello",
            "num_connections": number,
            "debug_info": {
                "host": "applink-sandbox",
                "build_number": 1,
                "approximate_connection_time": int(self._refresh_seconds or 18060),
            },
            "connection_info": {"app_id": app.app_id},
        }
        frame = json.dumps(hello)
        self._traffic.record("slack", "out", "WS", "/link hello", request=frame)
        return frame

    def _refresh_one(self, connection: Connection) -> None:
        self._disconnect(connection, "refresh_requested")

    def _disconnect(self, connection: Connection, reason: str) -> None:
        frame = json.dumps({"type": "disconnect", "reason": reason, "debug_info": {"host": "applink-sandbox"}})
        self._traffic.record("slack", "out", "WS", "/link disconnect", request=frame)
        connection.frames.put_nowait(frame)
        if reason == "refresh_requested":
            # Nothing new goes to a connection that is about to close; an impolite client is closed on.
            connection.retiring = True
            self._later(self.ack_seconds, connection.frames.put_nowait, None)

    # Deliveries

    def send_event(self, app: InstalledApp, name: str, payload: str) -> None:
        """Deliver an Events API payload (already JSON), again and again until acknowledged or given up on."""
        self._attempt(str(uuid.uuid4()), _Pending(app, "events_api", name, payload))

    async def ask(self, app: InstalledApp, kind: EnvelopeType, payload: dict[str, Any]) -> dict[str, Any]:
        """Deliver an interaction once and return what the acknowledgement carried.

        Raise NotConnectedError when no connection is open and NoAckError when nobody acknowledged in time.
        """
        if not self.connections(app):
            raise NotConnectedError(app.name)
        name = str(payload.get("type") or payload.get("command") or kind)
        pending = _Pending(app, kind, name, json.dumps(payload), answer=asyncio.get_running_loop().create_future())
        envelope_id = str(uuid.uuid4())
        self._attempt(envelope_id, pending)
        assert pending.answer is not None  # noqa: S101 - set two lines above, for the type checker
        try:
            return await asyncio.wait_for(pending.answer, self.ack_seconds)
        except TimeoutError as late:
            raise NoAckError(app.name) from late
        finally:
            self._pending.pop(envelope_id, None)

    def _attempt(self, envelope_id: str, pending: _Pending) -> None:
        self._pending[envelope_id] = pending
        if pending.kind == "events_api":
            pending.timer = self._later(self.ack_seconds, self._overdue, envelope_id)
        open_ones = [c for c in self._connections.get(pending.app.app_id, ()) if not c.retiring]
        if not open_ones:
            pending.reason = "connection_failed"
            return
        connection = open_ones[0] if len(open_ones) == 1 else random.choice(open_ones)
        if self._faults.strike(("drop_socket",), pending.name):
            connection.cut()
            pending.reason = "connection_failed"
            return
        frame = _envelope(envelope_id, pending)
        path = _REQUEST_PATHS.get(pending.kind) or f"/link {pending.name}"
        self._traffic.record("slack", "out", "WS", path, request=frame)
        pending.reason = "timeout"
        connection.frames.put_nowait(frame)

    def _overdue(self, envelope_id: str) -> None:
        pending = self._pending.pop(envelope_id, None)
        if pending is None or pending.attempt >= len(_RETRY_DELAYS):
            return
        delay = _RETRY_DELAYS[pending.attempt] * self.ack_seconds
        pending.attempt += 1
        # A redelivery is a new envelope around the same event_id.
        if delay:
            self._later(delay, self._attempt, str(uuid.uuid4()), pending)
        else:
            self._attempt(str(uuid.uuid4()), pending)

    def _received(self, app: InstalledApp, text: str) -> None:
        try:
            frame = json.loads(text)
        except ValueError:
            frame = None
        self._traffic.record("slack", "in", "WS", "/link ack", request=text)
        if not isinstance(frame, dict) or "envelope_id" not in frame:
            return
        pending = self._pending.get(frame["envelope_id"])
        if pending is None or pending.app is not app or self._faults.strike(("lost_ack",), pending.name):
            return
        del self._pending[frame["envelope_id"]]
        if pending.timer:
            self._cancel(pending.timer)
        if pending.answer and not pending.answer.done():
            payload = frame.get("payload")
            pending.answer.set_result(payload if isinstance(payload, dict) else {})
        self.acknowledged += 1
        self._changed()

    def _later(self, seconds: float, call: Callable[..., None], *arguments: Any) -> asyncio.TimerHandle:
        def run() -> None:
            self._timers.discard(timer)
            call(*arguments)

        timer = asyncio.get_running_loop().call_later(seconds, run)
        self._timers.add(timer)
        return timer

    def _cancel(self, timer: asyncio.TimerHandle) -> None:
        timer.cancel()
        self._timers.discard(timer)


def _envelope(envelope_id: str, pending: _Pending) -> str:
    """Wrap a payload that is already JSON: at thousands of events a second, encoding it twice would show."""
    head = f'{{"envelope_id":"{envelope_id}","type":"{pending.kind}","payload":{pending.payload},'
    if pending.kind == "events_api":
        return (
            f'{head}"accepts_response_payload":false,"retry_attempt":{pending.attempt},'
            f'"retry_reason":"{pending.reason if pending.attempt else ""}"}}'
        )
    return f'{head}"accepts_response_payload":true}}'
