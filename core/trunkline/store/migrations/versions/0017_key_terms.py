"""The terms of an API key: when it ends, and from which networks it may be used."""

import sqlalchemy as sa
from alembic import op

revision = "0017"
down_revision = "0016"


def upgrade() -> None:
    op.add_column("api_keys", sa.Column("expires_ms", sa.BigInteger()))
    op.add_column("api_keys", sa.Column("networks", sa.Text()))


def downgrade() -> None:
    op.drop_column("api_keys", "networks")
    op.drop_column("api_keys", "expires_ms")
