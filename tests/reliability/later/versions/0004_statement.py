"""A statement that no step describes."""

from alembic import op

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    if op.get_bind().dialect.name == "postgresql":
        op.execute("ALTER TABLE deliveries SET (autovacuum_vacuum_threshold = 100)")


def downgrade() -> None:
    raise NotImplementedError
