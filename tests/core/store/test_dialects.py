"""The differences between the databases: each is in one module, and every dialect defines each."""

import re
from pathlib import Path

import pytest
from sqlalchemy import LargeBinary

import trunkline
from trunkline.store import dialects

CORE = Path(trunkline.__file__).parent
SQLITE, POSTGRESQL = dialects.DIALECTS["sqlite"], dialects.DIALECTS["postgresql"]
ASKS_WHICH_IT_IS = re.compile(r"dialect\.name|get_backend_name|is_sqlite|sqlite_where|postgresql_where")
MAY_ASK = {"store/dialects/__init__.py"}


def test_no_other_module_of_the_kernel_asks_which_database_it_is():
    asking = {
        file.relative_to(CORE).as_posix()
        for file in CORE.rglob("*.py")
        if "migrations" not in file.parts and ASKS_WHICH_IT_IS.search(file.read_text())
    }
    assert asking == MAY_ASK


@pytest.mark.parametrize(
    ("url", "dialect"),
    [
        ("sqlite:///hub.db", SQLITE),
        ("postgresql://host/name", POSTGRESQL),
        ("postgresql+psycopg://host/name", POSTGRESQL),
        ("cockroachdb://host/name", POSTGRESQL),
    ],
)
def test_a_url_names_its_dialect(url, dialect):
    assert dialects.of_url(url) is dialect


def test_rows_are_locked_where_there_are_several_writers():
    assert POSTGRESQL.lock_rows("UPDATE") == "FOR UPDATE"
    assert POSTGRESQL.lock_rows("UPDATE", of="d", skip=True) == "FOR UPDATE OF d SKIP LOCKED"
    assert POSTGRESQL.lock_rows("SHARE") == "FOR SHARE"
    assert SQLITE.lock_rows("UPDATE", of="d", skip=True) == ""


def test_postgresql_prepares_one_statement_for_any_number_of_values():
    assert POSTGRESQL.one_of("digest", "digests", LargeBinary)[0] == "digest = ANY(:digests)"
    assert SQLITE.one_of("digest", "digests", LargeBinary)[0] == "digest IN :digests"
