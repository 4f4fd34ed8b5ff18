"""The only place that creates asyncio tasks, so that none is lost and no failure passes in silence."""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any

import structlog

logger = structlog.get_logger(__name__)


class TaskSupervisor:
    """Owns background tasks: keeps a reference to each, logs what fails, cancels all on `close`."""

    def __init__(self) -> None:
        self._tasks: set[asyncio.Task[Any]] = set()
        self._closing = False

    def start(self, coroutine: Coroutine[Any, Any, Any], *, name: str) -> asyncio.Task[Any]:
        """Run `coroutine` once in the background; a failure is logged with its traceback."""
        task = asyncio.get_running_loop().create_task(coroutine, name=name)
        self._tasks.add(task)
        task.add_done_callback(self._finished)
        return task

    def keep_running(
        self, run: Callable[[], Awaitable[None]], *, name: str, backoff_seconds: float = 1.0
    ) -> asyncio.Task[Any]:
        """Run `run` for as long as the process lives: restart it with growing pauses (60 s at most) when it fails."""

        async def supervise() -> None:
            pause = backoff_seconds
            while not self._closing:
                started = asyncio.get_running_loop().time()
                try:
                    await run()
                except Exception:
                    logger.exception("task_failed_restarting", task=name, pause_seconds=pause)
                else:
                    return
                if asyncio.get_running_loop().time() - started > 60:
                    pause = backoff_seconds
                await asyncio.sleep(pause)
                pause = min(pause * 2, 60.0)

        return self.start(supervise(), name=name)

    def _finished(self, task: asyncio.Task[Any]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            logger.error("task_failed", task=task.get_name(), exc_info=error)

    async def close(self) -> None:
        """Cancel everything and wait until it has ended."""
        self._closing = True
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
