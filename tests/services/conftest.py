from collections.abc import AsyncIterator
from dataclasses import dataclass, field

import pytest

from bot.app import Bot, Outside, open_bot
from bot.domain.incident import Incident, TriageState
from bot.settings import (
    ApiSettings,
    ApprovalSettings,
    ClaudeSettings,
    DatabaseSettings,
    KubernetesSettings,
    LogSettings,
    PagerDutySettings,
    Settings,
    SlackSettings,
    TriageSettings,
)
from tests.fakes import FakeIncidentSource, FakeMessenger, FakeRemediator, FakeSource
from tests.waiting import wait_until


def make_settings(url: str, *, execution: bool = True, destructive: bool = False) -> Settings:
    return Settings(
        slack=SlackSettings(SLACK_BOT_TOKEN="xoxb-1", SLACK_APP_TOKEN="xapp-1", SLACK_THREAD_GRACE_SECONDS=0),
        pagerduty=PagerDutySettings(),
        claude=ClaudeSettings(),
        kubernetes=KubernetesSettings(
            K8S_ENABLE_DESTRUCTIVE_OPERATIONS=execution, K8S_ALLOW_DESTRUCTIVE_ACTIONS=destructive
        ),
        approval=ApprovalSettings(APPROVERS="S0ONCALL"),
        api=ApiSettings(),
        database=DatabaseSettings(DATABASE_URL=url, AUDIT_KEY="test"),
        log=LogSettings(),
        triage=TriageSettings(),
    )


@dataclass
class World:
    """A bot over fakes."""

    settings: Settings
    messenger: FakeMessenger = field(default_factory=FakeMessenger)
    source: FakeSource = field(default_factory=FakeSource)
    remediator: FakeRemediator = field(default_factory=FakeRemediator)
    incident_source: FakeIncidentSource = field(default_factory=FakeIncidentSource)
    bot: Bot | None = None

    def outside(self) -> Outside:
        return Outside(
            messenger=self.messenger,
            source=self.source,
            remediator=self.remediator,
            incident_sources={self.incident_source.name: self.incident_source},
        )

    @property
    def running(self) -> Bot:
        assert self.bot is not None
        return self.bot

    async def incident(self) -> Incident:
        [incident] = await self.running.services.incidents.recent()
        return incident

    async def triaged(self, state: TriageState = TriageState.DONE) -> Incident:
        async def reached() -> Incident | None:
            incidents = await self.running.services.incidents.recent()
            return incidents[0] if incidents and incidents[0].triage is state else None

        return await wait_until(reached)

    async def audit_actions(self) -> list[str]:
        return [event.action async for event in self.running.audit.events()]


@pytest.fixture
async def world(db_url: str) -> AsyncIterator[World]:
    world = World(make_settings(db_url))
    async with open_bot(world.settings, world.outside(), {}) as bot:
        world.bot = bot
        yield world
