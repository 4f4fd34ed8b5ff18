"""Figure 5: how soon after PagerDuty's message the thread answers, and says what is wrong, in the sandbox."""

import time
from collections.abc import Callable
from typing import Any

from slack_sdk.web.async_client import AsyncWebClient

from benchmarks.figures import Effort, Figure, Goal, middle
from bot.commands.demo import Demo, open_demo
from bot.domain.interaction import ActionId

JSON = dict[str, Any]
SCENARIO = "payment-service"
REPLY_GOAL = Goal(1.0, at_least=False)
ANALYSIS_GOAL = Goal(2.0, at_least=False)
_CHANNEL = "incidents"
_SECONDS = 60.0


class _Watch:
    """Looks at the channel as a person does, from the moment PagerDuty's message is there."""

    def __init__(self, demo: Demo) -> None:
        self._slack = demo.world.slack
        self._person = demo.world.slack.act_as("maya")
        self._before = {message["ts"] for message in self._person.messages(_CHANNEL)}

    def _card(self) -> JSON | None:
        fresh = [m for m in self._person.messages(_CHANNEL) if m["ts"] not in self._before and m.get("bot_profile")]
        return fresh[0] if fresh else None

    def _replies(self, card: JSON) -> list[JSON]:
        return self._person.replies(_CHANNEL, card["ts"])[1:]

    async def times(self) -> tuple[float, float]:
        """Return the seconds from the message to the first reply and to the analysis. Raise TimeoutError."""
        card = await self._slack.wait_for(self._card, _SECONDS)
        began = time.perf_counter()
        await self._until(lambda: bool(self._replies(card)))
        replied = time.perf_counter() - began
        await self._until(lambda: any(_is_analysis(message) for message in self._replies(card)))
        return replied, time.perf_counter() - began

    async def _until(self, holds: Callable[[], bool]) -> None:
        await self._slack.wait_for(lambda: {"ok": True} if holds() else None, _SECONDS)


def _is_analysis(message: JSON) -> bool:
    """Say whether a message offers the evidence, as analyses do and nothing else."""
    elements = [e for block in message.get("blocks") or () for e in block.get("elements") or () if isinstance(e, dict)]
    return any(element.get("action_id") == ActionId.EVIDENCE_DETAILS for element in elements)


async def _round_trip(demo: Demo) -> float:
    """Return the seconds of one plain chat.postMessage to the same workspace."""
    slack = demo.world.slack
    client = AsyncWebClient(token=slack.app("oncall").bot_token, base_url=slack.api_url)
    started = time.perf_counter()
    await client.chat_postMessage(channel=slack.channel_id(_CHANNEL), text="The time of one message.")
    return time.perf_counter() - started


async def measure(effort: Effort) -> list[Figure]:
    """Return the seconds of both, one play of the scenario in a fresh sandbox each."""
    replies, analyses, trips = [], [], []
    for _ in range(effort.plays):
        async with open_demo() as demo:
            trips += [await _round_trip(demo) for _ in range(5)]
            watch = _Watch(demo)
            await demo.world.runner.start(SCENARIO, "U0BENCHMARK")
            reply, analysis = await watch.times()
            replies.append(reply)
            analyses.append(analysis)
    trip = middle(trips)
    beside = f"{trip * 1e3:.0f} ms one plain chat.postMessage"
    return [
        Figure(
            "first-reply", tuple(replies), "s",
            f"after PagerDuty's message; {middle(replies) / trip:.0f} x", beside, REPLY_GOAL,
        ),
        Figure(
            "analysis", tuple(analyses), "s",
            f"rule-based, {SCENARIO}, after the message; {middle(analyses) / trip:.0f} x", beside, ANALYSIS_GOAL,
        ),
    ]  # fmt: skip
