"""Heartbeats of running processes, by which the others notice that one died."""

from collections.abc import Sequence
from datetime import UTC, datetime

import sqlalchemy as sa
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from bot.store.tables import Executor


async def beat(session: AsyncSession, executor_id: str, now: datetime) -> None:
    """Say that this process is alive."""
    row = await session.get(Executor, executor_id) or Executor(id=executor_id, started_at=now, seen_at=now)
    row.seen_at = now
    session.add(row)
    await session.flush()


async def dead_since(session: AsyncSession, before: datetime) -> Sequence[str]:
    """Return the executors that were last seen before the given time."""
    return (await session.exec(select(Executor.id).where(col(Executor.seen_at) < before))).all()


async def others(session: AsyncSession, executor_id: str) -> Sequence[str]:
    """Return every executor but this one."""
    return (await session.exec(select(Executor.id).where(col(Executor.id) != executor_id))).all()


async def retire(session: AsyncSession, executor_id: str) -> None:
    """Say that this process has stopped, so that the others take over at once what it left."""
    long_ago = datetime(1970, 1, 1, tzinfo=UTC)
    await session.exec(sa.update(Executor).where(col(Executor.id) == executor_id).values(seen_at=long_ago))


async def forget(session: AsyncSession, executor_id: str) -> None:
    await session.exec(sa.delete(Executor).where(col(Executor.id) == executor_id))
