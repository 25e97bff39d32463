"""Parts of the shards that are divided among workers."""

import sqlalchemy as sa
from alembic import op

revision = "0025"
down_revision = "0024"


def upgrade() -> None:
    op.create_table(
        "shard_parts",
        sa.Column("shard", sa.SmallInteger(), primary_key=True, autoincrement=False),
        sa.Column("part", sa.SmallInteger(), primary_key=True, autoincrement=False),
        sa.Column("cursor", sa.BigInteger(), nullable=False),
        sa.Column("holder", sa.String(40)),
        sa.Column("epoch", sa.BigInteger(), nullable=False),
        sa.Column("lease_until_ms", sa.BigInteger(), nullable=False),
    )


def downgrade() -> None:
    # Each shard goes on whole from where the last of its parts is: what the others have made is in the ledger.
    op.execute(
        "UPDATE shards SET holder = NULL, lease_until_ms = 0, epoch = epoch + 1, "
        "cursor = (SELECT min(p.cursor) FROM shard_parts AS p WHERE p.shard = shards.shard) "
        "WHERE shard IN (SELECT shard FROM shard_parts)"
    )
    op.drop_table("shard_parts")
