"""Queries over proposals, posted messages and notes. A decision is a compare-and-set."""

import re
from collections.abc import Sequence
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from pydantic import BaseModel
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from bot.domain.action import Approval, Proposal, ProposalState
from bot.domain.alert import MessageRef
from bot.domain.base import canonical_json
from bot.domain.metrics import ProposalFigures
from bot.store.tables import OwnNote, PostedMessage, ProposalRow

_OWN_NOTE = re.compile(r"\[(P-\w{1,20})\]")


def to_proposal(row: ProposalRow) -> Proposal:
    return Proposal.model_validate({k: v for k, v in row.model_dump().items() if k != "run"})


def _plain(value: Any) -> Any:
    """Return what a column takes: a domain object as JSON, anything else as it is."""
    if isinstance(value, tuple):
        return [_plain(item) for item in value]
    return value.model_dump(mode="json") if isinstance(value, BaseModel) else value


async def insert(session: AsyncSession, proposal: Proposal, run: int) -> None:
    fields = proposal.model_dump(mode="python")
    for name in ("request", "preview", "approvals", "applied", "verification", "message"):
        fields[name] = _plain(getattr(proposal, name))
    session.add(ProposalRow(run=run, **fields))
    await session.flush()


async def get(session: AsyncSession, proposal_id: str, *, lock: bool = False) -> Proposal | None:
    query = select(ProposalRow).where(ProposalRow.id == proposal_id)
    row = (await session.exec(query.with_for_update() if lock else query)).one_or_none()
    return None if row is None else to_proposal(row)


async def of_incident(session: AsyncSession, incident_id: str, run: int | None = None) -> Sequence[Proposal]:
    query = select(ProposalRow).where(ProposalRow.incident_id == incident_id)
    if run is not None:
        query = query.where(ProposalRow.run == run)
    query = query.order_by(col(ProposalRow.created_at), col(ProposalRow.rank))
    return [to_proposal(row) for row in (await session.exec(query)).all()]


async def in_states(session: AsyncSession, states: Sequence[ProposalState], limit: int = 100) -> Sequence[Proposal]:
    query = (
        select(ProposalRow)
        .where(col(ProposalRow.state).in_([state.value for state in states]))
        .order_by(col(ProposalRow.created_at), col(ProposalRow.rank))
        .limit(limit)
    )
    return [to_proposal(row) for row in (await session.exec(query)).all()]


async def overdue(session: AsyncSession, now: datetime, limit: int = 100) -> Sequence[Proposal]:
    """Return pending proposals whose time has passed."""
    query = (
        select(ProposalRow)
        .where(ProposalRow.state == ProposalState.PENDING.value, col(ProposalRow.expires_at) <= now)
        .order_by(col(ProposalRow.id))
        .limit(limit)
        .with_for_update(skip_locked=True)
    )
    return [to_proposal(row) for row in (await session.exec(query)).all()]


async def compare_and_set(
    session: AsyncSession, proposal_id: str, expected: ProposalState, new: ProposalState, **changes: Any
) -> bool:
    """Move a proposal from one state to another; False when it was not in `expected` any more."""
    values = {k: _plain(v) for k, v in changes.items()}
    statement = (
        sa.update(ProposalRow)
        .where(col(ProposalRow.id) == proposal_id, col(ProposalRow.state) == expected.value)
        .values(state=new.value, **values)
    )
    return bool((await session.exec(statement)).rowcount)


async def add_approval(
    session: AsyncSession, proposal: Proposal, approval: Approval, new: ProposalState, **changes: Any
) -> bool:
    """Add an approval to a pending proposal and move it to `new`, which is pending while more are needed.

    False when it is not pending any more, or when it has other approvals than `proposal` says: nobody's approval is
    written over.
    """
    values = {k: _plain(v) for k, v in (changes | {"approvals": (*proposal.approvals, approval)}).items()}
    statement = (
        sa.update(ProposalRow)
        .where(
            col(ProposalRow.id) == proposal.id,
            col(ProposalRow.state) == ProposalState.PENDING.value,
            # Both databases have this function, for text that is JSON and for the type of that name.
            sa.func.json_array_length(col(ProposalRow.approvals)) == len(proposal.approvals),
        )
        .values(state=new.value, **values)
    )
    return bool((await session.exec(statement)).rowcount)


