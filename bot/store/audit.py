"""The audit trail: append inside the business transaction, verify, export."""

import contextlib
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
from bot.domain.base import canonical_json, printable
from bot.domain.redaction import redact, redact_json
from bot.errors import NotFound, SettingsError
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
    if not path.exists():
        # Linked when complete: neither a crash nor a second process ever sees an empty key.
        draft = path.with_name(f"{path.name}.{secrets.token_hex(4)}")
        descriptor = os.open(draft, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
        try:
            with os.fdopen(descriptor, "wb") as file:
                file.write(secrets.token_hex(32).encode())
                file.flush()
                os.fsync(file.fileno())
            with contextlib.suppress(FileExistsError):
                path.hardlink_to(draft)
        finally:
            draft.unlink()
    key = path.read_bytes().strip()
    if not key:
        raise SettingsError(
            f"The audit key in {path} is empty.", next_step="Restore it from a backup, or set AUDIT_KEY."
        )
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
        # In the form that a later reading will find, or the same content would have two hashes.
        content = json.loads(json.dumps(printable(redact_json(body or {})), allow_nan=False))
        seq, previous, actor = head.seq + 1, head.hash, printable(redact(actor))
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
            async with self._database.reading() as session:
                rows = (await session.exec(query)).all()
            for row in rows:
                yield AuditEvent(**{**row.model_dump(), "body": json.loads(row.body)})
            if len(rows) < _PAGE:
                return
            after = rows[-1].seq

    async def verify(self) -> ChainReport:
        """Recompute the whole chain and compare it with what is stored and with the head.

        Writers may append meanwhile: the head from before has to be in the chain, and the chain may not reach beyond
        the head from afterwards.
        """
        before = await self._head()
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
            if before is not None and event.seq == before[0] and event.hash != before[1]:
                return self._broken(count, previous, event.seq, "it is not the row that the head names")
        after = await self._head()
        if before is None or after is None:
            return self._broken(count, previous, seq + 1, f"the chain ends at row {seq} but its head is missing")
        # Rows that were appended after the last page was read are for the next verification.
        wrong = None
        if before[0] > seq:
            wrong = before[0]
        elif after[0] < seq or (after[0] == seq and after[1] != previous):
            wrong = after[0]
        if wrong is not None:
            reason = f"the chain ends at row {seq} but its head is at row {wrong}"
            return self._broken(count, previous, seq + 1, reason)
        return ChainReport(events=count, head=previous)

    async def _head(self) -> tuple[int, str] | None:
        async with self._database.reading() as session:
            head = (await session.exec(select(AuditHead).where(AuditHead.id == 1))).one_or_none()
        return None if head is None else (head.seq, head.hash)

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
        head = await self._head()
        if head is None:
            raise NotFound("The audit trail has no head.", vendor="Database")
        return head

    async def count(self) -> int:
        async with self._database.reading() as session:
            return (await session.exec(select(sa.func.count()).select_from(AuditRow))).one()
