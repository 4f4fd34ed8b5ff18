"""Watches: changes as lines of JSON, from a version on, with bookmarks and 410 Gone."""

import asyncio
import contextlib
import json
import time
from collections.abc import AsyncIterator, Iterator
from typing import Any

from aiohttp import web

from sandbox.kubernetes.calls import Call
from sandbox.kubernetes.cluster import Cluster
from sandbox.kubernetes.errors import StatusError
from sandbox.kubernetes.listing import ListQuery, read_objects
from sandbox.kubernetes.objects import Obj
from sandbox.kubernetes.store import Change
from sandbox.kubernetes.tables import table_of, wants_table
from sandbox.kubernetes.views import present

_DEFAULT_SECONDS = 1800.0
_BOOKMARK_SECONDS = 60.0
# A client that hangs up cancels nothing by itself; a quiet stream looks for that now and then.
_LOOK_SECONDS = 5.0


def is_hung_up(request: web.Request) -> bool:
    return request.transport is None or request.transport.is_closing()


class Watch:
    """One open watch. Changes are queued by the store's listener, so none between the list and the stream is lost."""

    def __init__(self, cluster: Cluster, call: Call) -> None:
        self.store = cluster.store
        self.cluster = cluster
        self.call = call
        self.query = ListQuery.read(call)
        self.table = wants_table(call.request)
        self._first_table = True
        self._queue: asyncio.Queue[Change] = asyncio.Queue()

    async def serve(self) -> web.StreamResponse:
        """Stream until the client goes, the time is over or the server stops."""
        call = self.call
        start = self._start_version()
        response = web.StreamResponse(headers={"Content-Type": "application/json"})
        response.enable_chunked_encoding()
        stop_listening = self.store.listen(self._take)
        try:
            initial = list(self._initial(start))
            await response.prepare(call.request)
            for line in initial:
                await response.write(line)
            deadline = time.monotonic() + float(call.query.get("timeoutSeconds") or _DEFAULT_SECONDS)
            async for line in self._live(deadline):
                await response.write(line)
            with contextlib.suppress(ConnectionError):
                await response.write_eof()
        except ConnectionError:
            pass  # The client hung up, which is how watches usually end.
        finally:
            stop_listening()
        return response

    def _take(self, change: Change) -> None:
        if change.kind == self.call.kind.storage:
            self._queue.put_nowait(change)

    def _start_version(self) -> int | None:
        text = self.call.query.get("resourceVersion", "")
        if text in ("", "0"):
            return None
        try:
            version = int(text)
        except ValueError as error:
            raise StatusError.bad_request(f'resourceVersion: Invalid value: "{text}"') from error
        if version < self.store.oldest_version:
            raise StatusError.expired(f"too old resource version: {version} ({self.store.oldest_version})")
        return version

    def _initial(self, start: int | None) -> Iterator[bytes]:
        if start is not None:
            for change in self.store.since(start):
                if change.kind == self.call.kind.storage:
                    yield from self._lines(change)
            return
        for obj in read_objects(self.cluster, self.call.kind, self.call.namespace):
            if self.query.matches(obj):
                yield self._line("ADDED", obj)
        if self.call.flag("sendInitialEvents"):
            yield self._bookmark({"k8s.io/initial-events-end": "true"})

    async def _live(self, deadline: float) -> AsyncIterator[bytes]:
        bookmarks, marked = self.call.flag("allowWatchBookmarks"), time.monotonic()
        while (left := deadline - time.monotonic()) > 0:
            try:
                async with asyncio.timeout(min(left, _LOOK_SECONDS)):
                    change = await self._queue.get()
            except TimeoutError:
                if is_hung_up(self.call.request):
                    return
                if bookmarks and time.monotonic() - marked > _BOOKMARK_SECONDS:
                    marked = time.monotonic()
                    yield self._bookmark()
                continue
            for line in self._lines(change):
                yield line

    def _lines(self, change: Change) -> Iterator[bytes]:
        """Tell a change as the watcher sees it: entering the selection is ADDED, leaving it DELETED."""
        if self.call.namespace and change.namespace != self.call.namespace:
            return
        now = change.type != "DELETED" and self.query.matches(change.after)
        before = change.before is not None and self.query.matches(change.before)
        if now:
            yield self._line("MODIFIED" if before else "ADDED", change.after)
        elif before:
            yield self._line("DELETED", change.after)

    def _line(self, kind_of_change: str, obj: Obj) -> bytes:
        if self.table:
            shown: Any = table_of(self.call, [obj], {"resourceVersion": obj["metadata"]["resourceVersion"]})
            if not self._first_table:
                shown["columnDefinitions"] = None
            self._first_table = False
            return json.dumps({"type": kind_of_change, "object": shown}).encode() + b"\n"
        kind = self.call.kind
        if kind.group == "events.k8s.io":
            return json.dumps({"type": kind_of_change, "object": present(kind, obj)}).encode() + b"\n"
        text = self.store.encoded(kind.storage, obj)
        head = f'{{"type":"{kind_of_change}","object":{{"kind":"{kind.name}","apiVersion":"{kind.api_version}",'
        return f"{head}{text[1:]}}}\n".encode()

    def _bookmark(self, annotations: dict[str, str] | None = None) -> bytes:
        kind = self.call.kind
        metadata: Obj = {"resourceVersion": str(self.store.version), "creationTimestamp": None}
        if annotations:
            metadata["annotations"] = annotations
        shown = {"kind": kind.name, "apiVersion": kind.api_version, "metadata": metadata}
        return json.dumps({"type": "BOOKMARK", "object": shown}).encode() + b"\n"
