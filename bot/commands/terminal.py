"""The demo without a browser: one scenario, its thread growing in the terminal, from the alert to resolved."""

import asyncio
import sys
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from rich.console import Console, Group
from rich.live import Live
from rich.panel import Panel
from rich.text import Text

from bot.commands.blocks_text import message_lines
from bot.domain.interaction import ActionId
from bot.errors import InvalidInput

if TYPE_CHECKING:
    from sandbox.world import World

JSON = dict[str, Any]

_CHANNEL = "incidents"
_PERSON = "maya"
_ALERT_SECONDS = 30.0
_ANALYSIS_SECONDS = 90.0
_OUTCOME_SECONDS = 150.0


class Play:
    """Plays one scenario as the on-call engineer and shows what she sees."""

    def __init__(self, world: "World", scenario: str) -> None:
        self._world = world
        self._scenario = scenario
        self._console = Console(width=None if sys.stdout.isatty() else 110)
        self._maya = world.slack.act_as(_PERSON)
        self._names = {person.id: person.real_name for person in world.slack.people.values()}
        self._thread: str | None = None
        self._doing = ""

    async def run(self) -> int:
        """Return 0 when the incident was diagnosed, approved, fixed, verified and resolved, else 1."""
        known = {s["name"] for s in self._world.runner.list()}
        if self._scenario not in known:
            raise InvalidInput(
                f"There is no scenario {self._scenario!r}.", next_step=f"Choose one of: {', '.join(sorted(known))}."
            )
        with Live(self._draw(), console=self._console, refresh_per_second=8, transient=False) as live:
            watcher = asyncio.ensure_future(self._watch(live))
            try:
                outcome = await self._play()
            except (TimeoutError, LookupError) as error:
                outcome = f"stopped: {error or 'it took too long'}"
            finally:
                watcher.cancel()
                live.update(self._draw())
        if outcome == "resolved":
            self._console.print("\n[bold green]Diagnosed, approved, fixed, verified and resolved.[/]")
            return 0
        self._console.print(f"\n[bold red]The scenario ended early: {outcome}[/]")
        return 1

    async def _play(self) -> str:
        self._doing = f"Breaking {self._scenario} ..."
        before = {m["ts"] for m in self._maya.messages(_CHANNEL)}
        await self._world.runner.start(self._scenario, self._maya.id)
        card = await self._wait(lambda: self._alert(before), _ALERT_SECONDS)
        self._thread = card["ts"]
        self._doing = "The bot is looking ..."
        proposal = await self._wait(lambda: self._button(ActionId.APPROVE), _ANALYSIS_SECONDS)
        self._doing = "Maya approves ..."
        await self._maya.click(_CHANNEL, proposal["ts"], ActionId.APPROVE)
        self._doing = "The bot acts and checks ..."
        offer = await self._wait(lambda: self._button(ActionId.RESOLVE), _OUTCOME_SECONDS)
        self._doing = "Maya resolves the incident in PagerDuty ..."
        await self._maya.click(_CHANNEL, offer["ts"], ActionId.RESOLVE)
        await self._wait(self._is_resolved, _ALERT_SECONDS)
        self._doing = ""
        return "resolved"

    async def _wait(self, find: Callable[[], JSON | None], seconds: float) -> JSON:
        return await self._world.slack.wait_for(find, seconds)

    def _alert(self, before: set[str]) -> JSON | None:
        """Return the newest message of the channel that has a thread: the alert that the bot answered."""
        fresh = [m for m in self._maya.messages(_CHANNEL) if m["ts"] not in before and m.get("reply_count")]
        return fresh[-1] if fresh else None

    def _button(self, action_id: str) -> JSON | None:
        for message in self._replies():
            for block in message.get("blocks", ()):
                if any(e.get("action_id") == action_id for e in block.get("elements", ()) if isinstance(e, dict)):
                    return message
        return None

    def _is_resolved(self) -> JSON | None:
        incidents = self._world.pagerduty.incidents()
        return {"ok": True} if incidents and incidents[-1].status == "resolved" else None

    def _replies(self) -> list[JSON]:
        return [] if self._thread is None else self._maya.replies(_CHANNEL, self._thread)

    async def _watch(self, live: Live) -> None:
        while True:
            live.update(self._draw())
            await asyncio.sleep(0.15)

    def _draw(self) -> Group:
        parts: list[Any] = []
        for message in self._replies():
            who = message.get("username") or (message.get("bot_profile") or {}).get("name") or "Oncall Agent"
            body = Text("\n").join(message_lines(message, self._names))
            parts.append(Panel(body, title=f"[bold]{who}[/]", title_align="left", border_style="dim"))
        if self._doing:
            parts.append(Text(f"  {self._doing}", style="italic cyan"))
        return Group(*parts)
