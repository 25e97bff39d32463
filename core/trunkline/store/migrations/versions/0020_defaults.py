"""How the targets of a company are treated where their subscriptions do not say."""

import sqlalchemy as sa
from alembic import op

revision = "0020"
down_revision = "0019"


def upgrade() -> None:
    op.add_column("companies", sa.Column("delivery", sa.JSON()))
    op.add_column("subscriptions", sa.Column("defaults", sa.JSON()))


def downgrade() -> None:
    op.drop_column("subscriptions", "defaults")
    op.drop_column("companies", "delivery")
