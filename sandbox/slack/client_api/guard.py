"""Who may drive the workspace from a browser: pages served from this very address, and nobody else."""

import re
from ipaddress import ip_address
from urllib.parse import urlsplit

from aiohttp import web

from sandbox.slack.core import Core

_HOST = re.compile(r"[A-Za-z0-9.\-]+(:\d+)?|\[[0-9A-Fa-f:.]+\](:\d+)?")


def refuse_foreign_host(core: Core, request: web.Request) -> None:
    """Raise HTTPForbidden for a Host that is neither localhost, nor an address, nor the name we were started with.

    A foreign name that resolves to this machine is how other web sites reach local servers (DNS rebinding); a browser
    that was given a bare address has asked for this server and no other.
    """
    host = request.headers.get("Host", "")
    # The header is echoed in the page's policy: nothing but a name and a port may stand in it.
    name = (urlsplit(f"//{host}").hostname or "") if _HOST.fullmatch(host) else ""
    if name != "localhost" and name != urlsplit(core.base_url).hostname and not _is_address(name):
        raise web.HTTPForbidden(text="This workspace is only served under its own address.")


def refuse_foreign(core: Core, request: web.Request) -> None:
    """Also raise HTTPForbidden for a request that another web site's page makes."""
    refuse_foreign_host(core, request)
    origin = request.headers.get("Origin")
    same_origin = origin is None or urlsplit(origin).netloc == request.headers.get("Host")
    if not same_origin or request.headers.get("Sec-Fetch-Site") in {"cross-site", "same-site"}:
        raise web.HTTPForbidden(text="Another web site may not drive this workspace.")


def _is_address(name: str) -> bool:
    try:
        ip_address(name)
    except ValueError:
        return False
    return True
