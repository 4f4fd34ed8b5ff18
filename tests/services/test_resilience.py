"""Races, outages and news in the wrong order."""

import asyncio
from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy.exc import OperationalError

from bot.clock import now
from bot.domain.action import Proposal, ProposalState
from bot.domain.alert import Alert, AlertSource, AlertState
from bot.domain.analysis import Analysis
from bot.domain.event import ChoiceBody, Event, EventKind
from bot.domain.incident import IncidentStatus, TriageState
from bot.errors import InvalidInput, Unavailable
from bot.services.core import Core
from bot.services.intake import IntakeService
from bot.store import incidents as incident_store
from bot.store.audit import AuditTrail
from bot.store.database import Database
from bot.store.inbox import InboxWriter, count_open
from tests.fakes import AT, MAYA, TARGET, FakeAnalyst, make_alert
from tests.services.conftest import World, make_settings
from tests.waiting import wait_until

WEBHOOK = AlertSource.PAGERDUTY_WEBHOOK


def webhook(number: int, state: AlertState, minutes: float, **changes: Any) -> Alert:
    return make_alert(
        number, source=WEBHOOK, message=None, state=state, occurred_at=AT + timedelta(minutes=minutes), **changes
    )


async def first_proposal(world: World) -> Proposal:
    await world.running.services.intake.accept(make_alert())
    await world.triaged()
    [proposal] = await world.running.services.approvals.pending()
    return proposal


async def closed(world: World, proposal: Proposal) -> Proposal:
    async def reached() -> Proposal | None:
        current = await world.running.services.approvals.get(proposal.id)
        return None if current.state.is_open else current

    return await wait_until(reached)


async def test_a_defect_in_an_action_closes_the_proposal_and_tells_everybody(world: World) -> None:
    proposal = await first_proposal(world)

    async def explode(*_: object) -> None:
        raise RuntimeError("a bug")

    world.remediator.apply = explode  # type: ignore[method-assign, assignment]
    await world.running.services.approvals.approve(proposal.id, MAYA)
    done = await closed(world, proposal)
    assert done.state is ProposalState.FAILED
    assert done.error is not None
    assert "E-" in done.error
    await wait_until(lambda: _truth(bool(world.incident_source.notes)))
    assert "It did not help." in world.incident_source.notes[0][1]


async def test_a_message_that_is_gone_does_not_keep_the_note_from_being_written(world: World) -> None:
    proposal = await first_proposal(world)

    async def explode(*_: object) -> None:
        raise RuntimeError("the message was deleted")

    world.messenger.offer_resolve = explode  # type: ignore[method-assign, assignment]
    await world.running.services.approvals.approve(proposal.id, MAYA)
    await wait_until(lambda: _truth(bool(world.incident_source.notes)))


async def _truth(value: bool) -> bool:
    return value


async def test_what_an_ended_workflow_left_open_is_closed(world: World) -> None:
    proposal = await first_proposal(world)
    await world.running.services.approvals.approve(proposal.id, MAYA)
    await closed(world, proposal)
    await wait_until(lambda: _truth(bool(world.incident_source.notes)))
    async with world.running.database.transaction() as session:
        await session.exec(sa.text("UPDATE proposal SET state = 'executing', finished_at = NULL"))  # type: ignore[call-overload]
        await session.exec(sa.text("UPDATE incident SET triage = 'running'"))  # type: ignore[call-overload]

    async def both_closed() -> bool:
        await world.running.workflows.reconcile()
        current = await world.running.services.approvals.get(proposal.id)
        return (await world.incident()).triage is TriageState.FAILED and current.state is ProposalState.FAILED

    await wait_until(both_closed)
    assert await world.running.workflows.reconcile() == 0


