"""The audit trail: append inside the business transaction, verify, export."""

import json
import os
import secrets
from collections.abc import AsyncIterator
from datetime import datetime
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from bot.domain.audit import GENESIS, AuditEvent, ChainBreak, ChainReport, chain_hash
from bot.domain.base import canonical_json
from bot.domain.redaction import redact_json
from bot.errors import SettingsError
from bot.settings import DatabaseSettings
from bot.store.database import Database, sqlite_path
from bot.store.tables import AuditHead, AuditRow

_PAGE = 1_000


def load_audit_key(settings: DatabaseSettings) -> bytes:
    """Return the chain's key: AUDIT_KEY, or for SQLite a file beside the database that is made once (mode 0600)."""
    if settings.audit_key is not None:
        return settings.audit_key.get_secret_value().encode()
    if not settings.is_sqlite:
        raise SettingsError(
            "AUDIT_KEY is not set, and with PostgreSQL there is no place beside the database to keep one.",
            next_step='Set it to a long random text, such as the output of: python -c "import secrets; '
            'print(secrets.token_hex(32))".',
        )
    path = sqlite_path(settings.url).with_suffix(".audit.key")
    return _read_or_create_key(path)


def _read_or_create_key(path: Path) -> bytes:
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        descriptor = os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
    except FileExistsError:
        return path.read_bytes().strip()
    with os.fdopen(descriptor, "wb") as file:
        key = secrets.token_hex(32).encode()
        file.write(key)
    return key


class AuditTrail:
    """Appends to and reads the chain."""

    def __init__(self, database: Database, key: bytes) -> None:
        self._database = database
        self._key = key

    async def append(
        self,
        session: AsyncSession,
        *,
        at: datetime,
        actor: str,
        action: str,
        incident_id: str | None = None,
        body: dict[str, Any] | None = None,
    ) -> AuditEvent:
        """Append one row in the caller's transaction: if this fails, the change it records does not happen.

        Call it last: it locks the head of the chain until the transaction ends.
        """
        head = (await session.exec(select(AuditHead).where(AuditHead.id == 1).with_for_update())).one()
        content = redact_json(body or {})
        seq, previous = head.seq + 1, head.hash
        value = chain_hash(
            self._key, seq=seq, at=at, actor=actor, action=action, incident_id=incident_id, body=content, prev=previous
        )
        session.add(
            AuditRow(
                seq=seq,
                at=at,
                actor=actor,
                action=action,
                incident_id=incident_id,
                body=canonical_json(content),
                prev=previous,
                hash=value,
            )
        )
        head.seq, head.hash = seq, value
        session.add(head)
        await session.flush()
        return AuditEvent(
            seq=seq,
            at=at,
            actor=actor,
            action=action,
            incident_id=incident_id,
            body=content,
            prev=previous,
            hash=value,
        )

    async def events(self, incident_id: str | None = None) -> AsyncIterator[AuditEvent]:
        """Yield the trail in order, a page at a time; only one incident's when `incident_id` is given."""
        after = 0
        while True:
            query = select(AuditRow).where(col(AuditRow.seq) > after).order_by(col(AuditRow.seq)).limit(_PAGE)
            if incident_id is not None:
                query = query.where(AuditRow.incident_id == incident_id)
            async with self._database.transaction() as session:
                rows = (await session.exec(query)).all()
            for row in rows:
                yield AuditEvent(**{**row.model_dump(), "body": json.loads(row.body)})
            if len(rows) < _PAGE:
                return
            after = rows[-1].seq

    async def verify(self) -> ChainReport:
        """Recompute the whole chain and compare it with what is stored and with the head."""
        seq, previous, count = 0, GENESIS, 0
        async for event in self.events():
            count += 1
            if event.seq != seq + 1:
                return self._broken(count, previous, event.seq, f"row {seq + 1} is missing")
            if event.prev != previous:
                return self._broken(count, previous, event.seq, "it does not continue the row before it")
            if self._hash(event) != event.hash:
                return self._broken(count, previous, event.seq, "its content does not match its hash")
            seq, previous = event.seq, event.hash
        async with self._database.transaction() as session:
            head = (await session.exec(select(AuditHead).where(AuditHead.id == 1))).one_or_none()
        if head is None or (head.seq, head.hash) != (seq, previous):
            stored = "missing" if head is None else f"at row {head.seq}"
            return self._broken(count, previous, seq + 1, f"the chain ends at row {seq} but its head is {stored}")
        return ChainReport(events=count, head=previous)

    def _hash(self, event: AuditEvent) -> str:
        return chain_hash(
            self._key,
            seq=event.seq,
            at=event.at,
            actor=event.actor,
            action=event.action,
            incident_id=event.incident_id,
            body=event.body,
            prev=event.prev,
        )

    @staticmethod
    def _broken(count: int, head: str, seq: int, reason: str) -> ChainReport:
        return ChainReport(events=count, head=head, first_break=ChainBreak(seq=seq, reason=reason))

    async def checkpoint(self) -> tuple[int, str]:
        """Return the head (seq, hash). Kept outside the database, it shows a rolled-back trail."""
        async with self._database.transaction() as session:
            head = (await session.exec(select(AuditHead).where(AuditHead.id == 1))).one()
        return head.seq, head.hash

    async def count(self) -> int:
        async with self._database.transaction() as session:
            return (await session.exec(select(sa.func.count()).select_from(AuditRow))).one()
