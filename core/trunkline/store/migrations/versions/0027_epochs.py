"""No id is given twice: the columns for the server's timeline, and for a floor under the ids of companies."""

import sqlalchemy as sa
from alembic import op

revision = "0027"
down_revision = "0026"


def upgrade() -> None:
    op.add_column("stream_head", sa.Column("timeline", sa.String(8)))
    op.add_column(
        "stream_head",
        sa.Column("companies_after", sa.BigInteger(), nullable=False, server_default=sa.text("0")),
    )


def downgrade() -> None:
    op.drop_column("stream_head", "companies_after")
    op.drop_column("stream_head", "timeline")
