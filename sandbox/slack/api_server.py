"""The HTTP side of Slack's protocols: Web API, response_url, uploads and downloads."""

import asyncio
import json
import re
import time
from typing import Any
from urllib.parse import urlencode

from aiohttp import web

from sandbox.slack.apps import InstalledApp
from sandbox.slack.core import Core
from sandbox.slack.errors import SlackError
from sandbox.slack.faults import REQUEST_KINDS, Fault
from sandbox.slack.state import JSON
from sandbox.slack.web_api import all_methods
from sandbox.slack.web_api.arguments import Arguments
from sandbox.slack.web_api.method import Call, Method, missing_scope

_SECRETS = re.compile(r"(xox[a-z]-|xapp-|ticket=|/upload/v1/)[\w\-]+")
_MAX_TEXT = 4_000


def mask(text: str) -> str:
    """Hide tokens, tickets and upload addresses."""
    return _SECRETS.sub(r"\1***", text)


class APIServer:
    """Routes of one workspace that apps call."""

    def __init__(self, core: Core) -> None:
        self._core = core
        self._methods = all_methods()
        self._by_token: dict[str, tuple[InstalledApp, str]] = {}
        for app in core.state.apps.values():
            self._by_token[app.bot_token] = (app, "bot")
            self._by_token[app.app_token] = (app, "app")

    def routes(self) -> list[web.RouteDef]:
        return [
            web.route("*", "/api/{method}", self.call),
            web.post("/actions/{team}/{number}/{secret}", self.respond),
            web.post("/commands/{team}/{number}/{secret}", self.respond),
            web.post("/upload/v1/{ticket}", self.upload),
            web.get("/files-pri/{file}/{tail:.*}", self.download),
            web.get("/link/", self._core.sockets.serve),
        ]

    # Web API

    async def call(self, request: web.Request) -> web.StreamResponse:
        started = time.perf_counter()
        name = request.match_info["method"]
        raw, values, problem = await _read(request)
        fault = self._core.faults.strike(REQUEST_KINDS, name, str(values.get("channel") or ""))
        headers: dict[str, str] = {}
        if fault and fault.kind == "slow":
            await asyncio.sleep(fault.seconds)
        refusal = _refusal(fault)
        if refusal:
            status, body, headers = refusal
        elif fault and fault.kind == "reset":
            status, body = 0, {}
        else:
            status, body = 200, await self._answer(request, name, values, headers, problem)
        text = json.dumps(body)
        self._core.traffic.record(
            "slack",
            "in",
            request.method,
            f"/api/{name}",
            status=status or None,
            started=started,
            request=mask(raw),
            response=mask(text),
        )
        if fault and fault.kind in {"reset", "lost_answer"}:
            return _hang_up(request)
        return web.Response(text=text, status=status, headers=headers, content_type="application/json")

    async def _answer(
        self, request: web.Request, name: str, values: JSON, headers: dict[str, str], problem: str
    ) -> JSON:
        try:
            method = self._method(name)
            call = self._authorise(request, method, values)
            _refuse_unreadable(problem)
            call.warnings += _charset_warnings(request)
            headers["x-oauth-scopes"] = ",".join(sorted(call.app.scopes))
            headers["x-accepted-oauth-scopes"] = ",".join(method.scopes)
            body = {"ok": True, **await method.run(call)}
            if call.warnings:
                body["warning"] = ",".join(call.warnings)
                body["response_metadata"] = {**body.get("response_metadata", {}), "warnings": call.warnings}
        except SlackError as refused:
            return refused.body()
        return body

    def _method(self, name: str) -> Method:
        if (method := self._methods.get(name)) is None:
            raise SlackError("unknown_method", req_method=name)
        return method

    def _authorise(self, request: web.Request, method: Method, values: JSON) -> Call:
        header = request.headers.get("Authorization", "")
        token = header.removeprefix("Bearer ").strip() or str(values.get("token") or "")
        arguments = Arguments({name: value for name, value in values.items() if name != "token"})
        known = self._by_token.get(token)
        if known is None:
            if method.taken_by == "any":
                return Call(self._core, next(iter(self._core.state.apps.values())), arguments)
            raise SlackError("invalid_auth" if token else "not_authed")
        app, kind = known
        if method.taken_by not in {"any", kind}:
            raise SlackError("not_allowed_token_type")
        if method.scopes and not app.scopes.intersection(method.scopes):
            raise missing_scope(app, method.scopes)
        return Call(self._core, app, arguments)

    # response_url

    async def respond(self, request: web.Request) -> web.StreamResponse:
        started = time.perf_counter()
        raw = await request.text()
        fault = self._core.faults.strike(REQUEST_KINDS, "response_url")
        headers: dict[str, str] = {}
        if fault and fault.kind == "slow":
            await asyncio.sleep(fault.seconds)
        if refusal := _refusal(fault):
            status, body, headers = refusal
            answer = json.dumps(body)
        elif fault and fault.kind == "reset":
            status, answer = 0, ""
        else:
            status, answer = self._carry_out(request.path, raw)
        self._core.traffic.record(
            "slack", "in", "POST", "response_url", status=status or None, started=started, request=raw, response=answer
        )
        if fault and fault.kind in {"reset", "lost_answer"}:
            return _hang_up(request)
        return web.Response(text=answer, status=status, headers=headers)

    def _carry_out(self, path: str, raw: str) -> tuple[int, str]:
        try:
            self._core.response_urls.respond(path, _object(raw))
        except ValueError:
            return 400, "invalid_payload"
        except SlackError as refused:
            gone = {"invalid_url", "expired_url", "used_url"}
            return (404 if refused.code in gone else 400), json.dumps(refused.body())
        return 200, "ok"

    # Files

    async def upload(self, request: web.Request) -> web.StreamResponse:
        started = time.perf_counter()
        file = self._core.files.redeem(request.match_info["ticket"])
        if file is None:
            return web.Response(status=404, text="no such upload")
        content = await _uploaded(request)
        status, answer = 200, f"OK - {len(content)}"
        if not self._core.files.store(file, content):
            status, answer = 400, f"expected {file['size']} bytes, got {len(content)}"
        self._core.traffic.record(
            "slack",
            "in",
            "POST",
            "/upload/v1/***",
            status=status,
            started=started,
            request=content[:_MAX_TEXT].decode("utf-8", "replace"),
            response=answer,
        )
        return web.Response(status=status, text=answer)

    async def download(self, request: web.Request) -> web.StreamResponse:
        token = request.headers.get("Authorization", "").removeprefix("Bearer ").strip()
        known = self._by_token.get(token)
        if known is None or "files:read" not in known[0].scopes:
            return web.Response(status=403, text="files:read is needed")
        return file_response(self._core, request.match_info["file"].partition("-")[2])


