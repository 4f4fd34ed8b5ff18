"""The disk as a baseline: how long appending a record durably takes on the file system that holds the database."""

import os
import time
from pathlib import Path

_RECORD = 4096


def fdatasync_seconds(folder: Path, count: int) -> list[float]:
    """Append `count` records of 4 KB, each made durable with fdatasync (fsync where there is none), and time each."""
    sync = getattr(os, "fdatasync", os.fsync)
    path = folder / "fdatasync.bin"
    record = os.urandom(_RECORD)
    descriptor = os.open(path, os.O_CREAT | os.O_WRONLY | os.O_APPEND, 0o600)
    times = []
    try:
        for _ in range(count):
            started = time.perf_counter()
            os.write(descriptor, record)
            sync(descriptor)
            times.append(time.perf_counter() - started)
    finally:
        os.close(descriptor)
        path.unlink()
    return times
