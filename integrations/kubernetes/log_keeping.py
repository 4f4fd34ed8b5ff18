"""Keeping what matters of a log of any length: its start, its first errors with what follows them, and its end.

A short log is kept whole. Memory is bounded by what is kept, not by the length of the log.
"""

import re
from collections import deque
from collections.abc import Iterable
from itertools import islice

from bot.domain.redaction import MARKER
from integrations.kubernetes.log_fields import level_hangs_on_digits
from integrations.kubernetes.logs import clean, hangs_on_digits, is_error

_WHOLE_LINES = 6_000
_WHOLE_CHARACTERS = 1_500_000
_HEAD_LINES = 200
_TAIL_LINES = 3_000
_TAIL_CHARACTERS = 750_000
_ERRORS = 60
_AFTER_ERROR = 12
_LINE_CHARACTERS = 8_192
_BATCH = 2_048
_DULL_SHAPES = 20_000
_LEVEL_DIGITS = str.maketrans("123456789", "000000000")
_KEY_MATERIAL = re.compile(r"\s*[A-Za-z0-9+/=]{40,}\s*\Z")


class LogKeeper:
    """Takes the lines of one log in order; `lines` returns what is kept, with a line for each gap."""

    def __init__(self) -> None:
        self._start: list[str] = []  # the whole log while it is short, its head after that
        self._errors: list[tuple[int, str]] = []
        self._tail: deque[str] = deque()
        self._tail_characters = 0
        self._characters = 0
        self._count = 0
        self._errors_seen = 0
        self._after_error = 0
        self._dull: set[str] = set()
        self._short = True

    def add(self, lines: Iterable[str]) -> None:
        """Take the next lines, without their line ends."""
        cut = (line if len(line) <= _LINE_CHARACTERS else f"{line[:_LINE_CHARACTERS]} [cut]" for line in lines)
        while batch := list(islice(cut, _BATCH)):
            if not self._short:
                self._keep(batch)
                continue
            self._start += batch
            self._count += len(batch)
            self._characters += sum(map(len, batch))
            if self._count > _WHOLE_LINES or self._characters > _WHOLE_CHARACTERS:
                self._short = False
                rest, self._start = self._start[_HEAD_LINES:], self._start[:_HEAD_LINES]
                self._count = len(self._start)
                self._keep(rest)

    def _keep(self, batch: list[str]) -> None:
        self._find_errors(batch)
        self._count += len(batch)
        self._tail.extend(batch)
        self._tail_characters += sum(map(len, batch))
        while len(self._tail) > _TAIL_LINES or (self._tail_characters > _TAIL_CHARACTERS and len(self._tail) > 1):
            self._tail_characters -= len(self._tail.popleft())

    def _find_errors(self, batch: list[str]) -> None:
        """Keep the first errors and what follows them. A line that differs from a dull one in digits alone is dull."""
        if self._errors_seen >= _ERRORS and not self._after_error:
            return
        shapes = "\n".join(batch).translate(_LEVEL_DIGITS).split("\n")
        if len(shapes) != len(batch):
            shapes = batch
        if not self._after_error and self._dull.issuperset(shapes):
            return
        for number, (line, shape) in enumerate(zip(batch, shapes, strict=True), start=self._count + 1):
            if self._after_error > 0:
                self._errors.append((number, line))
                self._after_error -= 1
            elif shape not in self._dull and self._errors_seen < _ERRORS:
                cleaned = clean(line[:1_000])
                if is_error(cleaned):
                    self._errors.append((number, line))
                    self._errors_seen += 1
                    self._after_error = _AFTER_ERROR
                elif not hangs_on_digits(cleaned) and not level_hangs_on_digits(cleaned):
                    self._dull.add(shape)
        if len(self._dull) > _DULL_SHAPES:
            self._dull.clear()

    def lines(self) -> tuple[str, ...]:
        """Return what is kept. Not redacted: what could be the middle of a key whose start was left out is masked."""
        if self._short:
            return tuple(self._start)
        first_of_tail = self._count - len(self._tail) + 1
        numbered = [*enumerate(self._start, start=1), *(pair for pair in self._errors if pair[0] < first_of_tail)]
        numbered += enumerate(self._tail, start=first_of_tail)
        kept: list[str] = []
        last = 0
        for number, line in numbered:
            if number > last + 1:
                kept.append(f"[{number - last - 1} lines left out]")
            kept.append(MARKER if number > _HEAD_LINES and _KEY_MATERIAL.match(line) else line)
            last = number
        return tuple(kept)
