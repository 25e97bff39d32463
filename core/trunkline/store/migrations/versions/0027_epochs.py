"""What keeps ids from being given twice: the server's timeline, a floor for companies, numbers that SQLite never reuses."""

import sqlalchemy as sa
from alembic import op

revision = "0027"
down_revision = "0026"


def upgrade() -> None:
    op.add_column("stream_head", sa.Column("timeline", sa.String(8)))
    op.add_column(
        "stream_head",
        sa.Column("companies_after", sa.BigInteger(), nullable=False, server_default=sa.text("0")),
    )
    if op.get_bind().dialect.name == "sqlite":
        with op.batch_alter_table(
            "subscriptions", recreate="always", table_kwargs={"sqlite_autoincrement": True}
        ):
            pass


def downgrade() -> None:
    op.drop_column("stream_head", "companies_after")
    op.drop_column("stream_head", "timeline")
