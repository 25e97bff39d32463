"""The next version: a copy of this one with a later, slow migration of the most written tables."""

import shutil
from pathlib import Path

import trunkline
from trunkline.version import __version__

NEXT = f"{__version__}+next"
_MIGRATION = """
import sqlalchemy as sa
from alembic import op

revision = "{revision}"
down_revision = "{newest}"


def upgrade() -> None:
    op.create_table("additions", sa.Column("id", sa.BigInteger(), primary_key=True))
    for name in ("events", "deliveries", "attempts", "subscriptions", "shards", "workers"):
        op.add_column(name, sa.Column("added", sa.String(20), server_default="something"))
    op.create_index("ix_deliveries_added", "deliveries", ["added", "position"])
    if op.get_bind().dialect.name == "postgresql":
        op.execute("SELECT pg_sleep(2)")
"""


def make(folder: Path) -> tuple[dict[str, str], str]:
    """Make the next version in *folder*; return the environment for its processes, and the revision of its database."""
    package = folder / "next" / "trunkline"
    shutil.copytree(Path(trunkline.__file__).parent, package)
    (package / "version.py").write_text(f'"""The next version."""\n\n__version__ = "{NEXT}"\n')
    versions = package / "store" / "migrations" / "versions"
    newest = max(file.name[:4] for file in versions.glob("[0-9]*.py"))
    revision = f"{int(newest) + 1:04}"
    (versions / f"{revision}_next.py").write_text(_MIGRATION.format(revision=revision, newest=newest))
    return {"PYTHONPATH": str(package.parent)}, revision
