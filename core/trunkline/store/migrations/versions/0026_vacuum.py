"""On PostgreSQL the ledger is vacuumed and analyzed for each hundredth of it, not for each fifth and tenth."""

from alembic import op

revision = "0026"
down_revision = "0025"

_NAMES = ("autovacuum_vacuum_scale_factor", "autovacuum_analyze_scale_factor")


def upgrade() -> None:
    if op.get_bind().dialect.name == "postgresql":
        op.execute(f"ALTER TABLE deliveries SET ({', '.join(f'{name} = 0.01' for name in _NAMES)})")


def downgrade() -> None:
    if op.get_bind().dialect.name == "postgresql":
        op.execute(f"ALTER TABLE deliveries RESET ({', '.join(_NAMES)})")
