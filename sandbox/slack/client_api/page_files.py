"""Serves the page itself, under a policy that runs no script but its own."""

from pathlib import Path

from aiohttp import web

from sandbox.slack.client_api.guard import refuse_foreign, refuse_foreign_host
from sandbox.slack.core import Core

PAGE = Path(__file__).parent.parent / "page"

_TYPES = {
    ".html": "text/html; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".mjs": "text/javascript; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".svg": "image/svg+xml",
    ".png": "image/png",
    ".woff2": "font/woff2",
    ".json": "application/json",
    ".webmanifest": "application/manifest+json",
    ".ico": "image/x-icon",
}


class PageFiles:
    def __init__(self, core: Core, root: Path = PAGE) -> None:
        self._core = core
        self._root = root

    def routes(self) -> list[web.RouteDef]:
        return [
            web.get("/", self.index),
            web.get("/archives/{tail:.*}", self.index),
            web.get("/assets/{path:.+}", self.asset),
        ]

    async def index(self, request: web.Request) -> web.Response:
        # A link from anywhere may lead here: only the host is checked.
        refuse_foreign_host(self._core, request)
        return self._serve(request, self._root / "index.html")

    async def asset(self, request: web.Request) -> web.Response:
        refuse_foreign(self._core, request)
        assets = (self._root / "assets").resolve()
        path = (assets / request.match_info["path"]).resolve()
        if not path.is_relative_to(assets):
            raise web.HTTPNotFound(text="There is no such file.")
        return self._serve(request, path)

    def _serve(self, request: web.Request, path: Path) -> web.Response:
        if not path.is_file():
            raise web.HTTPNotFound(text="The sandbox's page has no such file.")
        headers = {
            "Content-Type": _TYPES.get(path.suffix, "application/octet-stream"),
            "Cache-Control": "no-cache",
            "Content-Security-Policy": _policy(request.host),
            "X-Content-Type-Options": "nosniff",
            "Referrer-Policy": "no-referrer",
        }
        return web.Response(body=path.read_bytes(), headers=headers)


def _policy(host: str) -> str:
    return "; ".join(
        (
            "default-src 'none'",
            "script-src 'self'",
            "style-src 'self'",
            "font-src 'self'",
            # Pictures that messages point to may be served by another part of the sandbox.
            "img-src 'self' data: blob: http://127.0.0.1:* http://localhost:*",
            f"connect-src 'self' ws://{host}",
            "manifest-src 'self'",
            "base-uri 'none'",
            "form-action 'none'",
            "frame-ancestors 'none'",
        )
    )
