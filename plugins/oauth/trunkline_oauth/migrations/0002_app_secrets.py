"""Apps: the secret before a rotation, and keys to sign with in place of a secret; assertions that were used."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    op.add_column("oauth_apps", sa.Column("old_secret_digest", sa.Text(), nullable=True))
    op.add_column("oauth_apps", sa.Column("old_secret_until_ms", sa.BigInteger(), nullable=True))
    op.add_column("oauth_apps", sa.Column("jwks", sa.Text(), nullable=True))
    op.add_column("oauth_apps", sa.Column("jwks_uri", sa.Text(), nullable=True))
    op.create_table(
        "oauth_assertions",
        sa.Column("digest", sa.Text(), nullable=False),
        sa.Column("expires_ms", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("digest"),
    )
    op.create_index("ix_oauth_assertions_expires", "oauth_assertions", ["expires_ms"], unique=False)


def downgrade() -> None:
    op.drop_table("oauth_assertions")
    for name in ("jwks_uri", "jwks", "old_secret_until_ms", "old_secret_digest"):
        op.drop_column("oauth_apps", name)