async def test_a_newer_run_is_not_lost_to_an_older_one(world: World) -> None:
    gate, reached = asyncio.Event(), asyncio.Event()
    gather = world.source.gather

    async def slow(*args: Any) -> Any:
        reached.set()
        await gate.wait()
        return await gather(*args)

    world.source.gather = slow  # type: ignore[method-assign, assignment]
    intake = world.running.services.intake
    await intake.accept(webhook(1, AlertState.TRIGGERED, 0))
    await reached.wait()
    await intake.accept(webhook(2, AlertState.RESOLVED, 1))
    await intake.accept(webhook(3, AlertState.TRIGGERED, 2))

    async def reopened() -> bool:
        return (await world.incident()).triage_run == 2

    await wait_until(reopened)
    gate.set()

    async def both() -> bool:
        return (await world.incident()).triage is TriageState.DONE and world.source.gathered == 2

    await wait_until(both)
    [pending] = await world.running.services.approvals.pending()
    incident = await world.incident()
    async with world.running.database.transaction() as session:
        runs = (await session.exec(sa.text("SELECT run FROM proposal WHERE state = 'pending'"))).all()  # type: ignore[call-overload]
    assert [tuple(row) for row in runs] == [(2,)], pending.id
    assert incident.triage_run == 2


async def test_superseding_leaves_its_trace(world: World) -> None:
    await first_proposal(world)
    incident = await world.incident()
    await world.running.services.investigation.again(incident.id, MAYA)

    async def superseded() -> bool:
        return "bot:proposal:supersede" in await world.audit_actions()

    await wait_until(superseded)
    assert (await world.running.audit.verify()).intact


async def test_an_old_approval_is_not_carried_out(world: World) -> None:
    proposal = await first_proposal(world)
    moved = {"state": "approved", "decided_by": MAYA.id}
    old = now() - timedelta(hours=9)
    async with world.running.database.engine.begin() as connection:
        await connection.execute(
            sa.text("UPDATE proposal SET state = :state, decided_by = :decided_by, decided_at = :at, expires_at = :at")
            .bindparams(**moved)
            .bindparams(sa.bindparam("at", old, sa.DateTime(timezone=True)))
        )
    done = await closed(world, proposal)
    assert done.state is ProposalState.FAILED
    assert "too old" in str(done.error)
    assert world.remediator.effects == {}


@pytest.mark.parametrize("change", ["execution_enabled", "enabled_actions"])
async def test_what_was_switched_off_after_the_approval_is_not_executed(db_url: str, change: str) -> None:
    from bot.app import open_bot

    world = World(make_settings(db_url))
    async with open_bot(world.settings, world.outside(), {}) as bot:
        world.bot = bot
        proposal = await first_proposal(world)
        policy = bot.services.approvals._policy
        off: dict[str, object] = {"execution_enabled": False, "enabled_actions": frozenset()}
        bot.workflows._remediation._policy = policy.model_copy(update={change: off[change]})
        await bot.services.approvals.approve(proposal.id, MAYA)
        assert (await closed(world, proposal)).state is ProposalState.FAILED
    assert world.remediator.effects == {}


async def test_an_undo_that_was_rejected_may_be_proposed_again(world: World) -> None:
    approvals = world.running.services.approvals
    proposal = await first_proposal(world)
    await approvals.approve(proposal.id, MAYA)
    done = await closed(world, proposal)
    undo = await approvals.propose_undo(done.id, MAYA)
    await approvals.reject(undo.id, MAYA, "not now, password=canary-9")
    assert "canary-9" not in str((await approvals.get(undo.id)).reason)
    again = await approvals.propose_undo(done.id, MAYA)
    assert again.id != undo.id
    with pytest.raises(InvalidInput, match="already"):
        await approvals.propose_undo(done.id, MAYA)


async def test_a_defect_in_the_model_leaves_the_rules_analysis(db_url: str) -> None:
    from dataclasses import replace

    from bot.app import open_bot

    class Broken(FakeAnalyst):
        async def analyse(self, *_: object) -> Analysis:
            raise KeyError("content")

    world = World(make_settings(db_url))
    async with open_bot(world.settings, replace(world.outside(), analyst=Broken()), {}) as bot:
        world.bot = bot
        await bot.services.intake.accept(make_alert())
        await world.triaged()
    [analysis] = world.messenger.said("analysis")
    assert analysis.provenance.method == "rules"
    assert "E-" in analysis.provenance.note


