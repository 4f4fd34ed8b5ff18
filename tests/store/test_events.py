"""The timeline: written with the audit row of the same number, or not at all."""

import pytest

from bot.domain.actor import Actor, Via
from bot.domain.event import ChoiceBody, Event, EventKind, IncidentBody
from bot.services.core import Core
from bot.store import events
from bot.store.audit import AuditTrail
from bot.store.database import Database
from tests.fakes import AT, MAYA


@pytest.fixture
def core(database: Database) -> Core:
    return Core(database, AuditTrail(database, b"a key of the tests"), lambda: AT)


def _chosen(incident_id: str | None, target: str, actor: Actor = MAYA) -> Event:
    return Event(kind=EventKind.TARGET_CHOOSE, actor=actor, incident_id=incident_id, body=ChoiceBody(target=target))


async def test_a_timeline_shows_one_incidents_events_the_newest_first(core: Core) -> None:
    async with core.transaction() as session:
        for number in range(5):
            await core.record(session, _chosen(f"INC-{number % 2}", f"Pod/shop/{number}"))
    async with core.transaction() as session:
        mine = await events.timeline(session, "INC-0")
        page = await events.timeline(session, limit=2)
        older = await events.timeline(session, before=page[-1].seq)
    assert [entry.body["target"] for entry in mine] == ["Pod/shop/4", "Pod/shop/2", "Pod/shop/0"]
    assert {(entry.source, entry.kind, entry.actor_id, entry.actor_name) for entry in mine} == {
        ("slack", "target:choose", "U0MAYA", "Maya Chen")
    }
    assert [entry.seq for entry in (*page, *older)] == [5, 4, 3, 2, 1]
    trail = [event async for event in core.audit.events()]
    assert [(event.seq, event.body) for event in trail] == [(entry.seq, entry.body) for entry in (*page, *older)][::-1]
    assert (await core.audit.verify()).intact


async def test_what_is_rolled_back_is_in_neither(core: Core) -> None:
    async def fail() -> None:
        async with core.transaction() as session:
            await core.record(session, _chosen("INC-1", "Pod/shop/a"))
            raise RuntimeError("the change did not happen")

    with pytest.raises(RuntimeError):
        await fail()
    async with core.transaction() as session:
        assert await events.timeline(session) == []
    assert await core.audit.count() == 0


async def test_a_timeline_holds_no_secret_and_no_text_that_databases_refuse(core: Core) -> None:
    actor = Actor(id="password=hunter2-canary", via=Via.PAGERDUTY, name="token: hunter2-canary \x00")
    body = IncidentBody(title="login failed, password=hunter2-canary \ud800")
    async with core.transaction() as session:
        await core.record(
            session, Event(kind=EventKind.INCIDENT_OPEN, actor=actor, incident_id=None, body=body, source="test")
        )
    async with core.transaction() as session:
        [entry] = await events.timeline(session)
    assert "hunter2" not in entry.model_dump_json()
    assert entry.body["title"].startswith("login failed, password=")
