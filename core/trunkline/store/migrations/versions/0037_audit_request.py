"""The request of each entry of the audit log."""

import sqlalchemy as sa
from alembic import op

revision = "0037"
down_revision = "0036"


def upgrade() -> None:
    op.add_column("audit", sa.Column("request_id", sa.String(64)))
    known = sa.text("request_id IS NOT NULL")
    op.create_index("ix_audit_request", "audit", ["request_id"], sqlite_where=known, postgresql_where=known)


def downgrade() -> None:
    # The hashes of entries that have a request no longer match.
    op.drop_index("ix_audit_request", "audit")
    op.drop_column("audit", "request_id")
