"""Keeping what matters of a log of any length: its start, its first errors with what follows them, and its end.

A short log is kept whole. Memory is bounded by what is kept, not by the length of the log.
"""

import re
from collections import deque
from collections.abc import Iterable

from bot.domain.redaction import MARKER
from integrations.kubernetes.logs import clean, is_error

_WHOLE_LINES = 6_000
_WHOLE_CHARACTERS = 1_500_000
_HEAD_LINES = 200
_TAIL_LINES = 3_000
_TAIL_CHARACTERS = 750_000
_ERRORS = 60
_AFTER_ERROR = 12
_LINE_CHARACTERS = 8_192
_KEY_MATERIAL = re.compile(r"\s*[A-Za-z0-9+/=]{40,}\s*\Z")


class LogKeeper:
    """Takes the lines of one log in order; `lines` returns what is kept, with a line for each gap."""

    def __init__(self) -> None:
        self._start: list[str] = []  # the whole log while it is short, its head after that
        self._errors: list[tuple[int, str]] = []
        self._tail: deque[str] = deque()
        self._characters = 0
        self._count = 0
        self._errors_seen = 0
        self._after_error = 0
        self._short = True

    def add(self, lines: Iterable[str]) -> None:
        """Take the next lines, without their line ends."""
        for line in lines:
            self._add(line if len(line) <= _LINE_CHARACTERS else f"{line[:_LINE_CHARACTERS]} [cut]")

    def _add(self, line: str) -> None:
        self._count += 1
        self._characters += len(line)
        if self._short:
            self._start.append(line)
            if self._count > _WHOLE_LINES or self._characters > _WHOLE_CHARACTERS:
                self._become_long()
            return
        self._keep(line, self._count)

    def _become_long(self) -> None:
        self._short = False
        rest, self._start = self._start[_HEAD_LINES:], self._start[:_HEAD_LINES]
        self._characters = 0
        for number, line in enumerate(rest, start=len(self._start) + 1):
            self._keep(line, number)

    def _keep(self, line: str, number: int) -> None:
        if self._after_error > 0:
            self._errors.append((number, line))
            self._after_error -= 1
        elif self._errors_seen < _ERRORS and is_error(clean(line[:1_000])):
            self._errors.append((number, line))
            self._errors_seen += 1
            self._after_error = _AFTER_ERROR
        self._tail.append(line)
        self._characters += len(line) if number != self._count else 0
        self._trim()

    def _trim(self) -> None:
        while len(self._tail) > _TAIL_LINES or (self._characters > _TAIL_CHARACTERS and len(self._tail) > 1):
            self._characters -= len(self._tail.popleft())

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
