"""One process per SQLite file: a second one would run the first one's live workflows again."""

import fcntl
import os
from pathlib import Path
from typing import Self

from bot.errors import SettingsError


class FileLock:
    """An exclusive lock that the operating system releases when the process ends, however it ends."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._descriptor: int | None = None

    def acquire(self) -> Self:
        """Take the lock. Raise SettingsError when another process has it."""
        self._path.parent.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(self._path, os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(descriptor)
            raise SettingsError(
                f"Another bot is using the database {self._path.with_suffix('')}.",
                next_step="Stop it, choose another DATABASE_URL, or use PostgreSQL for several replicas.",
            ) from None
        self._descriptor = descriptor
        return self

    def release(self) -> None:
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None
