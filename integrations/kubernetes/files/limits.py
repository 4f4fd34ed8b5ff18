"""How much is read of files that somebody sent, and the errors of reading too much."""

import io
from collections.abc import Callable
from dataclasses import dataclass

MEBIBYTE = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Limits:
    """Bounds, counted on what comes out of decompression and never on what headers promise.

    `json_bytes` and `yaml_bytes` bound one file of objects (YAML takes twenty times as long to read), `log_bytes` what
    is read of one log, `total_bytes` all files together, `files` their number, `problems` how many broken files are
    named one by one.
    """

    json_bytes: int = 512 * MEBIBYTE
    yaml_bytes: int = 128 * MEBIBYTE
    log_bytes: int = 1024 * MEBIBYTE
    total_bytes: int = 8192 * MEBIBYTE
    files: int = 500_000
    problems: int = 100


class LimitExceededError(ValueError):
    """Reading went past a bound; the message is one sentence for a person."""


class ReadBudget:
    """Counts the bytes of all files together."""

    def __init__(self, total_bytes: int) -> None:
        self._total = total_bytes
        self._left = total_bytes

    def spend(self, count: int) -> None:
        """Count bytes that were read. Raise LimitExceededError when there were too many."""
        self._left -= count
        if self._left < 0:
            raise LimitExceededError(f"all files together hold more than {size_text(self._total)}")


class CountedReader(io.RawIOBase):
    """A readable stream that spends a budget, so that a small file cannot unpack without end."""

    def __init__(self, read: Callable[[int], bytes], budget: ReadBudget) -> None:
        self._read = read
        self._budget = budget

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        content = self._read(min(len(buffer), MEBIBYTE))
        self._budget.spend(len(content))
        buffer[: len(content)] = content
        return len(content)


def size_text(count: int) -> str:
    """Return a number of bytes as people write it."""
    return f"{count // MEBIBYTE} MiB" if count >= MEBIBYTE else f"{count} bytes"
