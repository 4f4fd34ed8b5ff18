"""What programs that still run say about others: families of messages, near the end of a log, said more than once."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace

from bot.domain.finding import Citation
from integrations.kubernetes.diagnosis.addresses import service_at
from integrations.kubernetes.diagnosis.citations import cite_log
from integrations.kubernetes.diagnosis.complaint_words import ANY, PATTERNS, may_complain
from integrations.kubernetes.diagnosis.containers import ContainerView, containers
from integrations.kubernetes.diagnosis.findings import is_ready
from integrations.kubernetes.diagnosis.graph import Graph
from integrations.kubernetes.diagnosis.log_times import is_old, last_time
from integrations.kubernetes.diagnosis.objects import name_of, namespace_of, status_of
from integrations.kubernetes.diagnosis.peers import lost_name, peer_of
from integrations.kubernetes.log_fields import level_of
from integrations.kubernetes.logs import clean
from integrations.kubernetes.snapshot import Object

_QUIET = re.compile(
    r"\b(?:DEBUG|TRACE|INFO)\b|\"(?:level|severity)\": ?\"(?:debug|trace|info)\"|level=(?:debug|trace|info)\b|"
    r"\b(?:succeeded|recovered|half-open)\b"
)
_WORD = re.compile(r"[a-z][a-z0-9-]{2,62}")
_RETRIED = re.compile(
    r"\b(?:will retry|retrying|retry \d|attempt \d|transient|trying again|reconnecting)\b", re.IGNORECASE
)
_ASKED = re.compile(r"\"?(?:GET|POST|PUT|PATCH|DELETE|HEAD) /(?:api/|v\d/)*(?P<first>[a-z0-9-]+)")
_CLEARED = re.compile(r"\b(?:cleared|recovered|resolved|freed)\b|below .{0,20}watermark", re.IGNORECASE)
_TAIL, _LAST, _LINE_LIMIT = 150, 20, 1000
_OFTEN, _SHARE = 3, 0.25


@dataclass(frozen=True, slots=True)
class Complaint:
    """One kind of trouble that one container reports, with its newest line; `host` is "" when the line names none.

    `mild` says that all its lines are warnings or speak of another try.
    """

    kind: str
    view: ContainerView
    previous: bool
    number: int
    line: str
    text: str
    host: str
    port: int | None
    count: int
    mild: bool = False

    def cite(self) -> Citation:
        return cite_log(self.view.pod, self.view.name, previous=self.previous, number=self.number, line=self.line)


def complaints(graph: Graph) -> list[Complaint]:
    """Return what current logs complain about; a single complaint long before the end is not one."""
    found: list[Complaint] = graph.once(
        "complaints", lambda: [c for view in containers(graph) for c in _of(graph, view)]
    )
    return found


def _of(graph: Graph, view: ContainerView) -> Iterator[Complaint]:
    previous, lines = (False, graph.log(view.pod, view.name, previous=False))
    if view.crashes or not lines:
        previous, lines = view.log()
    start = max(0, len(lines) - _TAIL)
    last = last_time(lines[start:])
    groups: dict[tuple[str, str], list[Complaint]] = {}
    for number, raw in enumerate(lines[start:], start=start + 1):
        if (
            not may_complain(raw)
            or not ANY.search(raw, 0, _LINE_LIMIT)
            or _QUIET.search(raw, 0, 200)
            or is_old(raw, graph.now, last)
        ):
            continue
        text = clean(raw)[:_LINE_LIMIT]
        if level_of(text) in {"info", "debug"}:
            continue
        kind = next((kind for kind, pattern in PATTERNS if pattern.search(text)), "")
        if not kind:
            continue
        lost = lost_name(text) if kind == "unresolved" else ""
        host, port = (lost, None) if lost else _target(graph, view.pod, text, kind)
        found = Complaint(kind, view, previous, number, raw, text, host, port, 1)
        groups.setdefault((kind, host), []).append(found)
    settled = is_ready(view.pod) and not view.crashes
    often: dict[str, int] = {}
    for (kind, _), group in groups.items():
        often[kind] = often.get(kind, 0) + len(group)
    for group in groups.values():
        newest, mild = group[-1], all(_is_mild(found.text) for found in group)
        since = len(lines) - group[0].number + 1
        if settled and not _lasts(newest, lines) and (len(group) < 2 or newest.number <= len(lines) - _LAST):
            continue  # it was said once, or the program went on without trouble
        count = often[newest.kind]
        if settled and mild and not _lasts(newest, lines) and (count < _OFTEN or count < _SHARE * since):
            continue  # it tries again, and mostly succeeds
        yield replace(newest, count=len(group), mild=mild)


def _lasts(complaint: Complaint, lines: tuple[str, ...]) -> bool:
    """Whether what was said holds until it is taken back, as an alarm about a full disk does."""
    return complaint.kind == "disk" and not any(_CLEARED.search(line) for line in lines[complaint.number :])


def _is_mild(text: str) -> bool:
    return level_of(text) == "warning" or _RETRIED.search(text) is not None


def _target(graph: Graph, pod: Object, text: str, kind: str) -> tuple[str, int | None]:
    """Return the host and port that a line names: an address, else the first word that is a Service's name."""
    namespace, own = namespace_of(pod), name_of(pod)

    def is_known(host: str) -> bool:
        if host == status_of(pod).get("podIP"):
            return False  # lines often name both ends
        return host in graph.pod_by_ip or service_at(graph, host, namespace) is not None

    asked = _ASKED.search(text) if kind == "gateway" else None
    if asked is not None and asked["first"] in graph.service_names(namespace):
        return asked["first"], None  # gateways call the backend like the path, and name many addresses besides
    host, port = peer_of(text, is_known)
    if not host or not is_known(host):
        names = graph.service_names(namespace)
        for match in _WORD.finditer(text):
            word = match[0]
            if word in names and not own.startswith(f"{word}-"):
                after = re.match(r":(\d{2,5})", text[match.end() : match.end() + 6])
                return word, int(after[1]) if after else None
    return host, port
