"""On SQLite, numbers of subscriptions that are never given again: they stand in the ids of deliveries."""

from alembic import op

revision = "0028"
down_revision = "0027"


def upgrade() -> None:
    if op.get_bind().dialect.name != "sqlite":
        return  # a sequence gives no number twice
    with op.batch_alter_table(
        "subscriptions", recreate="always", table_kwargs={"sqlite_autoincrement": True}
    ):
        pass


def downgrade() -> None:
    """Leave them: the columns are the same."""
