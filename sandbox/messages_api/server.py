"""The Messages API on loopback."""

import asyncio
import copy
import json
import secrets
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from aiohttp import web

from sandbox.messages_api.accounting import PromptCache, count_request
from sandbox.messages_api.failures import NO_FAILURE, Failure, Failures, alter_reply, break_json
from sandbox.messages_api.model import JSON, MODELS, Model, Reply, Script, find_model, show_model
from sandbox.messages_api.scripted import ScriptedModel
from sandbox.messages_api.thinking import ThinkingLedger
from sandbox.messages_api.validation import find_violation
from sandbox.messages_api.wire import read_request, show_error, show_event, show_message, stream_message
from sandbox.serving import LOOPBACK, Serving
from sandbox.traffic import TrafficLog

API_VERSION: Final = "2026-10-21"

_BODY_LIMIT: Final = 32 * 1024 * 1024


class _Refused(Exception):  # noqa: N818 - it names the state of the request
    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status, self.message = status, message


@dataclass(frozen=True, slots=True)
class _Call:
    """One HTTP request and its place in the traffic log."""

    http: web.Request
    raw: bytes
    traffic: TrafficLog
    id: str = field(default_factory=lambda: _new_id("req"))
    started: float = field(default_factory=time.perf_counter)

    def answer(self, status: int, body: JSON, headers: Mapping[str, str] | None = None) -> web.Response:
        response = web.json_response(body, status=status, headers={"request-id": self.id, **(headers or {})})
        self.record(status, response.text or "")
        return response

    def refuse(self, refused: _Refused) -> web.Response:
        return self.answer(refused.status, show_error(refused.status, refused.message, self.id))

    def record(self, status: int | None, shown: str) -> None:
        self.traffic.record(
            "claude",
            "in",
            self.http.method,
            self.http.path_qs,
            status=status,
            started=self.started,
            request=self.raw.decode(errors="replace"),
            response=shown,
        )


@dataclass(frozen=True, slots=True)
class _Turn:
    """A valid request on its way to an answer."""

    call: _Call
    request: JSON
    model: Model
    failure: Failure

    @property
    def is_stream(self) -> bool:
        return bool(self.request.get("stream"))


