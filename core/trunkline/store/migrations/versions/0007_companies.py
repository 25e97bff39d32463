"""What the hub knows of a company, and what tells whether the secrets of the settings are those of this database."""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    op.create_table(
        "companies",
        sa.Column("company_id", sa.BigInteger(), primary_key=True, autoincrement=False),
        sa.Column("limits", sa.Text(), nullable=False),
        sa.Column("created_ms", sa.BigInteger(), nullable=False),
        sa.Column("updated_ms", sa.BigInteger(), nullable=False),
    )
    op.create_table(
        "secret_checks",
        sa.Column("name", sa.String(40), primary_key=True),
        sa.Column("value", sa.LargeBinary(), nullable=False),
    )
    op.add_column("api_keys", sa.Column("pepper", sa.String(16)))


def downgrade() -> None:
    op.drop_column("api_keys", "pepper")
    op.drop_table("secret_checks")
    op.drop_table("companies")
