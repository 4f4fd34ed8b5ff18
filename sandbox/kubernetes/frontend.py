"""The HTTP side: who asks, may they, is there a fault to meet, which code answers, and the record of it all."""

import asyncio
import json
import logging
import re
import time

from aiohttp import web

from sandbox.kubernetes import discovery, openapi
from sandbox.kubernetes.access import ANONYMOUS, Access, Request, User, denial
from sandbox.kubernetes.calls import Call, parse_call
from sandbox.kubernetes.cluster import Cluster
from sandbox.kubernetes.errors import StatusError
from sandbox.kubernetes.faults import ConnectionDropped, Faults
from sandbox.kubernetes.pod_logs import PodLogs
from sandbox.kubernetes.resources import Resources, json_response
from sandbox.kubernetes.reviews import REVIEWS, Reviews
from sandbox.kubernetes.subresources import Subresources
from sandbox.kubernetes.watching import Watch
from sandbox.traffic import TrafficLog

_LOG = logging.getLogger(__name__)
_MAX_BODY = 3 * 2**20
_OPEN_PATHS = ("/healthz", "/livez", "/readyz")
_TOKEN = re.compile(r'("token"\s*:\s*")[^"]+')
_SECRET_DATA = re.compile(r'("(?:data|stringData)"\s*:\s*\{)[^}]*')
_DOCUMENTS = re.compile(r"^(/api(/[^/]+)?|/apis(/[^/]+){0,2})/?$")
_RECORDED = 20_000


def _internal(error: Exception) -> StatusError:
    return StatusError(500, "InternalError", f"Internal error occurred: {type(error).__name__}: {error}")


class Frontend:
    """Makes the aiohttp application; every request passes `_handle`."""

    def __init__(self, cluster: Cluster, access: Access, faults: Faults, logs: PodLogs, traffic: TrafficLog) -> None:
        self.cluster = cluster
        self.access = access
        self.faults = faults
        self.traffic = traffic
        self.resources = Resources(cluster)
        self.reviews = Reviews(access)
        self.subresources = Subresources(cluster, access, logs)
        self._streams: set[asyncio.Task[object]] = set()

    def application(self) -> web.Application:
        app = web.Application(client_max_size=_MAX_BODY)
        app.router.add_route("*", "/{path:.*}", self._handle)
        app.on_shutdown.append(self._end_streams)
        return app

    async def _end_streams(self, _: web.Application) -> None:
        """Open watches and followed logs would otherwise hold the shutdown until its time-out."""
        for task in self._streams:
            task.cancel()

    async def _handle(self, request: web.Request) -> web.StreamResponse:
        started = time.perf_counter()
        response: web.StreamResponse
        try:
            response = await self._answer(request, started)
        except StatusError as error:
            response = web.json_response(error.body(), status=error.code)
            if error.retry_after is not None:
                response.headers["Retry-After"] = str(error.retry_after)
        except ConnectionDropped:
            self._record(request, started, None, "", "(connection reset)")
            if request.transport is not None:
                request.transport.abort()
            return web.Response(status=503)  # Nobody reads it: the connection is gone.
        except Exception as error:  # noqa: BLE001 - whatever it is, the client gets a Status and we get the traceback
            _LOG.exception("%s %s failed", request.method, request.path)
            response = web.json_response(_internal(error).body(), status=500)
        if isinstance(response, web.Response):
            sent = (await request.read()).decode(errors="replace") if request.can_read_body else ""
            self._record(request, started, response.status, sent, (response.text or "")[:_RECORDED])
        return response

    async def _answer(self, request: web.Request, started: float) -> web.StreamResponse:
        user = self.access.authenticate(request.headers.get("Authorization"))
        if user is None:
            raise StatusError.unauthorized()
        user = self._impersonated(request, user)
        path = request.path
        document = _DOCUMENTS.match(path)
        if document or not path.startswith(("/api/", "/apis/")):
            await self.faults.meet(path, "get")
            return self._document(request, user)
        call = parse_call(request, user)
        await self.faults.meet(path, call.verb)
        if call.verb not in call.kind.verbs and not call.subresource:
            raise StatusError.method_not_allowed()
        if not self.access.allows(user, call.attributes):
            raise StatusError.forbidden(call.kind, call.name, denial(user, call.attributes))
        return await self._dispatch(call, started)

    def _impersonated(self, request: web.Request, user: User) -> User:
        """Meet `kubectl --as`: act as another user, if the real one may impersonate."""
        name = request.headers.get("Impersonate-User")
        if not name:
            return user
        asked = Request("impersonate", resource="users", name=name)
        if not self.access.allows(user, asked):
            raise StatusError(403, "Forbidden", f'users "{name}" is forbidden: {denial(user, asked)}')
        groups = tuple(request.headers.getall("Impersonate-Group", []))
        return User(name, (*groups, "system:authenticated"))

    async def _dispatch(self, call: Call, started: float) -> web.StreamResponse:
        if call.kind.name in REVIEWS:
            return await self.reviews.answer(call)
        if call.verb == "watch" or (call.subresource == "log" and call.flag("follow")):
            return await self._stream(call, started)
        if call.subresource and call.subresource != "status":
            return await self.subresources.answer(call)
        return await self.resources.answer(call)

    async def _stream(self, call: Call, started: float) -> web.StreamResponse:
        self._record(call.request, started, 200, "", "(stream)")
        task = asyncio.current_task()
        if task is not None:
            self._streams.add(task)
        try:
            if call.verb == "watch":
                return await Watch(self.cluster, call).serve()
            return await self.subresources.answer(call)
        finally:
            if task is not None:
                self._streams.discard(task)

    def _document(self, request: web.Request, user: User) -> web.Response:
        path = request.path.rstrip("/") or "/"
        if path in _OPEN_PATHS:
            return web.Response(text="ok")
        if path == "/version":
            return web.json_response(discovery.VERSION)
        if user.name == ANONYMOUS:
            attributes = Request("get", path=request.path)
            message = f"forbidden: {denial(user, attributes)}"
            raise StatusError(403, "Forbidden", message)
        found = self._discovery(request, path)
        if found is not None:
            return found
        if path.startswith("/openapi/"):
            answer = openapi.document(path)
            if answer is not None:
                return json_response(answer)
        raise StatusError.no_such_path()

    @staticmethod
    def _discovery(request: web.Request, path: str) -> web.Response | None:
        if path in ("/api", "/apis") and discovery.wants_aggregated(request):
            content_type, body = discovery.aggregated(core=path == "/api")
            return web.Response(body=json.dumps(body).encode(), headers={"Content-Type": content_type})
        if path == "/api":
            return web.json_response(discovery.core_versions(request.host))
        if path == "/apis":
            return web.json_response(discovery.group_list())
        parts = path.split("/")[1:]
        found = None
        if parts[0] == "api" and len(parts) == 2:
            found = discovery.resource_list("", parts[1])
        elif parts[0] == "apis" and len(parts) == 2:
            found = discovery.one_group(parts[1])
        elif parts[0] == "apis" and len(parts) == 3:
            found = discovery.resource_list(parts[1], parts[2])
        return None if found is None else web.json_response(found)

    def _record(self, request: web.Request, started: float, status: int | None, sent: str, answered: str) -> None:
        if "/secrets" in request.path:
            sent, answered = (_SECRET_DATA.sub(r'\1"***": "***"', text) for text in (sent, answered))
        self.traffic.record(
            "kubernetes",
            "in",
            request.method,
            request.path_qs,
            status=status,
            started=started,
            request=_TOKEN.sub(r"\1***", sent[:_RECORDED]),
            response=_TOKEN.sub(r"\1***", answered),
        )