class MessagesServer:
    """POST /v1/messages (JSON and SSE), POST /v1/messages/count_tokens, GET /v1/models.

    script: what answers; by default the scripted model, which reads the request and reports on it.
    pace: seconds between two events of a stream; 0 sends them as fast as they are read.
    `requests` holds the bodies of POST /v1/messages that were understood as JSON, refused ones too, oldest first.
    """

    def __init__(self, *, traffic: TrafficLog | None = None, script: Script | None = None, pace: float = 0.0) -> None:
        self.api_key = "sk-ant-sandbox-" + secrets.token_urlsafe(24)
        self.requests: list[JSON] = []
        self.script: Script = script or ScriptedModel()
        self.pace = pace
        self._traffic = traffic or TrafficLog()
        self._failures, self._cache, self._ledger = Failures(), PromptCache(), ThinkingLedger()
        self._serving: Serving | None = None

    async def start(self, host: str = LOOPBACK, port: int = 0) -> None:
        """Serve. Port 0 takes a free one. Raise OSError when the port is taken."""
        app = web.Application(client_max_size=_BODY_LIMIT)
        app.add_routes(
            [
                web.post("/v1/messages", self._create),
                web.post("/v1/messages/count_tokens", self._count),
                web.get("/v1/models", self._models),
                web.get("/v1/models/{id}", self._model),
            ]
        )
        self._serving = await Serving.start(app, host=host, port=port)

    async def stop(self) -> None:
        if self._serving is not None:
            await self._serving.stop()
            self._serving = None

    @property
    def url(self) -> str:
        """What ANTHROPIC_BASE_URL is set to."""
        if self._serving is None:
            raise RuntimeError("the Messages API was not started")
        return self._serving.url

    def fail_next(self, kind: str, times: int = 1, **params: Any) -> None:
        """Make the next `times` requests fail; kinds and their parameters are in `failures.KINDS`. Raise ValueError."""
        self._failures.add(kind, times, params)

    # -- routes ----------------------------------------------------------------------------------------------------

    async def _models(self, http: web.Request) -> web.Response:
        shown = [show_model(model) for model in MODELS]
        page = {"data": shown, "has_more": False, "first_id": MODELS[0].id, "last_id": MODELS[-1].id}
        return await self._answer_read(http, page)

    async def _model(self, http: web.Request) -> web.Response:
        model = find_model(http.match_info["id"])
        return await self._answer_read(http, show_model(model) if model else None)

    async def _answer_read(self, http: web.Request, body: JSON | None) -> web.Response:
        call = _Call(http, b"", self._traffic)
        try:
            self._authenticate(http)
        except _Refused as refused:
            return call.refuse(refused)
        return call.answer(200, body) if body else call.refuse(_Refused(404, f"model: {http.match_info['id']}"))

    async def _count(self, http: web.Request) -> web.Response:
        call = _Call(http, await http.read(), self._traffic)
        try:
            self._authenticate(http)
            # Counting needs no max_tokens, everything else is checked as for a real request.
            body, _ = self._validate({"max_tokens": 1, **(read_request(call.raw) or {})})
        except _Refused as refused:
            return call.refuse(refused)
        return call.answer(200, {"input_tokens": count_request(body)})

    async def _create(self, http: web.Request) -> web.StreamResponse:
        call = _Call(http, await http.read(), self._traffic)
        body, failure = read_request(call.raw), self._failures.take() or NO_FAILURE
        if body is not None:
            self.requests.append(copy.deepcopy(body))
        try:
            self._authenticate(http)
            turn = _Turn(call, *self._validate(body), failure)
        except _Refused as refused:
            return call.refuse(refused)
        early = await self._fail_early(turn)
        if early is not None:
            return early
        reply, usage = self._reply(turn), self._cache.account(turn.request)
        message = show_message(_new_id("msg"), turn.model.id, reply, usage)
        return await (self._stream(turn, reply, message) if turn.is_stream else self._answer(turn, message))

    # -- from a request to a reply ---------------------------------------------------------------------------------

    def _authenticate(self, http: web.Request) -> None:
        if http.headers.get("Authorization") != f"Bearer {self.api_key}":
            raise _Refused(401, "invalid bearer token")
        version = http.headers.get("anthropic-version")
        if version != API_VERSION:
            raise _Refused(400, f"anthropic-version: {version or 'header is required'}; {API_VERSION} is spoken here")

    def _validate(self, body: JSON | None) -> tuple[JSON, Model]:
        if body is None:
            raise _Refused(400, "The request body is not valid JSON")
        model = find_model(str(body.get("model", "")))
        if model is None:
            raise _Refused(404, f"model: {body.get('model')}")
        violation = find_violation(body, model) or self._ledger.find_violation(body)
        if violation is not None:
            raise _Refused(400, violation)
        return body, model

    def _reply(self, turn: _Turn) -> Reply:
        reply = alter_reply(self.script.reply(turn.request), turn.failure)
        blocks = [copy.deepcopy(block) for block in reply.blocks]
        for block in blocks:
            # Unless it is asked for, thinking comes without its text and with its signature only.
            if block["type"] == "thinking" and (turn.request.get("thinking") or {}).get("display") != "summarized":
                block["thinking"] = ""
            if block["type"] == "tool_use":
                block.setdefault("id", _new_id("toolu"))
        self._ledger.sign(turn.request, blocks)
        return Reply(tuple(blocks), reply.stop_reason, reply.stop_details)

    # -- answers ---------------------------------------------------------------------------------------------------

    async def _fail_early(self, turn: _Turn) -> web.StreamResponse | None:
        """Answer a failure that comes before any model is asked; None when there is none."""
        kind, params, call = turn.failure.kind, turn.failure.params, turn.call
        if kind in {"rate_limited", "overloaded", "server_error"}:
            status = {"rate_limited": 429, "overloaded": 529}.get(kind) or int(params.get("status", 500))
            message = str(params.get("message", f"This is a simulated {status}."))
            return call.answer(status, show_error(status, message, call.id), _retry_headers(params))
        if kind == "disconnect":
            call.record(None, "the connection was closed")
            if call.http.transport is not None:
                call.http.transport.abort()
            return web.Response(status=500)
        if kind == "empty_body":
            call.record(200, "")
            content_type = "text/event-stream" if turn.is_stream else "application/json"
            return web.Response(status=200, content_type=content_type, headers={"request-id": call.id})
        if kind == "slow":
            await asyncio.sleep(float(params.get("seconds", 1.0)))
        return None

    async def _answer(self, turn: _Turn, message: JSON) -> web.StreamResponse:
        kind, params = turn.failure.kind, turn.failure.params
        if kind == "stall":
            await asyncio.sleep(float(params.get("seconds", 60.0)))
        elif kind == "stream_error":
            return turn.call.answer(529, show_error(529, "Overloaded", turn.call.id))
        elif kind == "truncated":
            # A proxy that closes early leaves a message without its end.
            message = {**message, "content": message["content"][:1], "stop_reason": None}
        elif kind == "bad_tool_json":
            for block in message["content"]:
                if block["type"] == "tool_use":
                    block["input"] = break_json(block["input"])
        return turn.call.answer(200, message)

    async def _stream(self, turn: _Turn, reply: Reply, message: JSON) -> web.StreamResponse:
        kind, params, call = turn.failure.kind, turn.failure.params, turn.call
        call.record(200, json.dumps(message))
        headers = {"Content-Type": "text/event-stream", "Cache-Control": "no-cache", "request-id": call.id}
        response = web.StreamResponse(headers=headers)
        await response.prepare(call.http)
        usage = {name: value for name, value in message["usage"].items() if name != "output_tokens"}
        events = list(stream_message(message["id"], turn.model.id, reply, usage, turn.failure))
        if kind in {"truncated", "stall", "stream_error"}:
            events = events[: max(3, len(events) // 2)]
        for event in events:
            await response.write(event)
            if self.pace:
                await asyncio.sleep(self.pace)
        if kind == "stall":
            await asyncio.sleep(float(params.get("seconds", 60.0)))
        elif kind == "stream_error":
            error = show_error(200, "Overloaded", call.id, str(params.get("type", "overloaded_error")))
            await response.write(show_event("error", {name: error[name] for name in ("error", "request_id")}))
        await response.write_eof()
        return response


def _new_id(prefix: str) -> str:
    return f"{prefix}_{secrets.token_hex(12)}"


def _retry_headers(params: Mapping[str, Any]) -> dict[str, str]:
    if "retry_after" in params:
        return {"retry-after": str(params["retry_after"])}
    return {"retry-after-ms": str(params.get("retry_after_ms", 10)), "retry-after": "0"}
