"""The table of the mails that were sent."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None


def upgrade() -> None:
    op.create_table(
        "alerts_mails",
        sa.Column("message_id", sa.Text(), nullable=False),
        sa.Column("sent_ms", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("message_id"),
    )
    op.create_index("ix_alerts_mails_sent", "alerts_mails", ["sent_ms"], unique=False)


def downgrade() -> None:
    op.drop_table("alerts_mails")
