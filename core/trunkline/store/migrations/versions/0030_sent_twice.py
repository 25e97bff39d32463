"""Whether an attempt sent its request twice."""

import sqlalchemy as sa
from alembic import op

revision = "0030"
down_revision = "0029"


def upgrade() -> None:
    op.add_column("attempts", sa.Column("sent_twice", sa.Boolean()))


def downgrade() -> None:
    op.drop_column("attempts", "sent_twice")
