"""A table with a constraint and an index."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    op.create_table(
        "later_notes",
        sa.Column("id", sa.BigInteger(), primary_key=True, autoincrement=False),
        sa.Column("position", sa.BigInteger(), sa.ForeignKey("events.position"), nullable=False),
    )
    op.create_index("ix_later_notes_position", "later_notes", ["position"], unique=False)


def downgrade() -> None:
    raise NotImplementedError