async def supersede_pending(
    session: AsyncSession, incident_id: str, now: datetime, but: str | None = None
) -> Sequence[Proposal]:
    """Close every pending proposal of an incident except `but`, and return those that were closed."""
    closed = []
    for proposal in await of_incident(session, incident_id):
        if proposal.id == but or proposal.state not in {ProposalState.PENDING, ProposalState.COMMAND_ONLY}:
            continue
        if await compare_and_set(session, proposal.id, proposal.state, ProposalState.SUPERSEDED, finished_at=now):
            closed.append(proposal.model_copy(update={"state": ProposalState.SUPERSEDED, "finished_at": now}))
    return closed


async def supersede_twins(session: AsyncSession, proposals: Sequence[Proposal], now: datetime) -> Sequence[Proposal]:
    """Close pending proposals of other incidents that ask for the very same action, and return those closed.

    One dead node pages for everything on it: the same fix must not wait for a click in five threads.
    """
    wanted = {(str(p.request.target), p.request.action, canonical_json(p.request.params)) for p in proposals}
    mine = {p.incident_id for p in proposals}
    closed = []
    for other in await in_states(session, (ProposalState.PENDING,), limit=1_000):
        key = (str(other.request.target), other.request.action, canonical_json(other.request.params))
        if key not in wanted or other.incident_id in mine:
            continue
        if await compare_and_set(session, other.id, ProposalState.PENDING, ProposalState.SUPERSEDED, finished_at=now):
            closed.append(other.model_copy(update={"state": ProposalState.SUPERSEDED, "finished_at": now}))
    return closed


async def update(session: AsyncSession, proposal_id: str, **changes: Any) -> None:
    values = {k: _plain(v) for k, v in changes.items()}
    await session.exec(sa.update(ProposalRow).where(col(ProposalRow.id) == proposal_id).values(**values))


async def proposal_figures(session: AsyncSession, since: datetime) -> ProposalFigures:
    query = (
        select(ProposalRow.state, sa.func.count())
        .where(col(ProposalRow.created_at) >= since)
        .group_by(ProposalRow.state)
    )
    counts = dict((await session.exec(query)).all())
    done = {state: counts.get(state.value, 0) for state in ProposalState}
    approved = (ProposalState.APPROVED, ProposalState.EXECUTING, ProposalState.SUCCEEDED, ProposalState.FAILED)
    return ProposalFigures(
        proposed=sum(counts.values()),
        approved=sum(done[state] for state in approved),
        rejected=done[ProposalState.REJECTED],
        expired=done[ProposalState.EXPIRED],
        succeeded=done[ProposalState.SUCCEEDED],
        failed=done[ProposalState.FAILED],
    )


async def intend_message(
    session: AsyncSession, key: str, incident_id: str, now: datetime
) -> tuple[bool, MessageRef | None]:
    """Note that a message is about to be posted. Return whether it was intended before, and where it is if posted."""
    row = await session.get(PostedMessage, key)
    if row is not None:
        return True, MessageRef(**row.ref) if row.ref else None
    session.add(PostedMessage(key=key, incident_id=incident_id, created_at=now))
    await session.flush()
    return False, None


async def record_message(session: AsyncSession, key: str, ref: MessageRef) -> None:
    await session.exec(
        sa.update(PostedMessage).where(col(PostedMessage.key) == key).values(ref=ref.model_dump(mode="json"))
    )


async def posted_message(session: AsyncSession, key: str) -> MessageRef | None:
    row = await session.get(PostedMessage, key)
    return MessageRef(**row.ref) if row is not None and row.ref else None


async def intend_note(session: AsyncSession, key: str, incident_id: str, now: datetime) -> tuple[bool, str | None]:
    """Note that a PagerDuty note is about to be written. Return whether it was intended before, and its id."""
    row = await session.get(OwnNote, key)
    if row is not None:
        return True, row.note_id
    session.add(OwnNote(key=key, incident_id=incident_id, created_at=now))
    await session.flush()
    return False, None


async def record_note(session: AsyncSession, key: str, note_id: str) -> None:
    await session.exec(sa.update(OwnNote).where(col(OwnNote.key) == key).values(note_id=note_id))


async def is_own_note(session: AsyncSession, note_id: str, text: str) -> bool:
    """Say whether a note is ours: by its id, or, while that is not stored yet, by the proposal that it begins with."""
    if (await session.exec(select(OwnNote.key).where(OwnNote.note_id == note_id))).first() is not None:
        return True
    opening = _OWN_NOTE.match(text)
    if opening is None:
        return False
    row = await session.get(OwnNote, f"{opening[1]}:note")
    return row is not None and row.note_id is None
