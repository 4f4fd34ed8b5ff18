"""Keep events where timelines can read them, beginning with those that the audit trail holds already."""

import json

import sqlalchemy as sa
from alembic import op
from sqlmodel.sql.sqltypes import UTCDateTime

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

_PAGE = 1_000


def upgrade() -> None:
    number = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
    kept = op.create_table(
        "incident_event",
        sa.Column("seq", number, autoincrement=False, nullable=False),
        sa.Column("at", UTCDateTime(), nullable=False),
        sa.Column("incident_id", sa.String(), nullable=True),
        sa.Column("source", sa.String(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("actor_id", sa.String(), nullable=False),
        sa.Column("actor_name", sa.String(), nullable=False),
        sa.Column("body", sa.JSON(), nullable=False),
        sa.PrimaryKeyConstraint("seq", name=op.f("pk_incident_event")),
    )
    op.create_index("ix_incident_event_incident_id", "incident_event", ["incident_id", "seq"])
    _copy_trail(kept)


def _copy_trail(kept: sa.Table) -> None:
    """Copy the trail a page at a time. A row whose body or tag cannot be read stays in the trail alone."""
    trail = sa.table(
        "audit_event",
        sa.column("seq", sa.BigInteger),
        sa.column("at", UTCDateTime()),
        sa.column("actor", sa.String),
        sa.column("action", sa.String),
        sa.column("incident_id", sa.String),
        sa.column("body", sa.String),
    )
    after: int | None = None
    while True:
        page = sa.select(trail).order_by(trail.c.seq).limit(_PAGE)
        rows = op.get_bind().execute(page if after is None else page.where(trail.c.seq > after)).all()
        if not rows:
            return
        if copies := [copy for row in rows if (copy := _copy(row)) is not None]:
            op.bulk_insert(kept, copies)
        after = rows[-1].seq


def _copy(row: sa.Row[tuple[object, ...]]) -> dict[str, object] | None:
    source, _, kind = str(row.action).partition(":")
    try:
        body = json.loads(str(row.body))
    except ValueError:
        return None
    if not kind or not isinstance(body, dict):
        return None
    return {
        "seq": row.seq,
        "at": row.at,
        "incident_id": row.incident_id,
        "source": source,
        "kind": kind,
        "actor_id": row.actor,
        "actor_name": "",
        "body": body,
    }


def downgrade() -> None:
    op.drop_table("incident_event")
