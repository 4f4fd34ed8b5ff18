"""Approve, reject, execute, verify, undo, expire."""

import asyncio
from datetime import timedelta

import pytest
import sqlalchemy as sa

from bot.clock import now
from bot.domain.action import Proposal, ProposalState
from bot.domain.alert import AlertSource, MessageRef
from bot.domain.incident import IncidentStatus
from bot.errors import Conflict, InvalidInput, NotAllowed, NotFound, Unavailable
from tests.fakes import MAYA, ROBIN, make_alert
from tests.services.conftest import World
from tests.waiting import wait_until


@pytest.fixture
async def proposal(world: World) -> Proposal:
    await world.running.services.intake.accept(make_alert())
    await world.triaged()
    [proposal] = await world.running.services.approvals.pending()
    return proposal


async def finished(world: World, proposal: Proposal) -> Proposal:
    async def reached() -> Proposal | None:
        current = await world.running.services.approvals.get(proposal.id)
        return None if current.state.is_open else current

    return await wait_until(reached)


async def test_what_was_approved_is_executed_verified_and_told(world: World, proposal: Proposal) -> None:
    await world.running.services.approvals.approve(proposal.id, MAYA)
    done = await finished(world, proposal)
    assert done.state is ProposalState.SUCCEEDED
    assert done.decided_by == MAYA.id
    assert done.verification is not None
    assert done.verification.passed
    assert world.remediator.effects == {proposal.id: 1}

    async def noted() -> bool:
        return "pagerduty:note:add" in await world.audit_actions()

    await wait_until(noted)
    [(incident_id, note)] = world.incident_source.notes
    assert incident_id == "P000001"
    assert "Maya Chen approved `kubectl rollout undo deployment/checkout`" in note
    assert f"{proposal.id}:resolve" in world.messenger.posts
    actions = await world.audit_actions()
    assert actions[-6:] == [
        "slack:proposal:approve",
        "bot:action:start",
        "bot:action:apply",
        "bot:action:verify",
        "bot:action:succeed",
        "pagerduty:note:add",
    ]
    timeline = await world.running.services.incidents.timeline(proposal.incident_id)
    assert [f"{entry.source}:{entry.kind}" for entry in reversed(timeline)] == actions


async def test_ten_clicks_by_two_people_act_once(world: World, proposal: Proposal) -> None:
    jonas = MAYA.model_copy(update={"id": "U0JONAS"})
    clicks = [world.running.services.approvals.approve(proposal.id, p) for p in (MAYA, jonas) * 5]
    results = await asyncio.gather(*clicks, return_exceptions=True)
    assert sum(isinstance(r, Proposal) for r in results) == 1
    assert sum(isinstance(r, Conflict) for r in results) == 9
    await finished(world, proposal)
    assert world.remediator.effects == {proposal.id: 1}
    assert (await world.audit_actions()).count("slack:proposal:approve") == 1
    assert (await world.audit_actions()).count("slack:proposal:refuse") == 9


async def test_somebody_without_rights_changes_nothing(world: World, proposal: Proposal) -> None:
    with pytest.raises(NotAllowed, match="not among the approvers"):
        await world.running.services.approvals.approve(proposal.id, ROBIN)
    with pytest.raises(NotAllowed):
        await world.running.services.approvals.reject(proposal.id, ROBIN, "no")
    assert (await world.running.services.approvals.get(proposal.id)).state is ProposalState.PENDING
    assert (await world.audit_actions())[-2:] == ["slack:proposal:refuse"] * 2


async def test_a_rejection_needs_a_reason_and_is_final(world: World, proposal: Proposal) -> None:
    approvals = world.running.services.approvals
    with pytest.raises(InvalidInput, match="reason"):
        await approvals.reject(proposal.id, MAYA, "   ")
    rejected = await approvals.reject(proposal.id, MAYA, "we are rolling forward")
    assert (rejected.state, rejected.reason) == (ProposalState.REJECTED, "we are rolling forward")
    with pytest.raises(Conflict):
        await approvals.approve(proposal.id, MAYA)
    assert world.remediator.effects == {}


async def test_an_expired_proposal_cannot_be_approved(world: World, proposal: Proposal) -> None:
    async with world.running.database.engine.begin() as connection:
        await connection.execute(
            sa.text("UPDATE proposal SET expires_at = :at").bindparams(
                sa.bindparam("at", now() - timedelta(seconds=1), sa.DateTime(timezone=True))
            )
        )
    with pytest.raises(Conflict, match="expired"):
        await world.running.services.approvals.approve(proposal.id, MAYA)
    assert (await world.running.services.approvals.get(proposal.id)).state is ProposalState.EXPIRED
    assert world.remediator.effects == {}


