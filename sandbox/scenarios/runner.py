"""Playing scenarios: break what there is to break, then let monitoring notice and PagerDuty tell."""

import asyncio
import logging
import random
from collections.abc import Callable, Iterable
from typing import Any, Final

import aiohttp

from sandbox.kubernetes.client import APIError, ClusterClient
from sandbox.pagerduty import PagerDutyServer
from sandbox.scenarios.alerts import AlertDraft, build_event
from sandbox.scenarios.alerts.cluster import build_node_alerts
from sandbox.scenarios.applications import break_application
from sandbox.scenarios.catalogue import SCENARIOS, Scenario

logger = logging.getLogger(__name__)

_ATTEMPTS: Final = 5

Announce = Callable[[dict[str, Any]], None]


class SandboxRunner:
    """Starts scenarios and lets them play in the background.

    open_cluster: makes a client of the cluster in which applications are broken. announce: is told about progress as
    `{"type": "scenario", "name", "state", "text"}`, state being started, note or done, and about a failure as
    `{"type": "toast", "level": "error", "text"}`.
    storm_size and storm_seconds: how many alerts a storm has, and within which time they are sent.
    """

    def __init__(
        self,
        pagerduty: PagerDutyServer,
        open_cluster: Callable[[], ClusterClient],
        *,
        announce: Announce = lambda _event: None,
        storm_size: int = 40,
        storm_seconds: float = 3.0,
        seed: int | None = None,
    ) -> None:
        self.storm_size, self.storm_seconds = storm_size, storm_seconds
        self._pagerduty, self._open_cluster, self._announce = pagerduty, open_cluster, announce
        self._dice = random.Random(seed)
        self._tasks: set[asyncio.Task[None]] = set()
        self._plays = 0

    def list(self) -> "list[dict[str, Any]]":
        """Return what a menu shows: name, title, family and description of every scenario."""
        return [
            {"name": s.name, "title": s.title, "family": s.family, "description": s.description}
            for s in SCENARIOS.values()
        ]

    async def start(self, name: str, actor: str) -> str:
        """Start a scenario on behalf of a person and return its title at once. Raise KeyError when unknown."""
        scenario = SCENARIOS[name]
        self._plays += 1
        task = asyncio.create_task(self._play_safely(scenario, self._plays), name=f"scenario-{name}")
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        logger.info("scenario %s was started by %s", name, actor)
        return scenario.title

    async def play(self, name: str) -> None:
        """Play a scenario to its end: the failure shows and the alert is with PagerDuty. Raise what went wrong."""
        self._plays += 1
        await self._play(SCENARIOS[name], self._plays)

    async def settle(self) -> None:
        """Wait until every started scenario has been played."""
        await asyncio.gather(*self._tasks)

    async def stop(self) -> None:
        tasks = tuple(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _play_safely(self, scenario: Scenario, number: int) -> None:
        """Play; nobody waits for the outcome, so that a failure is told and logged here."""
        self._tell(scenario, "started", scenario.description)
        try:
            await self._play(scenario, number)
        except (APIError, TimeoutError, aiohttp.ClientError, AlertNotTaken) as error:
            logger.exception("scenario %s could not be played", scenario.name)
            text = f"{scenario.title}: the scenario could not be played: {error}"
            self._announce({"type": "toast", "level": "error", "text": text})
        else:
            self._tell(scenario, "done", "The alert is out.")

    async def _play(self, scenario: Scenario, number: int) -> None:
        if scenario.application is not None:
            async with self._open_cluster() as cluster:
                await break_application(cluster, scenario.application)
            self._tell(scenario, "note", f"{scenario.application} shows the failure; monitoring notices.")
        if scenario.family == "storm":
            alerts = build_node_alerts(self._dice, self.storm_size)
            await self._send(alerts, number, pause=self.storm_seconds / max(1, len(alerts)))
        else:
            await self._send([(scenario.service, scenario.build(self._dice))], number, pause=0.0)

    async def _send(self, alerts: Iterable[tuple[str, AlertDraft]], number: int, *, pause: float) -> None:
        """Post alerts to the Events API. Each play has keys of its own, so that playing again is a new incident."""
        async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=5)) as session:
            for service, draft in alerts:
                key = f"{draft.dedup_key}#{number}"
                await self._post(session, build_event(draft, self._pagerduty.routing_key(service), dedup_key=key))
                await asyncio.sleep(pause)

    async def _post(self, session: aiohttp.ClientSession, event: dict[str, Any]) -> None:
        """Post one event, patiently, as a monitoring tool does. Raise AlertNotTaken."""
        reason = ""
        for attempt in range(1, _ATTEMPTS + 1):
            try:
                async with session.post(self._pagerduty.events_url, json=event) as response:
                    if response.status == 202:
                        return
                    reason = f"HTTP {response.status}: {await response.text()}"
                    if response.status not in {429, 500, 502, 503, 504}:
                        break
            except (aiohttp.ClientError, TimeoutError) as error:
                reason = str(error) or type(error).__name__
            await asyncio.sleep(0.2 * attempt)
        raise AlertNotTaken(reason)

    def _tell(self, scenario: Scenario, state: str, text: str) -> None:
        self._announce({"type": "scenario", "name": scenario.name, "state": state, "text": text})


class AlertNotTaken(Exception):  # noqa: N818 - it says what happened
    """PagerDuty did not take an alert."""
