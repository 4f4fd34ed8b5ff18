"""Runs the controllers: changes become keys, keys are worked off once however often they came up."""

import asyncio
import logging
from collections.abc import Coroutine, Iterable
from typing import Any, Protocol

from sandbox.kubernetes.cluster import Cluster
from sandbox.kubernetes.errors import StatusError
from sandbox.kubernetes.objects import Obj
from sandbox.kubernetes.store import Change, Key

_LOG = logging.getLogger(__name__)
_SETTLE_SECONDS = 0.004
_RETRY_SECONDS = 0.5
_BATCH = 200


class Controller(Protocol):
    """`kinds` are the kinds whose changes matter; `keys` says which objects to look at again after one."""

    kinds: frozenset[str]

    def keys(self, change: Change) -> Iterable[Key]: ...

    def reconcile(self, key: Key) -> float | None:
        """Bring one object a step further; return the seconds (real time) after which to look again, or None."""
        ...


class Runner:
    """One task works off all controllers' keys; other tasks, such as pods, live and die with it."""

    def __init__(self, cluster: Cluster, speed: float) -> None:
        self.cluster = cluster
        self.speed = speed
        self._by_kind: dict[str, list[Controller]] = {}
        self._controllers: list[Controller] = []
        self._pending: dict[tuple[Controller, Key], None] = {}
        self._timers: dict[tuple[Controller, Key], asyncio.TimerHandle] = {}
        self._tasks: set[asyncio.Task[Any]] = set()
        self._wake = asyncio.Event()
        self._stop_listening = cluster.store.listen(self._take)

    def add(self, controller: Controller) -> None:
        self._controllers.append(controller)
        for kind in controller.kinds:
            self._by_kind.setdefault(kind, []).append(controller)

    def start(self) -> None:
        """Begin with what the store already holds."""
        for kind in self._by_kind:
            for obj in self.cluster.store.list_of(kind):
                self._take(Change(self.cluster.store.version, "ADDED", kind, obj, None))
        self.spawn(self._work(), "kubernetes controllers")

    async def stop(self) -> None:
        self._stop_listening()
        for timer in self._timers.values():
            timer.cancel()
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def spawn(self, work: Coroutine[Any, Any, None], name: str) -> asyncio.Task[None]:
        """Run a task that ends with the runner; a failure is logged, not lost."""
        task = asyncio.create_task(work, name=name)
        self._tasks.add(task)
        task.add_done_callback(self._done)
        return task

    def _done(self, task: asyncio.Task[Any]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            _LOG.error("%s failed", task.get_name(), exc_info=error)

    async def sleep(self, seconds: float) -> None:
        """Sleep for a time of the simulated cluster."""
        await asyncio.sleep(seconds / self.speed)

    def _take(self, change: Change) -> None:
        for controller in self._by_kind.get(change.kind, ()):
            for key in controller.keys(change):
                self._pending[controller, key] = None
        if self._pending:
            self._wake.set()

    async def _work(self) -> None:
        while True:
            await self._wake.wait()
            # A short pause lets a burst of changes become one look at each object.
            await asyncio.sleep(_SETTLE_SECONDS)
            self._wake.clear()
            batch, self._pending = self._pending, {}
            for done, (controller, key) in enumerate(batch, start=1):
                self._reconcile(controller, key)
                if done % _BATCH == 0:
                    await asyncio.sleep(0)

    def _reconcile(self, controller: Controller, key: Key) -> None:
        try:
            again = controller.reconcile(key)
        except StatusError as error:
            _LOG.info("%s %s: %s", type(controller).__name__, key, error.message)
            again = _RETRY_SECONDS
        except Exception:  # noqa: BLE001 - one broken object must not stop the controllers; it is logged and tried again
            _LOG.exception("%s failed on %s", type(controller).__name__, key)
            again = _RETRY_SECONDS
        timer = self._timers.pop((controller, key), None)
        if timer is not None:
            timer.cancel()
        if again is not None:
            loop = asyncio.get_running_loop()
            self._timers[controller, key] = loop.call_later(again, self._requeue, controller, key)

    def _requeue(self, controller: Controller, key: Key) -> None:
        self._timers.pop((controller, key), None)
        self._pending[controller, key] = None
        self._wake.set()


def self_key(change: Change) -> list[Key]:
    return [(change.namespace, change.name)]


def owner_keys(change: Change, kind: str) -> list[Key]:
    """Return the key of the controlling owner, if it is of that kind, before and after the change."""
    found = (
        (change.namespace, reference["name"])
        for obj in (change.after, change.before)
        for reference in (obj or {}).get("metadata", {}).get("ownerReferences") or ()
        if reference["kind"] == kind and reference.get("controller")
    )
    return list(dict.fromkeys(found))


def live(obj: Obj | None) -> bool:
    return obj is not None and "deletionTimestamp" not in obj["metadata"]