async def test_the_sweep_expires_what_is_overdue(world: World, proposal: Proposal) -> None:
    approvals = world.running.services.approvals
    assert await approvals.expire(proposal.expires_at - timedelta(seconds=1)) == 0
    assert await approvals.expire(proposal.expires_at) == 1
    assert await approvals.expire(proposal.expires_at) == 0
    assert (await world.audit_actions())[-1] == "bot:proposal:expire"


@pytest.mark.parametrize("column", ["request", "preview"])
async def test_a_changed_row_is_not_executed(world: World, proposal: Proposal, column: str) -> None:
    document = getattr(proposal, column).model_dump(mode="json")
    if column == "request":
        document["params"] = {"to_revision": 1}
    else:
        document["precondition"] = {"uid": "another"}
    async with world.running.database.engine.begin() as connection:
        await connection.execute(
            sa.text(f"UPDATE proposal SET {column} = :document").bindparams(
                sa.bindparam("document", document, sa.JSON())
            )
        )
    with pytest.raises(NotAllowed, match="does not match what was shown"):
        await world.running.services.approvals.approve(proposal.id, MAYA)
    assert world.remediator.effects == {}


async def test_an_object_that_moved_is_left_alone(world: World, proposal: Proposal) -> None:
    world.remediator.conflict = True
    await world.running.services.approvals.approve(proposal.id, MAYA)
    done = await finished(world, proposal)
    assert done.state is ProposalState.FAILED
    assert done.error == "The object changed since it was looked at."
    assert (await world.audit_actions()).count("bot:action:fail") >= 1


async def test_an_action_that_does_not_help_says_so_and_keeps_its_undo(world: World, proposal: Proposal) -> None:
    world.remediator.helps = False
    await world.running.services.approvals.approve(proposal.id, MAYA)
    done = await finished(world, proposal)
    assert done.state is ProposalState.FAILED
    undo = await world.running.services.approvals.propose_undo(done.id, MAYA)
    assert undo.state is ProposalState.PENDING
    assert undo.undo_of == done.id


async def test_an_undo_is_proposed_once_and_approved_like_any_other(world: World, proposal: Proposal) -> None:
    approvals = world.running.services.approvals
    await approvals.approve(proposal.id, MAYA)
    done = await finished(world, proposal)
    with pytest.raises(NotAllowed):
        await approvals.propose_undo(done.id, ROBIN)
    undo = await approvals.propose_undo(done.id, MAYA)
    with pytest.raises(InvalidInput, match="already"):
        await approvals.propose_undo(done.id, MAYA)
    await approvals.approve(undo.id, MAYA)
    assert (await finished(world, undo)).state is ProposalState.SUCCEEDED
    assert world.remediator.effects == {proposal.id: 1, undo.id: 1}


async def test_a_cluster_that_is_away_is_tried_again(world: World, proposal: Proposal) -> None:
    world.remediator.fail = [Unavailable("The API server is away.", vendor="Kubernetes")]
    await world.running.services.approvals.approve(proposal.id, MAYA)
    assert (await finished(world, proposal)).state is ProposalState.SUCCEEDED


async def test_one_fix_waits_in_one_thread_only(world: World, proposal: Proposal) -> None:
    second = make_alert(
        2, dedup_key="pagerduty:P000002", external_id="P000002", message=MessageRef(channel="C1", ts="100.000002")
    )
    await world.running.services.intake.accept(second)

    async def newer() -> Proposal | None:
        [pending] = await world.running.services.approvals.pending()
        return None if pending.id == proposal.id else pending

    pending = await wait_until(newer)
    assert pending.request == proposal.request
    older = await world.running.services.approvals.get(proposal.id)
    assert older.state is ProposalState.SUPERSEDED
    with pytest.raises(Conflict):
        await world.running.services.approvals.approve(proposal.id, MAYA)
    assert "bot:proposal:supersede" in await world.audit_actions()


async def test_an_unknown_proposal_is_said_to_be_unknown(world: World) -> None:
    with pytest.raises(NotFound, match="no proposal P-NOPE"):
        await world.running.services.approvals.approve("P-NOPE", MAYA)


async def test_resolving_asks_pagerduty_in_the_persons_name(world: World, proposal: Proposal) -> None:
    incidents = world.running.services.incidents
    with pytest.raises(NotAllowed):
        await incidents.resolve(proposal.incident_id, ROBIN)
    resolved = await incidents.resolve(proposal.incident_id, MAYA)
    assert resolved.status is IncidentStatus.RESOLVED
    assert world.incident_source.calls == [("resolve", "P000001", "maya@example.com")]
    with pytest.raises(Conflict):
        await incidents.resolve(proposal.incident_id, MAYA)


