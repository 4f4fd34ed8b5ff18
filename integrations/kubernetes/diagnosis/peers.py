"""The other side that a log line speaks of: a host, and a port where one is named."""

import re
from collections.abc import Callable, Iterator

_IP = r"\d{1,3}(?:\.\d{1,3}){3}"
_NAME = r"[a-z][a-z0-9-]*(?:\.[a-z0-9-]+)*"  # a capital letter says that it is a class or a file
_HOST = rf"(?P<host>{_NAME}|{_IP})(?![\w-]|\.\w)"
_LOST = re.compile(
    r"(?:lookup|ENOTFOUND|EAI_AGAIN|getaddrinfo(?: failed)?(?: for)?|[Hh]ost ?name|not found in upstream|"
    r"UnknownHostException:|[Rr]esolve(?: host)?:?|[Rr]esolving|bad address|can't find)"
    r" [\"'(]?(?P<host>[a-z][a-z0-9.-]*[a-z0-9])(?=[\"')\s,:;]|$)"
)
_FORMS = tuple(
    re.compile(pattern)
    for pattern in (
        rf"->\s?{_HOST}:(?P<port>\d{{2,5}})",  # Go names both ends: the far one counts
        rf"[a-z][a-z0-9+]{{1,15}}://(?:[^@/\s\"']*@)?{_HOST}(?::(?P<port>\d{{2,5}}))?",
        rf"host=[\"']?{_HOST}[\"']?,? ?port=[\"']?(?P<port>\d{{2,5}})",
        (
            rf"(?:tcp |to |at |host |connect |lookup |for |server (?:at )?|[A-Z]{{6,}} |@|\(|\"|'|/)"
            rf"{_HOST}\"?'?(?:/{_IP}| \({_IP}\))?\)?(?:[:,] ?(?:port )?(?P<port>\d{{2,5}}))"
        ),
        rf"(?<![\w.@/-]){_HOST}:(?P<port>\d{{2,5}})(?![\w:])",
        rf"(?:tcp |to |at |host |connect |lookup |for |server (?:at )?|[A-Z]{{6,}} |@|\(|\"|'){_HOST}",
    )
)
"""Ways of naming the other side, the surest first."""
_SOURCE_FILE = re.compile(
    r"\.(?:go|js|mjs|cjs|ts|tsx|py|rb|java|kt|scala|rs|cs|php|ex|exs|c|cc|cpp|h|lua|jar|html|log|yaml|json)$"
)
_NOT_HOSTS = frozenset(
    {"address", "error", "failed", "http", "https", "localhost", "line", "port", "time", "timestamp"}
)


def lost_name(line: str) -> str:
    """Return the name that a line could not resolve, "" when it names none."""
    return next((match["host"] for match in _LOST.finditer(line) if match["host"] not in _NOT_HOSTS), "")


def peers(line: str) -> Iterator[tuple[str, int | None]]:
    """Yield the hosts (with ports) that a line may mean, the surest first."""
    for form in _FORMS:
        for match in form.finditer(line):
            host, port = match["host"].rstrip("."), match.groupdict().get("port")
            if _SOURCE_FILE.search(host) or host.lower() in _NOT_HOSTS or not (port or "." in host or "-" in host):
                continue
            yield host, int(port) if port else None


def peer_of(line: str, is_known: Callable[[str], bool] | None = None) -> tuple[str, int | None]:
    """Return the host and port that a line names, one that `is_known` before all others; ("", None) without any."""
    found = list(peers(line))
    if is_known is not None:
        known = next((peer for peer in found if is_known(peer[0])), None)
        if known is not None:
            return known
    return found[0] if found else ("", None)


def host_in(line: str) -> str:
    """Return the host (with port) that a line names, or nothing."""
    host, port = peer_of(line)
    return f"{host}:{port}" if port else host
