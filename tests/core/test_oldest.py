"""Versions older than those in ``trunkline.oldest`` are refused with one sentence and exit code 2, before anything is made."""

import ast
import asyncio
import re
import sys
from pathlib import Path

import asyncpg
import pytest
from tests.silent_proxy import silent_proxy

import trunkline
from trunkline import oldest
from trunkline.errors import DatabaseTooOld
from trunkline.store.dialects.sqlite import SQLite

PACKAGE = Path(trunkline.__file__).parent
RUN = "from trunkline.cli import main; main()"
BEFORE = (3, 34, 1)


async def run(code: str, *arguments: str, folder: Path, **environment: str) -> tuple[int | None, str]:
    """Run *code* as a process in *folder*; return its exit code and its standard error."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", code, *arguments, cwd=folder, env=environment | {"TRUNKLINE_PLUGINS__ENABLED": "webhooks"},
        stdout=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    _, errors = await process.communicate()
    return process.returncode, errors.decode()


async def test_an_older_python_is_refused_before_a_command_is_loaded(tmp_path):
    older = "import sys; sys.version_info = (3, 10, 14); sys.modules['typer'] = None; "
    assert await run(older + RUN, "serve", folder=tmp_path) == (
        2,
        "This is Python 3.10.14, and trunkline needs 3.11 or newer: make its virtual environment with a newer Python.\n",
    )


@pytest.mark.parametrize("module", ["__init__.py", "oldest.py", "cli/__init__.py"])
def test_an_older_python_can_read_what_refuses_it(module):
    ast.parse((PACKAGE / module).read_text(), feature_version=(3, 8))


@pytest.mark.slow
async def test_an_older_sqlite_is_refused_and_nothing_is_made(tmp_path):
    older = f"import sqlite3; sqlite3.sqlite_version_info = {BEFORE}; "
    code, said = await run(older + RUN, "serve", "--port", "0", folder=tmp_path)
    assert (code, said.count("\n")) == (2, 1), said
    version = "version 3.34.1, and trunkline needs 3.35.2 or newer: "
    assert said.startswith(f"The SQLite of this Python has {version}")
    assert list(tmp_path.iterdir()) == []


def test_the_oldest_sqlite_is_taken_and_the_one_before_is_not():
    url = "sqlite:///hub.db"
    assert SQLite(library=oldest.SQLITE).file_of(url) == Path("hub.db")
    with pytest.raises(DatabaseTooOld):
        SQLite(library=BEFORE).file_of(url)


def as_version_14(data: bytes) -> bytes:
    """Change the version that a server sends at the login."""
    return re.sub(rb"server_version\0\d\d", b"server_version\x0014", data)


async def test_an_older_postgresql_is_refused_and_nothing_is_made(postgres_server, tmp_path):
    name = await postgres_server.create()
    try:
        async with silent_proxy(postgres_server.url_of(name), alter=as_version_14) as proxy:
            code, said = await run(RUN, "migrate", folder=tmp_path, TRUNKLINE_DATABASE__URL=proxy.url)
        assert (code, said.count("\n")) == (2, 1), said
        version = r"version 14\.\d+, and trunkline needs 15 or newer: "
        assert re.match(rf"The PostgreSQL server at 127\.0\.0\.1:\d+ has {version}", said)
        assert list(tmp_path.iterdir()) == []
        connection = await asyncpg.connect(postgres_server.url_of(name))
        assert await connection.fetch("SELECT tablename FROM pg_tables WHERE schemaname = 'public'") == []
        await connection.close()
    finally:
        await postgres_server.drop(name)
