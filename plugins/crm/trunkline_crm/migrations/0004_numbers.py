"""On SQLite, ids of records that are never given again, not even those of records that were removed."""

from alembic import op

revision = "0004"
down_revision = "0003"

TABLES = ("crm_affiliates", "crm_employees", "crm_clients", "crm_notes")


def upgrade() -> None:
    if op.get_bind().dialect.name != "sqlite":
        return  # a sequence gives no number twice
    for table in TABLES:
        with op.batch_alter_table(table, recreate="always", table_kwargs={"sqlite_autoincrement": True}):
            pass


def downgrade() -> None:
    """Leave them: they have the same columns."""
