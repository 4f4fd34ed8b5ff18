"""The tables. Columns that queries need are columns; the rest of a domain object is one JSON document."""

from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlmodel import Field, SQLModel

# Constraint names are spelled out so that Alembic can find them again on both databases.
SQLModel.metadata.naming_convention = {
    "ix": "ix_%(column_0_label)s",
    "uq": "uq_%(table_name)s_%(column_0_name)s",
    "fk": "fk_%(table_name)s_%(column_0_name)s",
    "pk": "pk_%(table_name)s",
}


class InboxDelivery(SQLModel, table=True):
    """An alert as it was accepted. Appended before the sender is answered; drained in order of `id`."""

    __tablename__ = "inbox_delivery"
    __table_args__ = (
        sa.UniqueConstraint("source", "delivery_id", name="uq_inbox_delivery_source"),
        sa.Index(
            "ix_inbox_delivery_open",
            "id",
            sqlite_where=sa.text("processed_at IS NULL"),
            postgresql_where=sa.text("processed_at IS NULL"),
        ),
    )

    id: int | None = Field(
        default=None, sa_column=sa.Column(sa.BigInteger().with_variant(sa.Integer, "sqlite"), primary_key=True)
    )
    source: str
    delivery_id: str
    body: str = Field(description="the alert as JSON text")
    received_at: datetime
    processed_at: datetime | None = None
    error: str | None = None


class IncidentRow(SQLModel, table=True):
    """`thread_ts` repeats what `thread` says, for the index by which a thread's incident is found."""

    __tablename__ = "incident"
    __table_args__ = (
        sa.Index("ix_incident_thread", "channel", "thread_ts"),
        sa.Index(
            "ix_incident_open",
            "opened_at",
            sqlite_where=sa.text("status != 'resolved'"),
            postgresql_where=sa.text("status != 'resolved'"),
        ),
    )

    id: str = Field(primary_key=True)
    dedup_key: str = Field(unique=True)
    source: str
    external_id: str | None = None
    url: str | None = None
    title: str
    service: str | None = Field(default=None, index=True)
    severity: str
    status: str = Field(index=True)
    labels: dict[str, str] = Field(default_factory=dict, sa_type=sa.JSON)
    details: dict[str, Any] = Field(default_factory=dict, sa_type=sa.JSON)
    target: str | None = None
    triage: str = Field(index=True)
    triage_run: int = 1
    channel: str | None = None
    thread: dict[str, Any] | None = Field(default=None, sa_type=sa.JSON)
    thread_ts: str | None = None
    thread_is_ours: bool = False
    opened_at: datetime = Field(index=True)
    acknowledged_at: datetime | None = None
    resolved_at: datetime | None = None
    alert_count: int = 1


class AlertRow(SQLModel, table=True):
    """Every alert that belongs to an incident, in the order of arrival."""

    __tablename__ = "alert"

    id: int | None = Field(default=None, primary_key=True)
    incident_id: str = Field(foreign_key="incident.id", index=True)
    state: str
    body: dict[str, Any] = Field(sa_type=sa.JSON)
    received_at: datetime


class EvidenceRow(SQLModel, table=True):
    __tablename__ = "evidence"

    incident_id: str = Field(foreign_key="incident.id", primary_key=True)
    run: int = Field(primary_key=True)
    id: str = Field(primary_key=True)
    position: int
    body: dict[str, Any] = Field(sa_type=sa.JSON)


class AnalysisRow(SQLModel, table=True):
    """What one investigation concluded: its diagnosis, its analysis and the last state of its checklist."""

    __tablename__ = "analysis"

    incident_id: str = Field(foreign_key="incident.id", primary_key=True)
    run: int = Field(primary_key=True)
    diagnosis: dict[str, Any] | None = Field(default=None, sa_type=sa.JSON)
    body: dict[str, Any] | None = Field(default=None, sa_type=sa.JSON)
    progress: dict[str, Any] | None = Field(default=None, sa_type=sa.JSON)
    created_at: datetime


class ProposalRow(SQLModel, table=True):
    __tablename__ = "proposal"

    id: str = Field(primary_key=True)
    incident_id: str = Field(foreign_key="incident.id", index=True)
    run: int = 1
    request: dict[str, Any] = Field(sa_type=sa.JSON)
    preview: dict[str, Any] = Field(sa_type=sa.JSON)
    fingerprint: str
    state: str = Field(index=True)
    rank: int = 0
    created_at: datetime = Field(index=True)
    expires_at: datetime
    approvals: list[dict[str, Any]] = Field(
        default_factory=list, sa_column=sa.Column(sa.JSON(), nullable=False, server_default="[]")
    )
    decided_at: datetime | None = None
    decided_by: str | None = None
    reason: str | None = None
    applied: dict[str, Any] | None = Field(default=None, sa_type=sa.JSON)
    verification: dict[str, Any] | None = Field(default=None, sa_type=sa.JSON)
    error: str | None = None
    undo_of: str | None = None
    undone_by: str | None = None
    message: dict[str, Any] | None = Field(default=None, sa_type=sa.JSON)
    finished_at: datetime | None = None


class PostedMessage(SQLModel, table=True):
    """An intended or posted Slack message. A row without `ref` after a crash means: look before posting again."""

    __tablename__ = "posted_message"

    key: str = Field(primary_key=True)
    incident_id: str = Field(foreign_key="incident.id", index=True)
    ref: dict[str, Any] | None = Field(default=None, sa_type=sa.JSON)
    created_at: datetime


class OwnNote(SQLModel, table=True):
    """An intended or written note at PagerDuty. `note_id` recognises its echo; without one, look before writing."""

    __tablename__ = "own_note"

    key: str = Field(primary_key=True)
    incident_id: str = Field(foreign_key="incident.id", index=True)
    note_id: str | None = Field(default=None, index=True)
    created_at: datetime


class AuditRow(SQLModel, table=True):
    __tablename__ = "audit_event"

    seq: int = Field(
        sa_column=sa.Column(sa.BigInteger().with_variant(sa.Integer, "sqlite"), primary_key=True, autoincrement=False)
    )
    at: datetime
    actor: str
    action: str
    incident_id: str | None = Field(default=None, index=True)
    body: str = Field(description="canonical JSON, exactly what was hashed")
    prev: str
    hash: str


class AuditHead(SQLModel, table=True):
    """One row: where the chain ends. Locked while a row is appended."""

    __tablename__ = "audit_head"

    id: int = Field(default=1, primary_key=True)
    seq: int = Field(default=0, sa_type=sa.BigInteger)
    hash: str


class IncidentEventRow(SQLModel, table=True):
    """What happened, for timelines and feeds: written with the audit row of the same `seq`."""

    __tablename__ = "incident_event"
    __table_args__ = (sa.Index("ix_incident_event_incident_id", "incident_id", "seq"),)

    seq: int = Field(
        sa_column=sa.Column(sa.BigInteger().with_variant(sa.Integer, "sqlite"), primary_key=True, autoincrement=False)
    )
    at: datetime
    incident_id: str | None = None
    source: str
    kind: str
    actor_id: str
    actor_name: str
    body: dict[str, Any] = Field(sa_type=sa.JSON)


class Executor(SQLModel, table=True):
    """A running process, by its heartbeat."""

    __tablename__ = "executor"

    id: str = Field(primary_key=True)
    started_at: datetime
    seen_at: datetime = Field(index=True)
