"""Stopping in the middle of work, and going on with it."""

import asyncio
import time
from dataclasses import replace

import pytest

from bot.app import open_bot
from bot.domain.action import ProposalState
from tests.fakes import MAYA, FakeRemediator, FakeSource, make_alert
from tests.services.conftest import World, make_settings
from tests.waiting import wait_until


@pytest.fixture
async def stopped(db_url: str) -> World:
    """A world whose bot was stopped, in an orderly way, while it was gathering evidence."""
    world = World(make_settings(db_url))
    reached = asyncio.Event()

    async def hang(*_: object) -> None:
        reached.set()
        await asyncio.sleep(3600)

    outside = world.outside()
    source = FakeSource()
    source.gather = hang  # type: ignore[method-assign, assignment]
    async with open_bot(world.settings, replace(outside, source=source), {}) as bot:
        await bot.services.intake.accept(make_alert())
        await asyncio.wait_for(reached.wait(), 10)
        started = time.monotonic()
    assert time.monotonic() - started < 8, "stopping does not wait for an investigation"
    return world


async def test_an_orderly_stop_leaves_an_investigation_to_the_next_start(stopped: World) -> None:
    async with open_bot(stopped.settings, stopped.outside(), {}) as bot:
        stopped.bot = bot
        await stopped.triaged()
    assert stopped.source.gathered == 1
    assert [key for key in stopped.messenger.posts if key.endswith(":failed")] == []


async def test_an_orderly_stop_leaves_an_execution_to_the_next_start(db_url: str) -> None:
    world = World(make_settings(db_url))
    reached = asyncio.Event()

    async def hang(*_: object) -> None:
        reached.set()
        await asyncio.sleep(3600)

    remediator = FakeRemediator()
    remediator.apply = hang  # type: ignore[method-assign, assignment]
    async with open_bot(world.settings, replace(world.outside(), remediator=remediator), {}) as bot:
        world.bot = bot
        await bot.services.intake.accept(make_alert())
        await world.triaged()
        [proposal] = await bot.services.approvals.pending()
        await bot.services.approvals.approve(proposal.id, MAYA)
        await asyncio.wait_for(reached.wait(), 10)
    async with open_bot(world.settings, world.outside(), {}) as bot:
        approvals = bot.services.approvals

        async def finished() -> bool:
            return (await approvals.get(proposal.id)).state is ProposalState.SUCCEEDED

        await wait_until(finished)
    assert world.remediator.effects == {proposal.id: 1}
