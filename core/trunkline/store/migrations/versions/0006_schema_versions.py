"""Versions of event types: the one that an event was validated by, and those that keys, subscriptions and replays read."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"

_READERS = ("api_keys", "subscriptions", "replays")


def upgrade() -> None:
    op.add_column("events", sa.Column("version", sa.SmallInteger()))
    for table in _READERS:
        op.add_column(table, sa.Column("pins", sa.Text()))


def downgrade() -> None:
    for table in reversed(_READERS):
        op.drop_column(table, "pins")
    op.drop_column("events", "version")
