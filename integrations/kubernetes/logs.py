"""What the lines of a log say: which are errors, which belong together, what caused them, and what kind they are.

`read_log` reads a whole log; how it does that for logs of any length is in log_reading.py.
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from integrations.kubernetes.log_fields import level_of

_ANSI = re.compile(r"\x1b\[[0-9;?]*[ -/]*[@-~]")
_CRI = re.compile(r"^\d{4}-\d\d-\d\dT\S+ (?:stdout|stderr) [FP] ")
_STAMP = re.compile(r"^\[?\d{4}[-/]\d\d[-/]\d\d[T ]\d\d:\d\d:\d\d(?:[.,]\d+)?(?: ?(?:Z|UTC|[+-]\d\d:?\d\d))?\]?\s?")
_ERROR = re.compile(
    r"\b(?:error|fatal|panic|exception|critical|crit|emerg|severe|traceback|failed|cannot|can't|unable to|denied|"
    r"refused|not found|no such)\b|^[EF]\d{4} |Error[:\s]|Exception\b",
    re.IGNORECASE,
)
_QUIET = re.compile(
    r"\b(?:0 errors?|no errors?|errors?[=:] ?0|without error|error_log|debug|trace)\b"
    r"|\b(?:error|err|exception)s?\"?\s*[:=]\s*(?:null|nil|none|false|\"\"|\[\]|<nil>)",
    re.IGNORECASE,
)
_COUNTED = re.compile(r"\d+ errors?\b|\berrors?[=:] ?\d", re.IGNORECASE)
_CONTINUATION = re.compile(
    r"^(?:\s+at |\s+File \"|\s+\S|Caused by:|\s*\.\.\. \d+ (?:more|common)|goroutine \d+ |\tfrom |"
    r"During handling of|The above exception|   at |--- End of|\s*\^|[^\s{]\S*\.go:\d+|main\.\w+\(|created by |"
    r"#\d+ |Stack trace:|stack backtrace:|note: run with)"
)
_TRACE_START = re.compile(
    r"Traceback \(most recent call last\)|^panic: |^fatal error: |Exception in thread|Unhandled exception|"
    r"^Unhandled [Ee]xception|Uncaught |UnhandledPromiseRejection|^\S*(?:Error|Exception)(?::|$| \()|"
    r"\.rb:\d+:in |^thread '.*' panicked at |PHP Fatal error|SIGSEGV|Segmentation fault|core dumped"
)
_CAUSED_BY = re.compile(r"^\s*(?:Caused by: | ?---> |\[cause\]: )(?P<cause>.+)")
_CAUSES_BELOW = re.compile(r"^\s*Caused by:\s*$")
_NUMBERED_CAUSE = re.compile(r"^\s+(?:\d+: )?(?P<cause>\S.*)")
_RUST_PANIC = re.compile(r"^thread '.*' panicked at \S+:\d+:\d+:$")
_PYTHON_LAST = re.compile(
    r"^(?:(?:[\w.]+\.)?\w*(?:Error|Exception|Exit|Interrupt|Warning)|(?:[a-z_]\w*\.)+[A-Z]\w+)(?::.*)?$"
)
_GO_CALL = re.compile(r"^[\w./-]+\.(?:\(\*?\w+\)\.)?\w+\(.*\)$")
_FRAME = re.compile(r"^\s+(?:at .+|File \".+\", line \d+.*)|^\s+\S+\.go:\d+.*|\S+\.rb:\d+:in .+")
_MASKS = (
    (re.compile(r"\b[0-9a-fA-F]{8}-(?:[0-9a-fA-F]{4}-){3}[0-9a-fA-F]{12}\b"), "<uuid>"),
    (re.compile(r"\b\d{1,3}(?:\.\d{1,3}){3}(?::\d+)?\b"), "<ip>"),
    (re.compile(r"\b0x[0-9a-fA-F]+\b|\b(?=[0-9a-f]*\d)[0-9a-f]{8,}\b"), "<hex>"),
    (re.compile(r"\d+(?:\.\d+)?"), "<n>"),
)
_CHAINED = ("During handling of", "The above exception")
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
class LogPattern:
    """All lines that are equal but for what changes each time: the masked text, how many, and where (from line 1).

    `sample` is the first of them; `first_time` and `last_time` are the time stamps before them as they were written,
    "" without any.
    """

    text: str
    count: int
    first: int
    last: int
    error: bool = False
    sample: str = ""
    first_time: str = ""
    last_time: str = ""


@dataclass(frozen=True, slots=True)
class LogReading:
    """What stands out; line numbers count from 1. `templates` are (masked text, count), the 50 most frequent first.

    `patterns` are all kinds of lines; without `complete` there were more than are remembered.
    """

    lines: int
    first_error: tuple[int, str] | None
    deepest_cause: tuple[int, str] | None
    stack_top: tuple[int, str] | None
    templates: tuple[tuple[str, int], ...]
    patterns: tuple[LogPattern, ...] = ()
    complete: bool = True


def clean(line: str) -> str:
    """Return a line without colours, the container runtime's prefix and the leading timestamps."""
    if "\x1b" in line:
        line = _ANSI.sub("", line)
    line = _CRI.sub("", line)
    while match := _STAMP.match(line):
        line = line[match.end() :]
    return line.rstrip()