async def test_a_resolution_before_its_trigger_counts_from_the_trigger(world: World) -> None:
    intake = world.running.services.intake
    await intake.accept(webhook(1, AlertState.RESOLVED, 5))
    await intake.accept(webhook(2, AlertState.ACKNOWLEDGED, 2))
    await intake.accept(webhook(3, AlertState.TRIGGERED, 0))

    async def counted() -> bool:
        found = await world.running.services.incidents.recent()
        return bool(found) and found[0].alert_count == 3

    await wait_until(counted)
    incident = await world.incident()
    assert (incident.status, incident.opened_at) == (IncidentStatus.RESOLVED, AT)
    assert incident.acknowledged_at == AT + timedelta(minutes=2)
    assert world.source.gathered == 0


async def test_a_late_resolution_does_not_close_what_was_reopened_since(world: World) -> None:
    intake = world.running.services.intake
    for number, (state, minutes) in enumerate(
        [(AlertState.TRIGGERED, 0), (AlertState.TRIGGERED, 9), (AlertState.RESOLVED, 5)], 1
    ):
        await intake.accept(webhook(number, state, minutes))

    async def counted() -> bool:
        found = await world.running.services.incidents.recent()
        return bool(found) and found[0].alert_count == 3

    await wait_until(counted)
    assert (await world.incident()).status is IncidentStatus.TRIGGERED


async def test_the_echo_of_a_note_is_known_before_its_id_is(world: World) -> None:
    proposal = await first_proposal(world)
    incident = await world.incident()
    async with world.running.database.transaction() as session:
        await session.exec(  # type: ignore[call-overload]
            sa.text("INSERT INTO own_note (key, incident_id, created_at) VALUES (:key, :incident, :at)"),
            params={"key": f"{proposal.id}:note", "incident": incident.id, "at": "2026-11-23 03:00:00+00:00"},
        )
    echo = webhook(9, AlertState.UPDATED, 3, note=f"[{proposal.id}] Maya Chen approved", note_id="N-unknown")
    other = webhook(10, AlertState.UPDATED, 3, note="[P-OTHER] hello", note_id="N-other")
    for alert in (echo, other):
        await world.running.services.intake.accept(alert)

    async def drained() -> bool:
        return await world.running.services.intake.backlog() == 0

    await wait_until(drained)
    assert (await world.incident()).alert_count == incident.alert_count + 1


