"""Reading a log of any length once: what stands out, and how often each kind of line occurs.

Most lines of a log differ from earlier ones in digits alone. With the digits levelled out in one stroke per batch,
repeated lines are counted at memory speed, and only a shape that was not seen before is looked at closely. Counts are
exact up to `MAX_PATTERNS` kinds of lines; in a log of more kinds only errors are looked for from there on, and lines of
a known shape are counted. Memory is bounded by what is remembered, not by the length of the log.
"""

import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from itertools import islice

from integrations.kubernetes.log_fields import level_hangs_on_digits, read_record
from integrations.kubernetes.logs import (
    LogPattern,
    LogReading,
    cause_of,
    clean,
    hangs_on_digits,
    is_continuation,
    is_error,
    is_trace_start,
    join_entries,
    template_of,
    top_of,
)

MAX_PATTERNS = 5_000
_BATCH = 8_192
_FIRST_BATCH = 512
_MAX_SHAPES = 50_000
_CONTEXT = 200
_MOST_FREQUENT = 50
_SAMPLE = 300
_LEVEL_DIGITS = str.maketrans("123456789", "000000000")
_IDENTIFIER = re.compile(r"[0-9a-fA-F-]{8,}")
_TELLING_WORDS = (
    "err", "fatal", "panic", "exception", "crit", "emerg", "severe", "traceback", "fail", "cannot", "can't", "unable",
    "denied", "refused", "not found", "no such", "alert", "uncaught", "unhandled", ".rb:", "sigsegv", "segmentation",
    "core dumped",
)  # fmt: skip
"""Every line that `is_error` or `is_trace_start` knows holds one of these, or names its level."""
_STAMP = re.compile(r"\[?(\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(?:[.,]\d+)?(?: ?(?:Z|[+-]\d\d:?\d\d))?)")


@dataclass(slots=True)
class _Pattern:
    text: str
    sample: str
    error: bool
    first: int
    count: int = 0
    last: int = 0
    first_time: str = ""
    last_time: str = ""


@dataclass(slots=True)
class _Shape:
    """What is known of all lines that are equal but for their digits. `pattern` is None for parts of other messages."""

    pattern: _Pattern | None
    telling: bool
    varies: bool


_UNREMEMBERED = _Shape(None, telling=False, varies=False)


def _may_tell(line: str) -> bool:
    lowered = line.lower()
    return any(word in lowered for word in _TELLING_WORDS) or "level" in lowered or "sever" in lowered


