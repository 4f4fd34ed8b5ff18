"""Start an aiohttp application on a loopback port and stop it again."""

import ssl
from dataclasses import dataclass
from ipaddress import ip_address
from typing import Self

from aiohttp import web

LOOPBACK = "127.0.0.1"


@dataclass(slots=True)
class Serving:
    """A running HTTP server. `url` has no trailing slash; `stop` closes the sockets and the open requests."""

    url: str
    host: str
    port: int
    runner: web.AppRunner

    @classmethod
    async def start(
        cls,
        app: web.Application,
        *,
        host: str = LOOPBACK,
        port: int = 0,
        tls: ssl.SSLContext | None = None,
    ) -> Self:
        """Serve `app` on `host`; port 0 takes a free one. Raise OSError when the port is taken."""
        runner = web.AppRunner(app, access_log=None, handle_signals=False, shutdown_timeout=1.0)
        await runner.setup()
        site = web.TCPSite(runner, host, port, ssl_context=tls)
        try:
            await site.start()
        except OSError:
            await runner.cleanup()
            raise
        bound = runner.addresses[0][1]
        shown = LOOPBACK if ip_address(host).is_unspecified else host
        return cls(url=f"{'https' if tls else 'http'}://{shown}:{bound}", host=shown, port=bound, runner=runner)

    async def stop(self) -> None:
        await self.runner.cleanup()
