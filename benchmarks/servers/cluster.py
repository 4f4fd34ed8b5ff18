"""A Kubernetes API server at a distance: the sandbox's answers, replayed after a fixed time, over TLS.

    python -m benchmarks.servers.cluster LATENCY_MS one|all

The sandbox's server would spend processor time on every answer and hide what the reader costs. So each distinct request
is put to it once and its bytes are kept; after POST /_freeze the sandbox is gone and only the injected latency passes.
POST /_waves forgets the timeline and returns how many requests it held and how many had to wait for one another.
"""

import asyncio
import sys
import time

import aiohttp
from aiohttp import web

from benchmarks.processes import log_errors_only, until_told
from sandbox.kubernetes.certificates import Certificates
from sandbox.kubernetes.client import ClusterClient
from sandbox.kubernetes.server import KubernetesServer
from sandbox.scenarios.applications import NAMESPACE, break_application, install
from sandbox.serving import Serving

APPLICATION = "payment-service"

Span = tuple[float, float]


def count_waves(spans: list[Span]) -> int:
    """Return the length of the longest chain of requests in which each began after the one before had its answer."""
    waves, answered = 0, float("-inf")
    for began, ended in sorted(spans, key=lambda span: span[1]):
        if began >= answered:
            waves, answered = waves + 1, ended
    return waves


class Replay:
    """Answers from what the sandbox answered before; once frozen, from nothing else."""

    def __init__(self, latency: float) -> None:
        self.upstream: KubernetesServer | None = None
        self._latency = latency
        self._answers: dict[str, tuple[int, str, bytes]] = {}
        self._spans: list[Span] = []

    async def waves(self, _request: web.Request) -> web.Response:
        spans, self._spans = self._spans, []
        return web.json_response({"requests": len(spans), "waves": count_waves(spans)})

    async def pause(self, _request: web.Request) -> web.Response:
        """Wait as long as an answer does, and say how long that was: timers have a resolution of a millisecond."""
        began = time.perf_counter()
        await asyncio.sleep(self._latency)
        return web.json_response({"seconds": time.perf_counter() - began})

    async def freeze(self, _request: web.Request) -> web.Response:
        if self.upstream is not None:
            await self.upstream.stop()
            self.upstream = None
        return web.Response()

    async def answer(self, request: web.Request) -> web.Response:
        began = time.perf_counter()
        known = self._answers.get(request.path_qs)
        if known is None:
            known = self._answers[request.path_qs] = await self._ask(request.path_qs)
        await asyncio.sleep(self._latency)
        self._spans.append((began, time.perf_counter()))
        status, content_type, body = known
        return web.Response(status=status, body=body, headers={"Content-Type": content_type})

    async def _ask(self, path: str) -> tuple[int, str, bytes]:
        if self.upstream is None:
            raise web.HTTPServiceUnavailable(text=f"{path} was not asked for while answers were recorded")
        headers = {"Authorization": f"Bearer {self.upstream.admin_token}", "Accept": "application/json"}
        async with (
            aiohttp.ClientSession(trust_env=False) as session,
            session.get(self.upstream.url + path, headers=headers) as response,
        ):
            return response.status, response.headers["Content-Type"], await response.read()


async def serve(latency: float, *, alone: bool) -> None:
    replay = Replay(latency)
    replay.upstream = upstream = await KubernetesServer(speed=25, tls=False).start()
    async with ClusterClient(upstream.url, upstream.admin_token) as cluster:
        await install(cluster, [APPLICATION] if alone else None)
        await break_application(cluster, APPLICATION)
    app = web.Application()
    app.router.add_post("/_waves", replay.waves)
    app.router.add_post("/_pause", replay.pause)
    app.router.add_post("/_freeze", replay.freeze)
    app.router.add_get("/{path:.*}", replay.answer)
    certificates = Certificates.make()
    serving = await Serving.start(app, tls=certificates.context)
    try:
        await until_told({"url": serving.url, "namespace": NAMESPACE, "ca": certificates.authority.decode()})
    finally:
        await serving.stop()
        if replay.upstream is not None:
            await replay.upstream.stop()


if __name__ == "__main__":
    log_errors_only()
    asyncio.run(serve(float(sys.argv[1]) / 1_000, alone=sys.argv[2] == "one"))
