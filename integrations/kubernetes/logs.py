"""What a log says: first error, deepest cause, top of the stack, and how often each kind of line occurs.

Memory is bounded by the number of templates and by the lines that are kept, not by the length of the log.
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

_ANSI = re.compile(r"\x1b\[[0-9;?]*[ -/]*[@-~]")
_CRI = re.compile(r"^\d{4}-\d\d-\d\dT\S+ (?:stdout|stderr) [FP] ")
_STAMP = re.compile(r"^\[?\d{4}[-/]\d\d[-/]\d\d[T ]\d\d:\d\d:\d\d(?:[.,]\d+)?(?: ?(?:Z|UTC|[+-]\d\d:?\d\d))?\]?\s?")
_ERROR = re.compile(
    r"\b(?:error|fatal|panic|exception|critical|crit|emerg|severe|traceback|failed|cannot|can't|unable to|denied|"
    r"refused|not found|no such)\b|^[EF]\d{4} |Error[:\s]|Exception\b",
    re.IGNORECASE,
)
_QUIET = re.compile(r"\b(?:0 errors?|no errors?|errors?[=:] ?0|without error|error_log|debug|trace)\b", re.IGNORECASE)
_CONTINUATION = re.compile(
    r"^(?:\s+at |\s+File \"|\s+\S|Caused by:|\s*\.\.\. \d+ (?:more|common)|goroutine \d+ |\tfrom |"
    r"During handling of|The above exception|   at |--- End of|\s*\^|\S+\.go:\d+|main\.\w+\()"
)
_TRACE_START = re.compile(
    r"Traceback \(most recent call last\)|^panic: |^fatal error: |Exception in thread|Unhandled exception|"
    r"^Unhandled [Ee]xception|Uncaught |UnhandledPromiseRejection|^\S*(?:Error|Exception)(?::|$| \()|"
    r"\.rb:\d+:in |SIGSEGV|Segmentation fault|core dumped"
)
_CAUSED_BY = re.compile(r"^\s*Caused by: (?P<cause>.+)")
_PYTHON_LAST = re.compile(r"^(?:[\w.]+\.)?\w*(?:Error|Exception|Exit|Interrupt|Warning)(?::.*)?$")
_FRAME = re.compile(r"^\s+(?:at .+|File \".+\", line \d+.*)|^\s+\S+\.go:\d+.*|\S+\.rb:\d+:in .+")
_MASKS = (
    (re.compile(r"\b[0-9a-fA-F]{8}-(?:[0-9a-fA-F]{4}-){3}[0-9a-fA-F]{12}\b"), "<uuid>"),
    (re.compile(r"\b\d{1,3}(?:\.\d{1,3}){3}(?::\d+)?\b"), "<ip>"),
    (re.compile(r"\b0x[0-9a-fA-F]+\b|\b(?=[0-9a-f]*\d)[0-9a-f]{8,}\b"), "<hex>"),
    (re.compile(r"\d+(?:\.\d+)?"), "<n>"),
)
_MAX_TEMPLATES = 5_000
_JOIN_LIMIT = 200


@dataclass(frozen=True, slots=True)
class LogEntry:
    """One message: its first line's number (from 1), that line, and the lines that belong to it."""

    number: int
    text: str
    more: tuple[tuple[int, str], ...] = ()

    @property
    def is_trace(self) -> bool:
        return bool(_TRACE_START.search(self.text)) or any(_FRAME.match(line) for _, line in self.more[:3])


@dataclass(frozen=True, slots=True)
class LogReading:
    """What stands out; line numbers count from 1. `templates` are (masked text, count), most frequent first."""

    lines: int
    first_error: tuple[int, str] | None
    deepest_cause: tuple[int, str] | None
    stack_top: tuple[int, str] | None
    templates: tuple[tuple[str, int], ...]


def clean(line: str) -> str:
    """Return a line without colours, the container runtime's prefix and the leading timestamps."""
    if "\x1b" in line:
        line = _ANSI.sub("", line)
    line = _CRI.sub("", line)
    while match := _STAMP.match(line):
        line = line[match.end() :]
    return line.rstrip()


def is_error(line: str) -> bool:
    """Say whether a cleaned line reports a failure."""
    return bool(_ERROR.search(line)) and not _QUIET.search(line)


def join_entries(lines: Iterable[str]) -> Iterator[LogEntry]:
    """Join the lines of stack traces and other continued messages to the message that they belong to."""
    number, head, more = 0, "", list[tuple[int, str]]()
    in_trace = False
    for position, raw in enumerate(lines, start=1):
        line = clean(raw)
        continues = (
            head
            and len(more) < _JOIN_LIMIT
            and (_CONTINUATION.match(line) or (in_trace and (not line or _PYTHON_LAST.match(line))))
        )
        if continues:
            more.append((position, line))
            continue
        if head:
            yield LogEntry(number, head, tuple(more))
        number, head, more = position, line, []
        in_trace = bool(_TRACE_START.search(line))
    if head:
        yield LogEntry(number, head, tuple(more))


def template_of(line: str) -> str:
    """Return a line with all that changes from one occurrence to the next masked."""
    for pattern, mask in _MASKS:
        line = pattern.sub(mask, line)
    return line[:300]


def read_log(lines: Iterable[str]) -> LogReading:
    """Read a log once from front to back."""
    first_error: tuple[int, str] | None = None
    cause: tuple[int, str] | None = None
    top: tuple[int, str] | None = None
    counts: dict[str, int] = {}
    total = 0
    for entry in join_entries(lines):
        total = entry.number + len(entry.more)
        template = template_of(entry.text)
        if template in counts or len(counts) < _MAX_TEMPLATES:
            counts[template] = counts.get(template, 0) + 1
        if not (is_error(entry.text) or entry.is_trace):
            continue
        first_error = first_error or (entry.number, entry.text)
        cause = _cause_of(entry) or cause
        top = next(((number, line.strip()) for number, line in entry.more if _FRAME.match(line)), top)
    frequent = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    return LogReading(total, first_error, cause, top, tuple(frequent[:50]))


def _cause_of(entry: LogEntry) -> tuple[int, str] | None:
    """Return the innermost cause: the last `Caused by`, or the line that ends a Python trace."""
    found: tuple[int, str] | None = None
    for number, line in entry.more:
        if match := _CAUSED_BY.match(line):
            found = (number, match["cause"])
        elif _PYTHON_LAST.match(line):
            found = found or (number, line)
    if found is None and entry.is_trace and not entry.text.startswith("Traceback"):
        return entry.number, entry.text
    return found
