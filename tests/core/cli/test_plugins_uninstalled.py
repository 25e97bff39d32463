"""A plugin with tables is uninstalled and installed again: migrating and serving work throughout, and its rows are kept."""

import asyncio
import json
import shutil
from pathlib import Path

import httpx2
import pytest
from sqlalchemy import text
from tests.answers import json_of
from tests.core.cli.conftest import SECRETS, write_metadata

from trunkline.store.engines import EngineDatabase
from trunkline_kit.suites.suite import BUILT_INS

pytestmark = [pytest.mark.slow, pytest.mark.timeout(240)]

PLUGIN = """
from trunkline import Channel, EventType, Migrations, Outcome, Result, deliver_by_http, hookimpl


@hookimpl
def register_migrations():
    return [Migrations("acme_aviary:migrations")]


@hookimpl
def register_channels():
    return [Channel("aviary", "Aviary", "By pigeon.", deliver_by_http)]
"""
FIRST = """
import sqlalchemy as sa
from alembic import op

revision = "a1"
down_revision = None


def upgrade():
    op.create_table("aviary_birds", sa.Column("name", sa.String(40), primary_key=True))
"""
SECOND = """
import sqlalchemy as sa
from alembic import op

revision = "a2"
down_revision = "a1"


def upgrade():
    op.add_column("aviary_birds", sa.Column("color", sa.String(20), server_default="grey"))
"""


class Site:
    """A folder where the plugin is installed and uninstalled."""

    def __init__(self, folder: Path):
        self.folder = folder

    def install(self, version: str, *revisions: str) -> None:
        self.uninstall()
        package = self.folder / "acme_aviary"
        (package / "migrations").mkdir(parents=True)
        (package / "__init__.py").write_text(PLUGIN)
        for number, source in enumerate(revisions, 1):
            (package / "migrations" / f"a{number}.py").write_text(source)
        write_metadata(self.folder, "aviary", version=version)

    def uninstall(self) -> None:
        shutil.rmtree(self.folder, ignore_errors=True)
        self.folder.mkdir()


@pytest.fixture
def site(tmp_path):
    return Site(tmp_path / "site")


@pytest.fixture
def hub(cli, site, empty_database_url):
    """Give the command line on a new database, with the site on its path and no other plugin, so that it starts fast."""
    return cli.changed(
        **SECRETS,
        TRUNKLINE_DATABASE__URL=empty_database_url,
        TRUNKLINE_PLUGINS__DISABLED=",".join(BUILT_INS),
        PYTHONPATH=str(site.folder),
    )


def migrate(hub):
    done = hub.run("migrate")
    assert done.returncode == 0, done.stderr
    return done.stdout


async def query(url, statement, *, writes=False):
    async with EngineDatabase(url) as database, database.write() if writes else database.read() as connection:
        result = await connection.execute(text(statement))
        return [] if writes else [tuple(row) for row in result]


def serves(hub, key):
    """Serve, accept an event, and stop; return the event's id and the process's log."""
    with hub.serving() as (process, url):
        with httpx2.Client(base_url=url, headers={"X-Api-Key": key}, timeout=60) as client:
            assert client.get("/readyz").status_code == 200
            answer = json_of(client.post("/api/v1/events/test", json={"type": "lead.created"}), 201)
        assert process.stop() == 0
        return answer["id"], process.errors.read_text()


async def test_a_plugin_with_tables_may_be_uninstalled_and_come_back(hub, site, empty_database_url):
    url = empty_database_url
    site.install("1.0", FIRST)
    assert "aviary: nothing → a1" in migrate(hub).splitlines()
    await query(url, "INSERT INTO aviary_birds (name) VALUES ('Ada')", writes=True)
    key = await asyncio.to_thread(hub.create_key)
    serves(hub, key)

    site.uninstall()
    assert migrate(hub) == "The database is up to date; nothing was to be done.\n"
    assert await query(url, "SELECT name FROM aviary_birds") == [("Ada",)]
    before, log = serves(hub, key)
    assert "Traceback" not in log
    assert "aviary" not in hub.run("plugins").stdout

    site.install("2.0", FIRST, SECOND)
    assert migrate(hub) == "aviary: a1 → a2\n"
    assert await query(url, "SELECT name, color FROM aviary_birds") == [("Ada", "grey")]
    after, log = serves(hub, key)
    assert after > before
    assert "Traceback" not in log
    plugin = json.loads(hub.run("plugins", "show", "aviary", "--json").stdout)
    assert (plugin["state"], plugin["version"], plugin["migrations"][0]["head"]) == ("active", "2.0", "a2")


async def test_serving_brings_a_plugin_that_came_back_up_to_date_by_itself(hub, site, empty_database_url):
    site.install("1.0", FIRST)
    migrate(hub)
    key = await asyncio.to_thread(hub.create_key)
    site.uninstall()
    serves(hub, key)
    site.install("2.0", FIRST, SECOND)
    serves(hub, key)
    assert await query(empty_database_url, "SELECT name, color FROM aviary_birds") == []


async def test_an_older_version_may_come_back_on_tables_of_a_newer_one(hub, site, empty_database_url):
    site.install("2.0", FIRST, SECOND)
    migrate(hub)
    key = await asyncio.to_thread(hub.create_key)
    site.uninstall()
    migrate(hub)
    site.install("1.0", FIRST)
    assert migrate(hub) == "The database is up to date; nothing was to be done.\n"
    _, log = serves(hub, key)
    assert "a later version has migrated the database (aviary a2)" in log
    assert await query(empty_database_url, "SELECT name, color FROM aviary_birds") == []