def is_error(line: str) -> bool:
    """Say whether a cleaned line reports a failure: by the level that it names, else by its words."""
    level = level_of(line)
    if level in {"error", "info", "debug"}:
        return level == "error"
    return bool(_ERROR.search(line)) and not _QUIET.search(line)


def hangs_on_digits(line: str) -> bool:
    """Say whether a line counts errors: then `0 errors` and `5 errors` mean different things."""
    return _COUNTED.search(line) is not None


def is_continuation(line: str) -> bool:
    """Say whether a cleaned line belongs to the message before it."""
    return _CONTINUATION.match(line) is not None


def is_trace_start(line: str) -> bool:
    """Say whether a stack trace or a panic begins with a cleaned line."""
    return _TRACE_START.search(line) is not None


def join_entries(lines: Iterable[str]) -> Iterator[LogEntry]:
    """Join the lines of stack traces and other continued messages to the message that they belong to."""
    number, head, more = 0, "", list[tuple[int, str]]()
    in_trace = False
    for position, raw in enumerate(lines, start=1):
        line = clean(raw)
        continues = (
            head
            and len(more) < _JOIN_LIMIT
            and (
                _CONTINUATION.match(line)
                or (in_trace and (not line or _PYTHON_LAST.match(line) or _GO_CALL.match(line)))
                or (not more and _RUST_PANIC.match(head))
                or (line.startswith("Traceback") and _is_chained(more))
            )
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


def _is_chained(more: list[tuple[int, str]]) -> bool:
    """Say whether the last line with text announces another trace of the same message, as Python does."""
    return next((line for _, line in reversed(more) if line), "").startswith(_CHAINED)


def template_of(line: str) -> str:
    """Return a line with all that changes from one occurrence to the next masked."""
    for pattern, mask in _MASKS:
        line = pattern.sub(mask, line)
    return line[:300]


def read_log(lines: Iterable[str]) -> LogReading:
    """Read a log once from front to back."""
    from integrations.kubernetes.log_reading import LogReader  # noqa: PLC0415 - it builds on this module

    reader = LogReader()
    reader.add(lines)
    return reader.reading()


def cause_of(entry: LogEntry) -> tuple[int, str] | None:
    """Return the line and text of the innermost cause.

    That is the last `Caused by` (Java), `--->` (.NET) or `[cause]` (Node), the deepest of a list of causes (Rust), the
    first exception of a chain (Python prints the cause first), or what the trace begins with.
    """
    found: tuple[int, str] | None = None
    listing = False
    for number, line in entry.more:
        if match := _CAUSED_BY.match(line):
            found = (number, match["cause"])
        elif _CAUSES_BELOW.match(line):
            listing = True
        elif listing and (match := _NUMBERED_CAUSE.match(line)):
            found = (number, match["cause"])
        elif _PYTHON_LAST.match(line):
            found = found or (number, line)
        else:
            listing = False
    if found is None and _RUST_PANIC.match(entry.text) and entry.more:
        return entry.more[0]
    if found is None and entry.is_trace and not entry.text.startswith("Traceback"):
        return entry.number, entry.text
    return found


def top_of(entry: LogEntry) -> tuple[int, str] | None:
    """Return the frame in which the innermost cause arose: under it, or above it in Python, which prints it last."""
    cause = cause_of(entry)
    frames = [(number, line.strip()) for number, line in entry.more if _FRAME.match(line)]
    if not frames:
        return None
    if any(frame.startswith('File "') for _, frame in frames):
        return next((frame for frame in reversed(frames) if cause is None or frame[0] < cause[0]), frames[-1])
    return next((frame for frame in frames if cause is None or frame[0] > cause[0]), frames[0])
