"""The trace context in which an event was accepted."""

import sqlalchemy as sa
from alembic import op

revision = "0036"
down_revision = "0035"


def upgrade() -> None:
    op.add_column("events", sa.Column("traceparent", sa.String(55)))


def downgrade() -> None:
    # Events lose only their trace contexts.
    op.drop_column("events", "traceparent")
