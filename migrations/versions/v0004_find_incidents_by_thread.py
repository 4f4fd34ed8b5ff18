"""Find incidents by their thread, open incidents and proposals by their time, without walking the tables."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

_PAGE = 1_000


def upgrade() -> None:
    op.add_column("incident", sa.Column("thread_ts", sa.String(), nullable=True))
    _fill()
    op.create_index("ix_incident_thread", "incident", ["channel", "thread_ts"])
    is_open = sa.text("status != 'resolved'")
    op.create_index("ix_incident_open", "incident", ["opened_at"], sqlite_where=is_open, postgresql_where=is_open)
    op.create_index(op.f("ix_proposal_created_at"), "proposal", ["created_at"])


def _fill() -> None:
    incident = sa.table(
        "incident", sa.column("id", sa.String), sa.column("thread", sa.JSON), sa.column("thread_ts", sa.String)
    )
    change = sa.update(incident).where(incident.c.id == sa.bindparam("row_id")).values(thread_ts=sa.bindparam("ts"))
    after = ""
    while True:
        page = sa.select(incident.c.id, incident.c.thread).where(incident.c.id > after)
        rows = op.get_bind().execute(page.order_by(incident.c.id).limit(_PAGE)).all()
        if not rows:
            return
        placed = [{"row_id": row.id, "ts": row.thread["ts"]} for row in rows if row.thread]
        if placed:
            op.get_bind().execute(change, placed)
        after = rows[-1].id


def downgrade() -> None:
    op.drop_index(op.f("ix_proposal_created_at"), "proposal")
    op.drop_index("ix_incident_open", "incident")
    op.drop_index("ix_incident_thread", "incident")
    op.drop_column("incident", "thread_ts")
