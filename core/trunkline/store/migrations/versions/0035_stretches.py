"""The stretch of the log (a skipped range) that the holder of a shard reads beside its live reader."""

import sqlalchemy as sa
from alembic import op

revision = "0035"
down_revision = "0034"


def upgrade() -> None:
    for table in ("shards", "shard_parts"):
        op.add_column(table, sa.Column("stretch_end", sa.BigInteger()))
        op.add_column(table, sa.Column("live_cursor", sa.BigInteger()))


def downgrade() -> None:
    # Nothing is lost: each shard continues from its cursor, and the ledger has the deliveries that the live reader made beyond it.
    for table in ("shard_parts", "shards"):
        op.drop_column(table, "live_cursor")
        op.drop_column(table, "stretch_end")
