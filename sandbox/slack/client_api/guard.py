"""Who may drive the workspace from a browser: pages served from this very address, and nobody else."""

from ipaddress import ip_address
from urllib.parse import urlsplit

from aiohttp import web

from sandbox.slack.core import Core

_LOCAL_NAMES = frozenset({"localhost", "127.0.0.1", "::1"})


def refuse_foreign(core: Core, request: web.Request) -> None:
    """Raise HTTPForbidden for a Host that is not an address of ours, or an Origin that is not this page.

    A name that resolves to loopback is how other sites reach local servers (DNS rebinding); an address is not one.
    """
    host = urlsplit(f"//{request.headers.get('Host', '')}")
    own = urlsplit(core.base_url)
    if not _known(host.hostname or "", own.hostname or ""):
        raise web.HTTPForbidden(text="This workspace is only served under its own address.")
    origin = request.headers.get("Origin")
    if origin is not None and urlsplit(origin).netloc != host.netloc:
        raise web.HTTPForbidden(text="Another web site may not drive this workspace.")
    if request.headers.get("Sec-Fetch-Site") in {"cross-site", "same-site"} and request.path != "/":
        raise web.HTTPForbidden(text="Another web site may not drive this workspace.")


def _known(hostname: str, own: str) -> bool:
    if hostname in _LOCAL_NAMES or hostname == own:
        return True
    try:
        ip_address(hostname)
    except ValueError:
        return False
    # Reached by address over the network: only when the workspace was told to listen there.
    return True
