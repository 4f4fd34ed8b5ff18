"""PagerDuty's Slack app: it posts incident cards into the workspace over Slack's Web API and keeps them current."""

import asyncio
import logging
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import aiohttp

from sandbox.pagerduty.cards import render_card, render_line
from sandbox.pagerduty.records import Change

logger = logging.getLogger(__name__)

_ATTEMPTS: Final = 5
_CARD_CHANGES: Final = frozenset(
    {
        "incident.triggered",
        "incident.acknowledged",
        "incident.unacknowledged",
        "incident.resolved",
        "incident.reopened",
        "incident.reassigned",
        "incident.escalated",
        "incident.priority_updated",
    }
)


@dataclass(slots=True)
class SlackModes:
    """How the app is connected. Channels are ids.

    channels: service name -> channel; `default_channel` takes services that are not listed, None leaves them out.
    team_channel: a second connection through the team, which posts every incident once more (to the same channel,
    too, when it is the same one: that is how double notifications happen).
    threads: True posts updates into the card's thread, False as channel messages of their own.
    """

    channels: Mapping[str, str]
    default_channel: str | None = None
    team_channel: str | None = None
    threads: bool = True
    retry_delay: float = 0.5


@dataclass(frozen=True, slots=True)
class _Post:
    """What to say about one change, rendered when it happened. `card` is None where the card stays as it is."""

    incident_id: str
    service: str
    is_new: bool
    card: dict[str, Any] | None
    line: str | None


class SlackApp:
    """Posts in the order of the changes. `cards` maps an incident id to the (channel, ts) of its cards."""

    def __init__(self, api_url: str, token: str, modes: SlackModes) -> None:
        self.modes = modes
        self.cards: dict[str, list[tuple[str, str]]] = {}
        self._api_url, self._token = api_url.rstrip("/") + "/", token
        self._queue: asyncio.Queue[_Post] = asyncio.Queue()
        self._session: aiohttp.ClientSession | None = None
        self._worker: asyncio.Task[None] | None = None

    async def start(self) -> None:
        self._session = aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=10))
        self._worker = asyncio.create_task(self._work(), name="pagerduty-slack-app")

    async def stop(self) -> None:
        if self._worker is not None:
            self._worker.cancel()
            await asyncio.gather(self._worker, return_exceptions=True)
            self._worker = None
        if self._session is not None:
            await self._session.close()
            self._session = None

    async def settle(self) -> None:
        """Wait until everything that happened so far has been posted or given up."""
        await self._queue.join()

    def publish(self, change: Change) -> None:
        """Queue what there is to say about a change."""
        is_new = change.event_type == "incident.triggered"
        card = render_card(change.incident) if change.event_type in _CARD_CHANGES else None
        line = None if is_new else render_line(change)
        if card is not None or line is not None:
            self._queue.put_nowait(_Post(change.incident.id, change.incident.service.name, is_new, card, line))

    async def _work(self) -> None:
        while True:
            post = await self._queue.get()
            try:
                await self._handle(post)
            except (aiohttp.ClientError, TimeoutError, SlackRefused):
                logger.warning(
                    "PagerDuty's Slack app could not post about incident %s", post.incident_id, exc_info=True
                )
            finally:
                self._queue.task_done()

    async def _handle(self, post: _Post) -> None:
        if post.is_new and post.card is not None:
            for channel in self._channels(post.service):
                answer = await self._call("chat.postMessage", {"channel": channel, **post.card})
                self.cards.setdefault(post.incident_id, []).append((answer["channel"], answer["ts"]))
            return
        for channel, ts in self.cards.get(post.incident_id, []):
            if post.card is not None:
                await self._call("chat.update", {"channel": channel, "ts": ts, **post.card})
            if post.line is not None:
                place = {"channel": channel, "thread_ts": ts} if self.modes.threads else {"channel": channel}
                await self._call("chat.postMessage", {**place, "text": post.line, "unfurl_links": False})

    def _channels(self, service: str) -> list[str]:
        first = self.modes.channels.get(service, self.modes.default_channel)
        return [channel for channel in (first, self.modes.team_channel) if channel is not None]

    async def _call(self, method: str, arguments: dict[str, Any]) -> dict[str, Any]:
        """Call one Web API method, patiently. Raise SlackRefused for an `ok: false` that waiting does not change."""
        if self._session is None:
            raise RuntimeError("the Slack app was not started")
        for attempt in range(1, _ATTEMPTS + 1):
            delay = self.modes.retry_delay * attempt
            try:
                async with self._session.post(
                    self._api_url + method, json=arguments, headers={"Authorization": f"Bearer {self._token}"}
                ) as response:
                    if response.status == 429:
                        delay = float(response.headers.get("Retry-After", delay))
                    elif response.status < 500:
                        answer: dict[str, Any] = await response.json()
                        if answer.get("ok"):
                            return answer
                        raise SlackRefused(f"{method}: {answer.get('error')}")
            except aiohttp.ClientConnectionError:
                if attempt == _ATTEMPTS:
                    raise
            await asyncio.sleep(delay)
        raise SlackRefused(f"{method}: no answer after {_ATTEMPTS} attempts")


class SlackRefused(Exception):  # noqa: N818 - it says what happened
    """Slack answered `ok: false`, or kept answering 429 or 5xx."""
