"""What a cancelled replay takes back: the state that a delivery had before, and which replays still do so."""

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"

_WITHDRAWING = sa.text("withdrawing IS NOT NULL")


def upgrade() -> None:
    op.add_column("deliveries", sa.Column("status_before", sa.String(12)))
    op.add_column("replays", sa.Column("withdrawing", sa.SmallInteger()))
    op.create_index(
        "ix_replays_withdrawing",
        "replays",
        ["no"],
        unique=False,
        postgresql_where=_WITHDRAWING,
        sqlite_where=_WITHDRAWING,
    )


def downgrade() -> None:
    op.drop_index("ix_replays_withdrawing", table_name="replays")
    op.drop_column("replays", "withdrawing")
    op.drop_column("deliveries", "status_before")
