"""Users of an issuer by their company, as they go with it."""

from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    op.create_index("ix_mcp_users_company", "mcp_users", ["company_id"], unique=False)


def downgrade() -> None:
    op.drop_index("ix_mcp_users_company", table_name="mcp_users")
