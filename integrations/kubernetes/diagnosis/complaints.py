"""What programs that still run say about others: families of messages, near the end of a log, said more than once."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from bot.domain.finding import Citation
from integrations.kubernetes.diagnosis.citations import cite_log
from integrations.kubernetes.diagnosis.containers import ContainerView, containers
from integrations.kubernetes.diagnosis.crash_signs import host_in
from integrations.kubernetes.diagnosis.findings import is_ready
from integrations.kubernetes.diagnosis.graph import Graph, name_of, namespace_of
from integrations.kubernetes.logs import clean
from integrations.kubernetes.snapshot import Object, parse_time

_KINDS = (
    (
        "unresolved",
        (
            r"no such host|ENOTFOUND|EAI_AGAIN|getaddrinfo|Name or service not known|[Nn]ame does not resolve|"
            r"failure in name resolution|could not translate host name|UnknownHostException|NXDOMAIN|"
            r"host not found in upstream|"
            r"nodename nor servname|lookup \S+.*(?:timeout|server misbehaving)|DNS resolution failed|"
            r"No such host is known"
        ),
    ),
    (
        "protocol",
        (
            r"server gave HTTP response to HTTPS client|HTTP request (?:was )?sent to (?:an )?HTTPS|"
            r"wrong version number|"
            r"does not look like a TLS handshake|Unsupported or unrecognized SSL message|plain HTTP request was sent|"
            r"malformed HTTP (?:response|version)|unexpected HTTP/\S+ response|PRI \* HTTP/2|EPROTO|"
            r"WRONG_VERSION_NUMBER|"
            r"http2: (?:frame too large|failed reading the frame)|protocol error|Received HTTP/0\.9|"
            r"invalid HTTP version"
        ),
    ),
    (
        "certificate",
        (
            r"certificate (?:has expired|is not yet valid|expired)|CERT_HAS_EXPIRED|CertificateExpired|"
            r"x509: .*expired|NotAfter:"
        ),
    ),
    (
        "connections",
        (
            r"[Tt]oo many (?:clients|connections)|remaining connection slots|max number of clients reached|"
            r"[Cc]onnection is not available, request timed out|QueuePool limit|"
            r"[Pp]ool (?:is )?(?:exhausted|timed? ?out)|"
            r"[Tt]imeout acquiring a connection|max_user_connections|ORA-12519|ORA-00020"
        ),
    ),
    (
        "read_only",
        (
            r"read-only transaction|READONLY You can't write|--(?:super-)?read-only option|NotWritablePrimary|"
            r"[Nn]ot ?(?:[Mm]aster|[Pp]rimary)\b|readonly database|"
            r"(?:database|server|instance|replica) is (?:in )?read.?only"
        ),
    ),
    (
        "credentials",
        (
            r"Access denied for user|password authentication failed|SASL authentication|WRONGPASS|NOAUTH|ORA-01017|"
            r"no pg_hba\.conf entry|Login failed for user|\brole \"[^\"]+\" does not exist|"
            r"(?:[Mm]ongo|SCRAM|AMQP|ACCESS_REFUSED).{0,80}[Aa]uthentication|ACCESS_REFUSED"
        ),
    ),
    ("forbidden", r"[Uu]ser \W*system:serviceaccount:\S+ cannot \w+ resource"),
    ("disk", r"[Nn]o space left on device|ENOSPC|[Dd]isk quota exceeded"),
    (
        "refused",
        (
            r"ECONNREFUSED|[Cc]onnection refused|actively refused|connect: refused|Broker may not be available|"
            r"NoBrokersAvailable|(?:[Uu]nable|[Ff]ailed) to connect|[Cc]ould not connect|code = Unavailable|"
            r"UNAVAILABLE|no healthy upstream|upstream connect error|Communications link failure|"
            r"[Cc]onnection to \S+ .{0,60}could not be established"
        ),
    ),
    ("reset", r"[Cc]onnection reset|ECONNRESET|packet loss|retransmi"),
    (
        "timeout",
        (
            r"timed[ -]?out|[Tt]imeout (?:exceeded|after|while|waiting|expired|reached|calling|connecting|of \d)|"
            r"(?:[Rr]equest|[Rr]ead|[Cc]onnect(?:ion)?|i/o|[Gg]ateway|[Ss]ocket|[Rr]esponse) ?[Tt]ime-?out|"
            r"deadline exceeded|DEADLINE_EXCEEDED|DeadlineExceeded|ETIMEDOUT|TimeoutError|"
            r"TimeoutException|ESOCKETTIMEDOUT"
        ),
    ),
)
_PATTERNS = tuple((kind, re.compile(pattern)) for kind, pattern in _KINDS)
_ANY = re.compile("|".join(f"(?:{pattern})" for _, pattern in _KINDS))
_QUIET = re.compile(
    r"\b(?:DEBUG|TRACE|INFO)\b|\"(?:level|severity)\": ?\"(?:debug|trace|info)\"|level=(?:debug|trace|info)\b|"
    r"\b(?:succeeded|recovered|half-open)\b"
)
_STAMP = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{1,6})?\d*(?:Z|[+-]\d\d:\d\d)")
_LOST = re.compile(
    r"(?:lookup|ENOTFOUND|EAI_AGAIN|getaddrinfo(?: failed)?(?: for)?|host ?name|not found in upstream|"
    r"UnknownHostException:|"
    r"resolve(?: host)?:?)"
    r" [\"']?(?P<host>[a-z][a-z0-9.-]*[a-z0-9])"
)
_WORD = re.compile(r"[a-z][a-z0-9-]{2,62}")
_TAIL, _LAST, _LINE_LIMIT = 150, 20, 1000
_CURRENT_SECONDS = 900.0


@dataclass(frozen=True, slots=True)
class Complaint:
    """One kind of trouble that one container reports, with its newest line; `host` is "" when the line names none."""

    kind: str
    view: ContainerView
    previous: bool
    number: int
    line: str
    text: str
    host: str
    port: int | None
    count: int

    def cite(self) -> Citation:
        return cite_log(self.view.pod, self.view.name, previous=self.previous, number=self.number, line=self.line)


def complaints(graph: Graph) -> list[Complaint]:
    """Return what current logs complain about; a single complaint long before the end is not one."""
    return [found for view in containers(graph) for found in _of(graph, view)]


def _of(graph: Graph, view: ContainerView) -> Iterator[Complaint]:
    previous, lines = (False, graph.log(view.pod, view.name, previous=False))
    if view.crashes or not lines:
        previous, lines = view.log()
    start = max(0, len(lines) - _TAIL)
    groups: dict[tuple[str, str], list[Complaint]] = {}
    for number, raw in enumerate(lines[start:], start=start + 1):
        if not _ANY.search(raw, 0, _LINE_LIMIT) or _QUIET.search(raw, 0, 200) or _is_old(graph, raw):
            continue
        text = clean(raw)[:_LINE_LIMIT]
        kind = next((kind for kind, pattern in _PATTERNS if pattern.search(text)), "")
        if not kind:
            continue
        lost = _LOST.search(text) if kind == "unresolved" else None
        host, port = (lost["host"], None) if lost else _target(graph, view.pod, text)
        found = Complaint(kind, view, previous, number, raw, text, host, port, 1)
        groups.setdefault((kind, host), []).append(found)
    settled = is_ready(view.pod) and not view.crashes
    for group in groups.values():
        newest = group[-1]
        if settled and (len(group) < 2 or newest.number <= len(lines) - _LAST):
            continue  # it was said once, or the program went on without trouble
        yield Complaint(
            newest.kind, view, previous, newest.number, newest.line, newest.text, newest.host, newest.port, len(group)
        )


def _is_old(graph: Graph, line: str) -> bool:
    stamp = _STAMP.search(line, 0, 200)
    parsed = parse_time(stamp[0].replace("Z", "+00:00")) if stamp else None
    return parsed is not None and (graph.now - parsed).total_seconds() > _CURRENT_SECONDS


def _target(graph: Graph, pod: Object, text: str) -> tuple[str, int | None]:
    """Return the host and port that a line names: an address, else the first word that is a Service's name."""
    own = name_of(pod)
    host, _, port = host_in(text).partition(":")
    names = graph.service_names(namespace_of(pod))
    known = host and (host.split(".")[0] in names or host in graph.service_by_ip)
    if not known:
        for match in _WORD.finditer(text):
            word = match[0]
            if word in names and not own.startswith(f"{word}-"):
                after = re.match(r":(\d{2,5})", text[match.end() : match.end() + 6])
                return word, int(after[1]) if after else None
    return host, int(port) if port.isdigit() else None
