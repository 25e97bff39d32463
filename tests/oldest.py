"""Runs tests on the oldest SQLite or PostgreSQL: ``pytest -p tests.oldest --oldest postgresql`` (``make oldest``).

The process must be started with the oldest SQLite library; PostgreSQL comes from Debian's package and is started for the run.
"""

import contextlib
import os
import sqlite3
from pathlib import Path

import pytest
from tests.postgres_servers import prepared_postgres

from trunkline import oldest
from trunkline_kit.databases import POSTGRES_VARIABLE

PROGRAMS = Path(f"/usr/lib/postgresql/{oldest.POSTGRESQL}/bin")


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the option for the oldest database."""
    parser.addoption("--oldest", choices=["sqlite", "postgresql"], required=True)


def pytest_configure(config: pytest.Config) -> None:
    """Check SQLite's version, or start PostgreSQL for all workers."""
    if config.option.oldest == "sqlite":
        if sqlite3.sqlite_version_info != oldest.SQLITE:
            msg = f"This process has SQLite {sqlite3.sqlite_version}, not {oldest.version(oldest.SQLITE)}."
            raise pytest.UsageError(msg)
    elif not hasattr(config, "workerinput"):
        if not PROGRAMS.exists():
            msg = f"There is no {PROGRAMS}: install the package 'postgresql-{oldest.POSTGRESQL}' (Debian 12 has it)."
            raise pytest.UsageError(msg)
        stack = contextlib.ExitStack()
        server = stack.enter_context(prepared_postgres(PROGRAMS))
        config.add_cleanup(stack.close)
        server.initialise()
        server.start()
        os.environ[POSTGRES_VARIABLE] = server.url()


def pytest_report_header(config: pytest.Config) -> str:
    return f"SQLite {sqlite3.sqlite_version}, PostgreSQL at {os.environ.get(POSTGRES_VARIABLE, 'its newest')}"
