"""Destructive actions: a switch of their own, a typed name, and two different people."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest
import sqlalchemy as sa

from bot.app import open_bot
from bot.domain.action import Approval, Proposal, ProposalState
from bot.errors import ConfirmationNeeded, Conflict, InvalidInput, NotAllowed
from bot.services.approvals import ApprovalService
from bot.store import proposals as proposal_store
from tests.fakes import AT, JONAS, MAYA, ROBIN, make_alert
from tests.services.conftest import World, make_settings
from tests.services.test_decisions import finished
from tests.waiting import wait_until

NAME = "checkout"


@pytest.fixture
async def world(db_url: str) -> AsyncIterator[World]:
    """A bot on which destructive actions are armed, over a cluster in which the fix is one."""
    world = World(make_settings(db_url, destructive=True))
    world.remediator.risk = "X"
    async with open_bot(world.settings, world.outside(), {}) as bot:
        world.bot = bot
        yield world


@pytest.fixture
def approvals(world: World) -> ApprovalService:
    return world.running.services.approvals


@pytest.fixture
async def proposal(world: World) -> Proposal:
    await world.running.services.intake.accept(make_alert())
    await world.triaged()
    [proposal] = await world.running.services.approvals.pending()
    return proposal


async def decisions(world: World) -> list[tuple[str, str, dict[str, Any]]]:
    """Return who did what to proposals, oldest first."""
    return [
        (event.actor, event.action, event.body)
        async for event in world.running.audit.events()
        if event.action.startswith("slack:proposal:")
    ]


async def test_without_the_switch_nothing_destructive_is_offered(db_url: str) -> None:
    world = World(make_settings(db_url))
    world.remediator.risk = "X"
    async with open_bot(world.settings, world.outside(), {}) as bot:
        world.bot = bot
        await bot.services.intake.accept(make_alert())
        await world.triaged()
        assert await bot.services.approvals.pending() == []


async def test_the_second_person_has_it_carried_out(
    world: World, approvals: ApprovalService, proposal: Proposal
) -> None:
    half = await approvals.approve(proposal.id, MAYA, NAME)
    assert half.state is ProposalState.PENDING
    stored = await approvals.get(proposal.id)
    assert [approval.by for approval in stored.approvals] == [MAYA.id]
    assert (stored.decided_by, stored.expires_at) == (None, proposal.expires_at)
    assert world.remediator.effects == {}

    await approvals.approve(proposal.id, JONAS, f" {NAME} ")
    done = await finished(world, proposal)
    assert done.state is ProposalState.SUCCEEDED
    assert [approval.by for approval in done.approvals] == [MAYA.id, JONAS.id]
    assert done.decided_by == JONAS.id
    assert world.remediator.effects == {proposal.id: 1}
    told = [(actor, action, body["state"], body["approved_by"]) for actor, action, body in await decisions(world)]
    assert told == [
        (MAYA.id, "slack:proposal:approve", "pending", [MAYA.id]),
        (JONAS.id, "slack:proposal:approve", "approved", [MAYA.id, JONAS.id]),
    ]


async def test_the_note_names_both(world: World, approvals: ApprovalService, proposal: Proposal) -> None:
    await approvals.approve(proposal.id, MAYA, NAME)
    await approvals.approve(proposal.id, JONAS, NAME)
    await finished(world, proposal)

    async def noted() -> bool:
        return bool(world.incident_source.notes)

    await wait_until(noted)
    [(_, note)] = world.incident_source.notes
    assert "Maya Chen and Jonas Weber approved" in note


async def test_a_click_alone_asks_and_changes_nothing(
    world: World, approvals: ApprovalService, proposal: Proposal
) -> None:
    with pytest.raises(ConfirmationNeeded, match=NAME):
        await approvals.approve(proposal.id, MAYA)
    assert await approvals.get(proposal.id) == proposal
    assert await decisions(world) == []


async def test_another_name_changes_nothing(world: World, approvals: ApprovalService, proposal: Proposal) -> None:
    for typed in ("", "Checkout", "checkout-2", "deployment/checkout"):
        with pytest.raises(InvalidInput, match="not the name of the target"):
            await approvals.approve(proposal.id, MAYA, typed)
    assert await approvals.get(proposal.id) == proposal
    assert {(action, body["refusal"]) for _, action, body in await decisions(world)} == {
        ("slack:proposal:refuse", "mismatch")
    }


async def test_the_same_person_does_not_count_twice(
    world: World, approvals: ApprovalService, proposal: Proposal
) -> None:
    await approvals.approve(proposal.id, MAYA, NAME)
    for typed in (NAME, None, "wrong"):
        with pytest.raises(NotAllowed, match="You have approved this already"):
            await approvals.approve(proposal.id, MAYA, typed)
    half = await approvals.get(proposal.id)
    assert (half.state, len(half.approvals)) == (ProposalState.PENDING, 1)
    assert [body.get("refusal") for _, _, body in await decisions(world)] == [None, *["same_person"] * 3]


async def test_somebody_without_rights_is_neither_first_nor_second(
    world: World, approvals: ApprovalService, proposal: Proposal
) -> None:
    with pytest.raises(NotAllowed, match="not among the approvers"):
        await approvals.approve(proposal.id, ROBIN, NAME)
    await approvals.approve(proposal.id, MAYA, NAME)
    with pytest.raises(NotAllowed, match="not among the approvers"):
        await approvals.approve(proposal.id, ROBIN, NAME)
    assert len((await approvals.get(proposal.id)).approvals) == 1


async def test_many_clicks_by_two_people_at_once_act_once(
    world: World, approvals: ApprovalService, proposal: Proposal
) -> None:
    clicks = [approvals.approve(proposal.id, person, NAME) for person in (MAYA, JONAS) * 5]
    results = await asyncio.gather(*clicks, return_exceptions=True)
    counted = [result for result in results if isinstance(result, Proposal)]
    assert sorted(result.state for result in counted) == [ProposalState.APPROVED, ProposalState.PENDING]
    assert all(isinstance(r, Proposal | NotAllowed | Conflict) for r in results)
    done = await finished(world, proposal)
    assert {approval.by for approval in done.approvals} == {MAYA.id, JONAS.id}
    assert world.remediator.effects == {proposal.id: 1}
    approved = [body["state"] for _, action, body in await decisions(world) if action == "slack:proposal:approve"]
    assert approved == ["pending", "approved"]
    assert (await world.audit_actions()).count("bot:action:start") == 1


async def test_an_approval_is_not_written_over(world: World, proposal: Proposal) -> None:
    async with world.running.database.transaction() as session:
        first = Approval(by=MAYA.id, at=AT)
        assert await proposal_store.add_approval(session, proposal, first, ProposalState.PENDING)
        late = Approval(by=JONAS.id, at=AT)
        assert not await proposal_store.add_approval(session, proposal, late, ProposalState.PENDING)
        stored = await proposal_store.get(session, proposal.id)
    assert stored is not None
    assert stored.approvals == (first,)


async def test_either_person_may_still_reject(world: World, approvals: ApprovalService, proposal: Proposal) -> None:
    await approvals.approve(proposal.id, MAYA, NAME)
    rejected = await approvals.reject(proposal.id, MAYA, "I was wrong")
    assert rejected.state is ProposalState.REJECTED
    with pytest.raises(Conflict, match="rejected"):
        await approvals.approve(proposal.id, JONAS, NAME)
    assert world.remediator.effects == {}


async def test_one_approval_does_not_keep_it_open(world: World, approvals: ApprovalService, proposal: Proposal) -> None:
    await approvals.approve(proposal.id, MAYA, NAME)
    assert await approvals.expire(proposal.expires_at) == 1
    with pytest.raises(Conflict, match="expired"):
        await approvals.approve(proposal.id, JONAS, NAME)
    expired = await approvals.get(proposal.id)
    assert (expired.state, len(expired.approvals)) == (ProposalState.EXPIRED, 1)
    assert world.remediator.effects == {}


async def test_a_row_that_only_says_approved_is_not_carried_out(
    world: World, approvals: ApprovalService, proposal: Proposal
) -> None:
    await approvals.approve(proposal.id, MAYA, NAME)
    async with world.running.database.engine.begin() as connection:
        await connection.execute(
            sa.text("UPDATE proposal SET state = 'approved', decided_by = 'U0JONAS', decided_at = created_at")
        )
    done = await finished(world, proposal)
    assert done.state is ProposalState.FAILED
    assert "2 different people" in str(done.error)
    assert world.remediator.effects == {}


async def test_an_undo_follows_its_own_risk(world: World, approvals: ApprovalService, proposal: Proposal) -> None:
    world.remediator.undo_risk = "S"
    await approvals.approve(proposal.id, MAYA, NAME)
    await approvals.approve(proposal.id, JONAS, NAME)
    done = await finished(world, proposal)
    undo = await approvals.propose_undo(done.id, MAYA)
    approved = await approvals.approve(undo.id, MAYA)
    assert approved.state is ProposalState.APPROVED
    assert (await finished(world, undo)).state is ProposalState.SUCCEEDED


async def test_a_destructive_undo_takes_two_people(
    world: World, approvals: ApprovalService, proposal: Proposal
) -> None:
    await approvals.approve(proposal.id, MAYA, NAME)
    await approvals.approve(proposal.id, JONAS, NAME)
    undo = await approvals.propose_undo((await finished(world, proposal)).id, MAYA)
    with pytest.raises(ConfirmationNeeded):
        await approvals.approve(undo.id, JONAS)
    assert (await approvals.approve(undo.id, JONAS, NAME)).state is ProposalState.PENDING
    assert (await approvals.approve(undo.id, MAYA, NAME)).state is ProposalState.APPROVED
