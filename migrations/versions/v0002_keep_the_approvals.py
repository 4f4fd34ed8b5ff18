"""Keep every approval of a proposal: destructive actions need two."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    # The constant default lets both databases add the column in place, without touching the rows there are.
    op.add_column("proposal", sa.Column("approvals", sa.JSON(), nullable=False, server_default="[]"))


def downgrade() -> None:
    op.drop_column("proposal", "approvals")