@dataclass(slots=True)
class LogReader:
    """Takes the lines of one log in order, in any portions; `reading` returns what was learnt so far."""

    _total: int = 0
    _patterns: dict[str, _Pattern] = field(default_factory=dict)
    _shapes: dict[str, _Shape] = field(default_factory=dict)
    _uncounted: int = 0
    _first_error: tuple[int, str] | None = None
    _cause: tuple[int, str] | None = None
    _top: tuple[int, str] | None = None
    _context: list[str] = field(default_factory=list)
    _open: bool = False
    _wild: bool = False

    def add(self, lines: Iterable[str]) -> None:
        """Take the next lines, without their line ends."""
        remaining = iter(lines)
        # The first batch is small: it shows whether identifiers have to be masked before lines are compared.
        while batch := list(islice(remaining, _BATCH if self._total else _FIRST_BATCH)):
            self._add(batch)

    def _add(self, batch: list[str]) -> None:
        text = "\n".join(batch)
        if text.count("\n") != len(batch) - 1:
            batch = [line.replace("\n", " ") for line in batch]
            text = "\n".join(batch)
        # Identifiers make every line a new shape; masking them costs more than levelling digits, so only when needed.
        levelled = (_IDENTIFIER.sub("~", text) if self._wild else text).translate(_LEVEL_DIGITS)
        shapes = levelled.split("\n")
        base = self._total + 1
        last = dict(zip(shapes, range(len(shapes)), strict=True))
        first = dict(zip(reversed(shapes), range(len(shapes) - 1, -1, -1), strict=True))
        learnt = 0
        telling: set[str] = set()
        varying: set[str] = set()
        for shape, count in Counter(shapes).items():
            known = self._shapes.get(shape)
            if known is None:
                learnt += 1
                known = self._learn(shape, batch[first[shape]], base + first[shape])
            if known.varies:
                varying.add(shape)
            elif known.telling:
                telling.add(shape)
            if known.pattern is not None:
                self._count(known.pattern, count, base, first[shape], last[shape], batch)
        self._wild = self._wild or learnt * 3 > len(batch) > 300
        self._look_closely(batch, shapes, telling, varying)
        self._total += len(batch)
        self._context = batch[-_CONTEXT:]

    def _learn(self, shape: str, line: str, number: int) -> _Shape:
        if len(self._patterns) >= MAX_PATTERNS and not _may_tell(line):
            self._uncounted += 1
            return _UNREMEMBERED
        cleaned = clean(line)
        varies = hangs_on_digits(cleaned) or level_hangs_on_digits(cleaned)
        if not cleaned or is_continuation(cleaned):
            known = _Shape(None, telling=False, varies=False)
        else:
            error = is_error(cleaned)
            template = template_of(read_record(cleaned).message)
            pattern = self._patterns.get(template)
            if pattern is None and len(self._patterns) < MAX_PATTERNS:
                pattern = _Pattern(template, cleaned[:_SAMPLE], error, number)
                self._patterns[template] = pattern
            known = _Shape(pattern, telling=error or is_trace_start(cleaned), varies=varies)
        if known.pattern is None and cleaned and not is_continuation(cleaned):
            self._uncounted += 1
        if len(self._shapes) >= _MAX_SHAPES:
            self._shapes.clear()
        self._shapes[shape] = known
        return known

    def _count(self, pattern: _Pattern, count: int, base: int, first: int, last: int, batch: list[str]) -> None:
        if pattern.count == 0 or base + first < pattern.first:
            pattern.first = base + first
        if not pattern.first_time and (stamp := _STAMP.match(batch[first])):
            pattern.first_time = stamp[1]
        pattern.count += count
        if base + last > pattern.last:
            pattern.last = base + last
            if stamp := _STAMP.match(batch[last]):
                pattern.last_time = stamp[1]

    def _look_closely(self, batch: list[str], shapes: list[str], telling: set[str], varying: set[str]) -> None:
        """Find the first error of the log, and the cause and the frame of its latest trace."""
        places = (
            [
                index
                for index, shape in enumerate(shapes)
                if shape in telling or (shape in varying and is_error(clean(batch[index])))
            ]
            if telling or varying
            else []
        )
        if places and self._first_error is None:
            index = places[0]
            self._first_error = (self._total + 1 + index, clean(batch[index]))
        if not places and not self._open:
            return
        # A trace may have begun in the batch before and may go on in the next one: both see it whole.
        lines = [*self._context, *batch]
        offset = self._total - len(self._context)
        end = (places[-1] if places else 0) + len(self._context) + _CONTEXT
        start = max(0, end - 2 * _CONTEXT) if places else 0
        self._read_entries(lines[start:end], offset + start)
        self._open = bool(places) and places[-1] >= len(batch) - _CONTEXT

    def _read_entries(self, lines: list[str], offset: int) -> None:
        for entry in join_entries(lines):
            trace = entry.is_trace
            if not trace and not is_error(entry.text):
                continue
            if found := cause_of(entry):
                self._cause = (found[0] + offset, found[1])
            elif stack := read_record(entry.text).stack:
                inner = next((cause for part in join_entries(stack.splitlines()) if (cause := cause_of(part))), None)
                self._cause = (entry.number + offset, inner[1] if inner else stack.splitlines()[0])
            if frame := top_of(entry):
                self._top = (frame[0] + offset, frame[1])

    def reading(self) -> LogReading:
        """Return what was learnt so far; patterns come in the order in which they were first seen."""
        patterns = tuple(
            LogPattern(p.text, p.count, p.first, p.last, p.error, p.sample, p.first_time, p.last_time)
            for p in sorted(self._patterns.values(), key=lambda p: p.first)
        )
        frequent = sorted(((p.text, p.count) for p in patterns), key=lambda item: (-item[1], item[0]))
        return LogReading(
            lines=self._total,
            first_error=self._first_error,
            deepest_cause=self._cause,
            stack_top=self._top,
            templates=tuple(frequent[:_MOST_FREQUENT]),
            patterns=patterns,
            complete=self._uncounted == 0,
        )


def find_novel(reading: LogReading, baseline: LogReading) -> tuple[LogPattern, ...]:
    """Return the patterns that the baseline does not have: errors first, then the rarest, then the earliest.

    The baseline is what went well: the log before the crash, or a sibling container's that does not crash.
    """
    known = {pattern.text for pattern in baseline.patterns}
    new = [pattern for pattern in reading.patterns if pattern.text not in known]
    return tuple(sorted(new, key=lambda pattern: (not pattern.error, pattern.count, pattern.first)))


def find_late(reading: LogReading, after: int) -> tuple[LogPattern, ...]:
    """Return the patterns first seen after line `after` of the same log: what is new since before the crash."""
    late = [pattern for pattern in reading.patterns if pattern.first > after]
    return tuple(sorted(late, key=lambda pattern: (not pattern.error, pattern.count, pattern.first)))
