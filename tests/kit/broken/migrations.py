"""A plugin with one defect for each check of MigrationsConformance."""

import sqlalchemy as sa
from tests.kit.broken.breaking import Broken, breaks

from trunkline_kit import Source

TEXT = '''
"""Ledger: a plugin with tables."""

from trunkline import Migrations, hookimpl


@hookimpl
def register_migrations():
    return [Migrations("ledger:migrations")]
'''

FIRST = '''
"""The first table."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None


def upgrade():
    op.create_table(
        "ledger_accounts",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), sa.Identity(), primary_key=True),
        sa.Column("name", sa.Text(), nullable=False),
    )
    op.create_index("ix_ledger_accounts_name", "ledger_accounts", ["name"])


def downgrade():
    op.drop_table("ledger_accounts")
'''

SECOND = '''
"""Entries."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade():
    op.create_table(
        "ledger_entries",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), sa.Identity(), primary_key=True),
        sa.Column("account_id", sa.BigInteger(), sa.ForeignKey("ledger_accounts.id"), nullable=False),
        sa.Column("amount", sa.Integer(), nullable=False),
    )


def downgrade():
    op.drop_table("ledger_entries")
'''


def metadata() -> sa.MetaData:
    """Give the tables as the plugin's code would declare them."""
    declared = sa.MetaData()
    number = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
    sa.Table(
        "ledger_accounts",
        declared,
        sa.Column("id", number, sa.Identity(), primary_key=True),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Index("ix_ledger_accounts_name", "name"),
    )
    sa.Table(
        "ledger_entries",
        declared,
        sa.Column("id", number, sa.Identity(), primary_key=True),
        sa.Column("account_id", sa.BigInteger(), sa.ForeignKey("ledger_accounts.id"), nullable=False),
        sa.Column("amount", sa.Integer(), nullable=False),
    )
    return declared


def ledger(
    *changes: tuple[str, str], text: str = TEXT, more: dict[str, str] | None = None, **attributes
) -> Broken:
    """Build the plugin with *changes* to its revisions (old and new parts)."""
    files = {"migrations/0001_first.py": FIRST, "migrations/0002_entries.py": SECOND, **(more or {})}
    for part, replacement in changes:
        (path,) = [path for path, content in files.items() if part in content]
        assert files[path].count(part) == 1, part
        files[path] = files[path].replace(part, replacement)
    return Broken(Source("ledger", text, files=files), {"metadata": metadata(), **attributes})


UP = 'def upgrade():\n    op.create_table(\n        "ledger_entries"'
DOWN = '    op.drop_table("ledger_entries")\n'


def _after(statement: str) -> tuple[str, str]:
    """Add *statement* to the end of the second revision."""
    part = "\n\ndef downgrade():\n" + DOWN
    return part, f"    {statement}\n{part}"


build_with_two_heads = ledger(more={"migrations/0003_other.py": SECOND.replace('"0002"', '"0003"')}).breaks(
    "migrations.are-one-line"
)

build_that_breaks = ledger(_after('op.execute("SELECT * FROM no_such_table")')).breaks(
    "migrations.go-up-on-an-empty-database"
)

build_with_a_common_name = ledger(
    _after('op.create_table("entries", sa.Column("id", sa.Integer(), primary_key=True))')
).breaks("migrations.tables-carry-the-name")

build_with_a_common_index = ledger(
    _after('op.create_index("ix_amount", "ledger_entries", ["amount"])')
).breaks("migrations.indexes-carry-the-name")

build_that_alters_the_hub = ledger(_after('op.add_column("events", sa.Column("ledger", sa.Text()))')).breaks(
    "migrations.leave-the-hub-alone"
)

build_that_leaves_a_table = ledger(
    (DOWN, "    pass\n"), ('    op.drop_table("ledger_accounts")\n', "    pass\n")
).breaks("migrations.go-down-to-nothing")

build_that_goes_up_once = ledger((DOWN, "    pass\n")).breaks("migrations.go-up-again")

build_that_goes_back_too_far = ledger(
    (DOWN, DOWN + '    op.drop_index("ix_ledger_accounts_name", "ledger_accounts")\n'),
    ('    op.drop_table("ledger_accounts")\n', '    op.drop_table("ledger_accounts")\n'),
).breaks("migrations.each-step-goes-back")

build_that_loses_rows = ledger(_after('op.execute("DELETE FROM ledger_accounts")')).breaks(
    "migrations.keep-what-is-there"
)


@breaks("migrations.make-what-the-code-declares")
def build_that_declares_more():
    declared = metadata()
    declared.tables["ledger_entries"].append_column(sa.Column("note", sa.Text()))
    return ledger(metadata=declared)


build_for_one_engine = ledger(
    _after(
        'if op.get_bind().dialect.name == "sqlite": op.add_column("ledger_entries", sa.Column("note", sa.Text()))'
    )
).breaks("migrations.agree-on-both-engines")

build_for_empty_hubs_only = ledger(_after("op.execute(\"UPDATE events SET body = 'x'\")")).breaks(
    "migrations.go-up-on-a-used-database"
)

build_that_touches_the_history = ledger(
    _after("op.execute(\"UPDATE alembic_version_core SET version_num = '0001'\")")
).breaks("migrations.have-their-own-history")

build_that_commits = ledger(
    _after('op.get_bind().exec_driver_sql("COMMIT"); import time; time.sleep(1)')
).breaks("migrations.run-once-when-two-start")

build_that_commits_half_way = ledger(_after('op.get_bind().exec_driver_sql("COMMIT")')).breaks(
    "migrations.survive-a-crash"
)


LIFESPAN = """
import contextlib, sqlalchemy


@hookimpl
@contextlib.asynccontextmanager
async def lifespan(context):
    async with context.database.{access}() as connection:
        await connection.execute(sqlalchemy.text("{statement}"))
    yield
"""

build_that_starts_anew = ledger(
    text=TEXT + LIFESPAN.format(access="write", statement="DELETE FROM ledger_entries")
).breaks("migrations.survive-uninstalling")

build_that_fails_on_one_engine = ledger(
    text=TEXT + LIFESPAN.format(access="read", statement="SELECT name FROM sqlite_master")
).breaks("migrations.work-on-both-engines")

build_that_writes_a_file = ledger(_after("import os, tempfile; os.close(tempfile.mkstemp()[0])")).breaks(
    "migrations.only-change-tables"
)