def _object(raw: str) -> JSON:
    body = json.loads(raw)
    if not isinstance(body, dict):
        raise SlackError("invalid_payload")
    return body


def file_response(core: Core, file_id: str) -> web.Response:
    """Serve a file's bytes so that no browser runs what is in them."""
    file, content = core.state.files.get(file_id), core.state.file_contents.get(file_id)
    if file is None or content is None:
        return web.Response(status=404, text="no such file")
    shown = file["mimetype"] if file["mimetype"].startswith("image/") else "text/plain"
    shown = "text/plain" if shown == "image/svg+xml" else shown
    name = re.sub(r"[^\w.\- ]", "_", file["name"])
    headers = {
        "Content-Type": shown if shown != "text/plain" else "text/plain; charset=utf-8",
        "Content-Disposition": f'inline; filename="{name}"',
        "Content-Security-Policy": "default-src 'none'; sandbox",
        "X-Content-Type-Options": "nosniff",
    }
    return web.Response(body=content, headers=headers)


def _refusal(fault: Fault | None) -> tuple[int, JSON, dict[str, str]] | None:
    if fault and fault.kind in {"rate_limited", "budget"}:
        return 429, {"ok": False, "error": "ratelimited"}, {"Retry-After": str(fault.retry_after)}
    if fault and fault.kind == "server_error":
        return 500, {"ok": False, "error": "internal_error"}, {}
    return None


def _hang_up(request: web.Request) -> web.Response:
    if request.transport is not None:
        request.transport.abort()
    # aiohttp finds the transport gone when it tries to send this, and lets it be.
    return web.Response()


async def _read(request: web.Request) -> tuple[str, dict[str, Any], str]:
    """Return the body as text for the record, the arguments of query and body together, and what was unreadable."""
    values: dict[str, Any] = dict(request.query)
    kind = request.content_type
    if kind in {"multipart/form-data", "application/x-www-form-urlencoded"}:
        form = {name: value for name, value in (await request.post()).items() if isinstance(value, str)}
        values.update(form)
        return urlencode(form), values, ""
    raw = await request.text()
    if kind != "application/json" or not raw:
        return raw or request.query_string, values, ""
    try:
        body = json.loads(raw)
    except ValueError:
        return raw, values, "invalid_json"
    if not isinstance(body, dict):
        return raw, values, "json_not_object"
    values.update(body)
    return raw, values, ""


def _refuse_unreadable(problem: str) -> None:
    if problem:
        raise SlackError(problem)


def _charset_warnings(request: web.Request) -> list[str]:
    if request.content_type == "application/json" and request.charset is None:
        return ["missing_charset"]
    if request.content_type == "application/x-www-form-urlencoded" and request.charset is not None:
        return ["superfluous_charset"]
    return []


async def _uploaded(request: web.Request) -> bytes:
    """Accept the bytes as the body or, as browsers and curl send them, as the first file of a form."""
    if request.content_type != "multipart/form-data":
        return await request.read()
    for value in (await request.post()).values():
        if isinstance(value, web.FileField):
            return value.file.read()
    return b""