async def test_the_echo_of_our_own_note_starts_nothing(world: World, proposal: Proposal) -> None:
    await world.running.services.approvals.approve(proposal.id, MAYA)
    await finished(world, proposal)

    async def noted() -> bool:
        return "pagerduty:note:add" in await world.audit_actions()

    await wait_until(noted)
    before = (await world.incident()).alert_count
    echo = make_alert(50, source=AlertSource.PAGERDUTY_WEBHOOK, state="updated", note="...", note_id="N1", message=None)
    await world.running.services.intake.accept(echo)
    await world.running.services.intake.drain()
    assert (await world.incident()).alert_count == before


async def test_the_figures_count_what_happened(world: World, proposal: Proposal) -> None:
    await world.running.services.approvals.approve(proposal.id, MAYA)
    await finished(world, proposal)
    await world.running.services.incidents.acknowledge(proposal.incident_id, MAYA)
    figures = await world.running.services.analytics.figures(3650)
    assert figures.incidents == 1
    assert figures.open_now == 1
    assert figures.mtta.count == 1
    assert figures.mttr.count == 0
    assert figures.proposals.succeeded == 1
    assert [s.service for s in figures.by_service] == ["Checkout"]


async def resolve(world: World) -> None:
    async with world.running.database.engine.begin() as connection:
        await connection.execute(sa.text("UPDATE incident SET status = 'resolved'"))


async def test_a_resolved_incidents_proposal_cannot_be_approved(world: World, proposal: Proposal) -> None:
    await resolve(world)
    with pytest.raises(Conflict, match="incident is resolved"):
        await world.running.services.approvals.approve(proposal.id, MAYA)
    assert (await world.running.services.approvals.get(proposal.id)).state is ProposalState.PENDING
    assert (await world.audit_actions())[-1] == "slack:proposal:refuse"
    await world.running.services.approvals.reject(proposal.id, MAYA, "it is over")
    assert world.remediator.effects == {}


async def test_what_was_done_can_be_undone_after_its_incident_is_resolved(world: World, proposal: Proposal) -> None:
    await world.running.services.approvals.approve(proposal.id, MAYA)
    await finished(world, proposal)
    await resolve(world)
    undo = await world.running.services.approvals.propose_undo(proposal.id, MAYA)
    await world.running.services.approvals.approve(undo.id, MAYA)
    assert (await finished(world, undo)).state is ProposalState.SUCCEEDED


@pytest.mark.parametrize("state", ["approved", "executing"])
async def test_an_approval_from_before_a_night_away_is_not_carried_out_although_nothing_has_expired(
    world: World, proposal: Proposal, state: str
) -> None:
    long_ago, tomorrow = now() - timedelta(hours=12), now() + timedelta(hours=12)
    async with world.running.database.engine.begin() as connection:
        await connection.execute(
            sa.text(
                "UPDATE proposal SET state = :state, decided_by = :by, decided_at = :at, expires_at = :end"
            ).bindparams(
                sa.bindparam("at", long_ago, sa.DateTime(timezone=True)),
                sa.bindparam("end", tomorrow, sa.DateTime(timezone=True)),
                state=state,
                by=MAYA.id,
            )
        )
    if state == "executing":
        await world.running.workflows.start_act(proposal.id)
    done = await finished(world, proposal)
    assert done.state is ProposalState.FAILED
    assert "too old" in str(done.error)
    assert world.remediator.effects == {}


async def test_an_approved_action_is_not_begun_when_its_incident_was_resolved_meanwhile(
    world: World, proposal: Proposal
) -> None:
    async with world.running.database.engine.begin() as connection:
        await connection.execute(sa.text("UPDATE incident SET status = 'resolved'"))
        await connection.execute(
            sa.text("UPDATE proposal SET state = 'approved', decided_by = :by, decided_at = :at").bindparams(
                sa.bindparam("at", now(), sa.DateTime(timezone=True)), by=MAYA.id
            )
        )
    done = await finished(world, proposal)
    assert done.state is ProposalState.FAILED
    assert "incident is resolved" in str(done.error)
    assert world.remediator.effects == {}


async def test_an_external_id_is_not_sent_to_a_system_that_did_not_page(world: World) -> None:
    await world.running.services.intake.accept(make_alert(source=AlertSource.TEST, dedup_key="test:1"))
    incident = await world.triaged()
    assert incident.external_id == "P000001"
    await world.running.services.incidents.resolve(incident.id, MAYA)
    assert world.incident_source.calls == []
    assert incident.details == {}
