"""The web pages that are open, and the live events sent to them."""

import asyncio
import json
from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web

from sandbox.slack.background import Background
from sandbox.traffic import Exchange, TrafficLog

_FIELDS = tuple(Exchange.__dataclass_fields__)
_BACKLOG = 20_000


@dataclass(slots=True, eq=False)
class Page:
    """One open page, acting as one person. A page that stops reading is closed rather than buffered for ever."""

    user_id: str
    socket: web.WebSocketResponse
    frames: asyncio.Queue[str | None] = field(default_factory=lambda: asyncio.Queue(_BACKLOG))

    async def write(self) -> None:
        while (frame := await self.frames.get()) is not None:
            try:
                await self.socket.send_str(frame)
            except ConnectionError:
                return
        await self.socket.close()


class Pages:
    """Fan-out of live events. Nothing is encoded while no page is open."""

    def __init__(self, background: Background, traffic: TrafficLog, changed: Callable[[], None]) -> None:
        self._background = background
        self._changed = changed
        self._pages: dict[Page, None] = {}
        self._stop_listening: Callable[[], None] | None = traffic.listen(self._exchange)

    async def serve(self, request: web.Request, user_id: str) -> web.StreamResponse:
        socket = web.WebSocketResponse(timeout=1.0, heartbeat=20.0)
        await socket.prepare(request)
        page = Page(user_id, socket)
        self._pages[page] = None
        writer = self._background.start(page.write(), "page writer")
        self._changed()
        try:
            async for _ in socket:
                pass  # The page only listens here: it speaks through requests.
        finally:
            self._pages.pop(page, None)
            writer.cancel()
        return socket

    def publish(self, event: dict[str, Any], users: Collection[str] | None = None) -> None:
        """Send `event` to the pages of these users (None: to all)."""
        pages = [p for p in self._pages if users is None or p.user_id in users]
        if not pages:
            return
        frame = json.dumps(event)
        for page in pages:
            try:
                page.frames.put_nowait(frame)
            except asyncio.QueueFull:
                del self._pages[page]
                self._background.start(page.socket.close(), "close a page that does not read")

    def watching(self, user_id: str) -> bool:
        return any(p.user_id == user_id for p in self._pages)

    def toast(self, user_id: str, text: str, level: str = "error") -> None:
        self.publish({"type": "toast", "level": level, "text": text}, (user_id,))

    def _exchange(self, exchange: Exchange) -> None:
        if self._pages:
            self.publish({"type": "traffic", "exchange": {name: getattr(exchange, name) for name in _FIELDS}})

    async def stop(self) -> None:
        if self._stop_listening is not None:
            self._stop_listening()
            self._stop_listening = None
        await asyncio.gather(*(page.socket.close() for page in self._pages), return_exceptions=True)