class Inboxes:
    """Two replicas' intake over one database, without their loops."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self.core = Core(database, AuditTrail(database, b"key"), now)
        self.writer = InboxWriter(database.url)
        self.writer.start()

    def replica(self) -> IntakeService:
        return IntakeService(self.core, self.writer, lambda: None, lambda _incident: None)

    async def open(self) -> int:
        async with self.database.transaction() as session:
            return await count_open(session)


@pytest.fixture
async def inboxes(database: Database) -> Any:
    inboxes = Inboxes(database)
    yield inboxes
    await inboxes.writer.close()


async def test_replicas_that_drain_and_decide_at_once_lose_nothing(inboxes: Inboxes) -> None:
    """Every one of these locks incidents and the head of the audit trail; in a wrong order some would be victims."""
    first, second = inboxes.replica(), inboxes.replica()
    keys = [f"pagerduty:P{n}" for n in range(12)]
    numbers = iter(range(10_000))
    for state, minutes in ((AlertState.TRIGGERED, 0), (AlertState.ACKNOWLEDGED, 1), (AlertState.RESOLVED, 2)):
        for key in (*keys, *reversed(keys)):
            alert = webhook(next(numbers), state, minutes, dedup_key=key, external_id=key)
            await first.accept(alert)

    async def drain(replica: IntakeService) -> None:
        while await inboxes.open():
            try:
                await replica.drain(7)
            except Unavailable:
                await asyncio.sleep(0.01)

    async def decide() -> None:
        for key in keys * 3:
            async with inboxes.core.transaction() as session:
                incident = await incident_store.by_dedup_key(session, key)
                body = ChoiceBody(target=str(TARGET))
                incident_id = incident.id if incident else None
                event = Event(kind=EventKind.TARGET_CHOOSE, actor=MAYA, incident_id=incident_id, body=body)
                await inboxes.core.record(session, event)

    await asyncio.gather(drain(first), drain(second), decide())
    async with inboxes.database.transaction() as session:
        errors = (await session.exec(sa.text("SELECT count(*) FROM inbox_delivery WHERE error IS NOT NULL"))).one()  # type: ignore[call-overload]
        found = await incident_store.list_since(session, AT - timedelta(days=1))
    assert errors[0] == 0
    assert [(i.status, i.alert_count) for i in found] == [(IncidentStatus.RESOLVED, 6)] * 12
    assert (await inboxes.core.audit.verify()).intact


async def test_a_database_that_fails_in_the_middle_leaves_the_delivery_open(
    inboxes: Inboxes, monkeypatch: pytest.MonkeyPatch
) -> None:
    intake = inboxes.replica()
    await intake.accept(make_alert())

    async def fail(*_: object) -> None:
        raise OperationalError("SELECT", {}, Exception("deadlock detected"))

    with monkeypatch.context() as patch:
        patch.setattr(incident_store, "by_dedup_key", fail)
        with pytest.raises(Unavailable):
            await intake.drain()
    assert await inboxes.open() == 1
    assert await intake.drain() == 1


async def test_text_that_a_database_refuses_is_mended_and_taken(inboxes: Inboxes) -> None:
    intake = inboxes.replica()
    await intake.accept(make_alert(title="null\x00byte", details={"n\x00": ["\x00"]}))
    assert await intake.drain() == 1
    async with inboxes.database.transaction() as session:
        [incident] = await incident_store.list_since(session, AT - timedelta(days=1))
    assert incident.title == "null�byte"


async def test_a_person_whom_pagerduty_does_not_know_acts_in_the_bots_name(world: World) -> None:
    await first_proposal(world)
    incident = await world.incident()
    unknown = MAYA.model_copy(update={"email": None})
    await world.running.services.incidents.acknowledge(incident.id, unknown)
    assert world.incident_source.calls == [("acknowledge", "P000001", None)]
    assert (await world.incident()).status is IncidentStatus.ACKNOWLEDGED


async def test_pagerdutys_own_news_may_be_faster_than_ours(world: World) -> None:
    await first_proposal(world)
    incident = await world.incident()

    async def resolve(external_id: str, email: str | None) -> None:
        world.incident_source.calls.append(("resolve", external_id, email))
        await world.running.services.intake.accept(webhook(70, AlertState.RESOLVED, 7))

        async def followed() -> bool:
            return (await world.incident()).status is IncidentStatus.RESOLVED

        await wait_until(followed)

    world.incident_source.resolve = resolve  # type: ignore[method-assign]
    resolved = await world.running.services.incidents.resolve(incident.id, MAYA)
    assert resolved.resolved_at == AT + timedelta(minutes=7)


async def test_an_undo_that_a_crash_kept_from_being_shown_is_shown_at_the_next_click(world: World) -> None:
    approvals = world.running.services.approvals
    proposal = await first_proposal(world)
    await approvals.approve(proposal.id, MAYA)
    done = await closed(world, proposal)
    undo = await approvals.propose_undo(done.id, MAYA)
    del world.messenger.posts[f"{undo.id}:card"]
    async with world.running.database.engine.begin() as connection:
        await connection.execute(sa.text("UPDATE posted_message SET ref = NULL"))
        await connection.execute(
            sa.text("UPDATE proposal SET message = NULL, created_at = :at WHERE id = :id")
            .bindparams(id=undo.id)
            .bindparams(sa.bindparam("at", now() - timedelta(minutes=2), sa.DateTime(timezone=True)))
        )
    again = await approvals.propose_undo(done.id, MAYA)
    assert again.id == undo.id
    assert world.messenger.posts[f"{undo.id}:card"] == again.message
