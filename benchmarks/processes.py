"""Servers under test as processes of their own, each on one core, with the load on another."""

import asyncio
import json
import logging
import os
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any

import structlog

from bot.collector import spare_what_stays

_ROOT = Path(__file__).resolve().parents[1]
_READY_SECONDS = 60.0
_STOP_SECONDS = 10.0


def cores() -> tuple[int, int]:
    """Return the core of the servers and the core of the load; the same one where there is only one."""
    available = sorted(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else [0]
    return available[0], available[-1]


@contextmanager
def on_core(core: int) -> Iterator[None]:
    """Run this process, and whatever it starts meanwhile, on one core. Where that cannot be asked for, nothing."""
    if not hasattr(os, "sched_setaffinity"):
        yield
        return
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {core})
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


@asynccontextmanager
async def running(module: str, *arguments: str, core: int | None = None) -> AsyncIterator[dict[str, Any]]:
    """Run `python -m module` and yield the JSON object that it prints when it is ready; closing its input ends it.

    Raise RuntimeError with the process's exit code when it does not get ready.
    """
    with on_core(cores()[0] if core is None else core):
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", module, *arguments,
            cwd=_ROOT, stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE,
        )  # fmt: skip
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        line = await asyncio.wait_for(process.stdout.readline(), _READY_SECONDS)
        if not line.strip():
            raise RuntimeError(f"{module} ended with code {await process.wait()} before it was ready")
        ready: dict[str, Any] = json.loads(line)
        yield {**ready, "pid": process.pid}
    finally:
        process.stdin.close()
        try:
            await asyncio.wait_for(process.wait(), _STOP_SECONDS)
        except TimeoutError:
            process.kill()
            await process.wait()


def log_errors_only() -> None:
    """In the server's process: keep standard output for the one line that says it is ready."""
    structlog.configure(
        wrapper_class=structlog.make_filtering_bound_logger(logging.ERROR),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
    )


async def until_told(ready: dict[str, Any]) -> None:
    """In the server's process: say that it is ready and where, then wait until the input is closed.

    Baselines are spared the collector's walks like the product is, so that no ratio gains from it.
    """
    spare_what_stays()
    sys.stdout.write(json.dumps(ready) + "\n")
    sys.stdout.flush()
    await asyncio.to_thread(sys.stdin.read)
