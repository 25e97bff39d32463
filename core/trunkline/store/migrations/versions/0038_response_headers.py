"""The headers of an answer that did not deliver."""

import sqlalchemy as sa
from alembic import op

revision = "0038"
down_revision = "0037"


def upgrade() -> None:
    op.add_column("attempts", sa.Column("response_headers", sa.Text()))


def downgrade() -> None:
    # Attempts lose only these headers.
    op.drop_column("attempts", "response_headers")
