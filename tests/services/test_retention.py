"""What is forgotten, and what is not."""

from datetime import timedelta

import pytest
import sqlalchemy as sa

from bot.clock import now
from bot.domain.incident import TriageState
from bot.services import retention
from tests.fakes import make_alert
from tests.services.conftest import World


async def counts(world: World) -> dict[str, int]:
    tables = (
        "inbox_delivery",
        "alert",
        "evidence",
        "posted_message",
        "analysis",
        "proposal",
        "incident",
        "audit_event",
    )
    async with world.running.database.engine.connect() as connection:
        return {
            table: int((await connection.execute(sa.text(f"SELECT count(*) FROM {table}"))).scalar_one())
            for table in tables
        }


async def test_details_go_and_the_record_stays(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retention, "_ROWS", 2)
    for number in range(1, 4):
        await world.running.services.intake.accept(make_alert(number))
    await world.triaged(TriageState.DONE)
    service = retention.RetentionService(
        world.running.services.analytics._core, 90, world.running.workflows.forget_finished
    )

    before = await counts(world)
    assert await service.retain(now() + timedelta(days=80)) == 0
    # An incident that is still open keeps its details, however old they are.
    await service.retain(now() + timedelta(days=91))
    open_still = await counts(world)
    assert {k: v for k, v in open_still.items() if k != "inbox_delivery"} == {
        k: v for k, v in before.items() if k != "inbox_delivery"
    }
    assert open_still["inbox_delivery"] == 0

    async with world.running.database.engine.begin() as connection:
        await connection.execute(
            sa.text("UPDATE incident SET resolved_at = :at").bindparams(
                sa.bindparam("at", now(), sa.DateTime(timezone=True))
            )
        )
    assert await service.retain(now() + timedelta(days=91)) > 0
    after = await counts(world)
    assert (after["alert"], after["evidence"], after["posted_message"]) == (0, 0, 0)
    assert {k: after[k] for k in ("analysis", "proposal", "incident")} == {
        k: before[k] for k in ("analysis", "proposal", "incident")
    }
    assert after["audit_event"] >= before["audit_event"]
    assert (await world.running.audit.verify()).intact
