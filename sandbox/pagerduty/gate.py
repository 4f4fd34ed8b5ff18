"""What every request to PagerDuty passes first: token, API version, rate limit, faults, and the traffic log."""

import asyncio
import json
import re
import time
from collections import deque
from collections.abc import Awaitable, Callable
from typing import Any, Final

from aiohttp import web

from sandbox.pagerduty.directory import Directory
from sandbox.pagerduty.faults import Faults
from sandbox.pagerduty.records import User
from sandbox.traffic import TrafficLog

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

_VERSION: Final = re.compile(r"application/vnd\.pagerduty\+json\s*;\s*version=(\w+)")
_ROUTING_KEY: Final = re.compile(r'("routing_key"\s*:\s*")([^"]*)(")')
_SECRET: Final = re.compile(r'("secret"\s*:\s*")([^"]*)(")')


class APIError(Exception):
    """An answer in PagerDuty's error shape: {"error": {"message", "code", "errors"}}."""

    def __init__(self, status: int, code: int, message: str, errors: list[str] | None = None) -> None:
        super().__init__(message)
        self.status, self.code, self.message, self.errors = status, code, message, errors

    def response(self) -> web.Response:
        error: dict[str, Any] = {"message": self.message, "code": self.code}
        if self.errors is not None:
            error["errors"] = self.errors
        return web.json_response({"error": error}, status=self.status)


def invalid_input(*errors: str) -> APIError:
    return APIError(400, 2001, "Invalid Input Provided", list(errors))


def not_found() -> APIError:
    return APIError(404, 2100, "Not Found")


class RateLimiter:
    """A sliding window of one minute. `limit` requests pass; None lets everything pass."""

    def __init__(self, limit: int | None) -> None:
        self.limit = limit
        self._seen: dict[str, deque[float]] = {}

    def admit(self, key: str) -> tuple[bool, int, int]:
        """Count one request of `key`; return (may pass, requests left, seconds until one is free again)."""
        limit = self.limit
        if limit is None:
            return True, 1_000_000, 60
        now, seen = time.monotonic(), self._seen.setdefault(key, deque())
        while seen and now - seen[0] >= 60:
            seen.popleft()
        reset = max(1, round(60 - (now - seen[0]))) if seen else 60
        if len(seen) >= limit:
            return False, 0, reset
        seen.append(now)
        return True, limit - len(seen), reset


def find_requester(request: web.Request, directory: Directory) -> User:
    """Return the user the From header names. Raise APIError as PagerDuty answers."""
    sender = request.headers.get("From", "").strip()
    if not sender:
        raise APIError(
            400, 2016, 'You must specify a user\'s email address in the "From" header to perform this action'
        )
    if "@" not in sender:
        raise APIError(400, 1028, 'Malformed "From" header')
    user = directory.user_by_email(sender)
    if user is None:
        raise APIError(400, 1008, "Requester User Not Found", ["Requester User Not Found"])
    return user


class Gate:
    """The middlewares of the server, outermost first: `record`, `disturb`, `authenticate`."""

    def __init__(self, *, token: str, limiter: RateLimiter, faults: Faults, traffic: TrafficLog) -> None:
        self._token, self._limiter, self._faults, self._traffic = token, limiter, faults, traffic

    def middlewares(self) -> list[Any]:
        return [self.record, self.disturb, self.authenticate]

    @web.middleware
    async def record(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        started, status, shown, body = time.perf_counter(), 500, "", ""
        try:
            body = (await request.read()).decode(errors="replace")
            response = await handler(request)
        except web.HTTPException as answer:
            status, shown = answer.status, answer.text or ""
            raise
        else:
            status = response.status
            shown = (response.text or "") if isinstance(response, web.Response) else ""
            return response
        finally:
            self._traffic.record(
                "pagerduty",
                "in",
                request.method,
                request.path_qs,
                status=status,
                started=started,
                request=_show_request(request, body),
                response=mask(shown),
            )

    @web.middleware
    async def disturb(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        fault = self._faults.take(request.path)
        if fault is not None:
            if fault.kind == "slow":
                await asyncio.sleep(fault.seconds)
            elif fault.kind == "error":
                error = {"message": "Internal Server Error", "code": 2000}
                return web.json_response({"error": error}, status=fault.status)
            else:
                return _too_many(fault.retry_after, self._limiter.limit or 960)
        try:
            return await handler(request)
        except APIError as error:
            return error.response()

    @web.middleware
    async def authenticate(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        if request.path.startswith("/v2/"):
            return await handler(request)
        scheme, _, credentials = request.headers.get("Authorization", "").partition(" ")
        token = credentials.strip().removeprefix("token=").strip('"') if scheme == "Token" else credentials.strip()
        if scheme not in {"Token", "Bearer"} or token != self._token:
            # PagerDuty refuses a wrong token with plain text, which surprises clients that always parse JSON.
            return web.Response(
                status=401,
                text="HTTP Token: Access denied.\n",
                headers={"WWW-Authenticate": 'Token realm="Application"'},
            )
        version = _VERSION.search(request.headers.get("Accept", ""))
        if version is not None and version[1] != "2":
            raise invalid_input(f"API version {version[1]} is not served; use version=2")
        admitted, remaining, reset = self._limiter.admit(token)
        if not admitted:
            return _too_many(reset, self._limiter.limit or 960)
        response: web.StreamResponse
        try:
            response = await handler(request)
        except APIError as error:
            response = error.response()
        response.headers["ratelimit-limit"] = str(self._limiter.limit or 960)
        response.headers["ratelimit-remaining"] = str(remaining)
        response.headers["ratelimit-reset"] = str(reset)
        return response


async def read_body(request: web.Request) -> dict[str, Any]:
    """Return the JSON object a write carries. Raise APIError 2001 the way PagerDuty does."""
    if request.content_type not in {"application/json", "application/vnd.pagerduty+json"}:
        raise invalid_input("params must be a Hash")
    try:
        body = json.loads(await request.text())
    except ValueError:
        raise invalid_input("Request body is not valid JSON") from None
    if not isinstance(body, dict):
        raise invalid_input("params must be a Hash")
    return body


async def read_object(request: web.Request, key: str) -> dict[str, Any]:
    """Return the object under `key` of a JSON body. Raise APIError 2001."""
    value = (await read_body(request)).get(key)
    if not isinstance(value, dict):
        raise invalid_input(f"{key.capitalize()} cannot be empty")
    return value


def mask(text: str) -> str:
    """Hide routing keys and webhook secrets in a body that is about to be shown."""
    return _SECRET.sub(r"\1****\3", _ROUTING_KEY.sub(lambda m: f"{m[1]}****{m[2][-4:]}{m[3]}", text))


def _too_many(reset: int, limit: int) -> web.Response:
    error = {
        "message": "Rate Limit Exceeded",
        "code": 2020,
        "errors": ["Your account is making more requests than its limit allows; slow down and try again."],
    }
    headers = {"ratelimit-limit": str(limit), "ratelimit-remaining": "0", "ratelimit-reset": str(reset)}
    return web.json_response({"error": error}, status=429, headers=headers)


def _show_request(request: web.Request, body: str) -> str:
    lines = [f"{name}: {request.headers[name]}" for name in ("From", "Accept") if name in request.headers]
    if "Authorization" in request.headers:
        lines.insert(0, f"Authorization: {request.headers['Authorization'][:6]}****")
    return "\n".join([*lines, "", mask(body)]) if body else "\n".join(lines)
