"""The how-to's roles on PostgreSQL suffice: one owns a schema, the other only reads and writes its rows."""

import asyncio
import json
import re
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import asyncpg
import pytest
from sqlalchemy.engine import make_url
from tests.answers import json_of
from tests.core.cli.conftest import SECRETS, CommandLine

import trunkline
from trunkline import settings
from trunkline.cli import opening
from trunkline.cli.processes import migrate_database
from trunkline.errors import DatabaseUnfit
from trunkline.hub.hub import Hub
from trunkline_kit.databases import PostgresServer

HOW_TO = Path(trunkline.__file__).parents[2] / "docs" / "how-to" / "run-on-postgresql.md"


@dataclass(frozen=True, slots=True)
class Roles:
    """A database with the roles of the how-to."""

    url: str
    name: str

    def of(self, role: str) -> str:
        own = role.replace("trunkline", self.name)
        return make_url(self.url).set(username=own).render_as_string(hide_password=False)

    async def fetch(self, statement: str, *parameters: object) -> list[asyncpg.Record]:
        connection = await asyncpg.connect(self.url)
        try:
            return await connection.fetch(statement, *parameters)
        finally:
            await connection.close()

    async def execute(self, statements: str) -> None:
        connection = await asyncpg.connect(self.url)
        try:
            await connection.execute(statements)
        finally:
            await connection.close()


@pytest.fixture
async def roles(postgres_server: PostgresServer) -> AsyncIterator[Roles]:
    name = await postgres_server.create()
    made = Roles(postgres_server.url_of(name), name)
    (block,) = re.findall(r"```sql\n(CREATE ROLE.*?)```", HOW_TO.read_text(), re.DOTALL)
    try:
        await made.execute(re.sub(r"trunkline_(owner|app)", rf"{name}_\1", block))
        yield made
    finally:
        await postgres_server.drop(name)
        await postgres_server.execute(f"DROP ROLE IF EXISTS {name}_owner")
        await postgres_server.execute(f"DROP ROLE IF EXISTS {name}_app")


def deployment(url: str, schema: str | None) -> settings.Settings:
    where = {"TRUNKLINE_DATABASE__URL": url} | ({"TRUNKLINE_DATABASE__SCHEMA": schema} if schema else {})
    return settings.load(environment=SECRETS | where)


async def test_the_owner_migrates_and_a_role_with_rows_alone_runs_the_hub(roles, make_hub, receiver):
    owner = roles.of("trunkline_owner")
    assert "core: nothing" in "\n".join(await migrate_database(deployment(owner, "trunkline")))
    hub = await make_hub(roles.of("trunkline_app"), {"database.schema": "trunkline"})

    made = await hub.subscribe(f"{receiver.url}/h")
    lead = {"first_name": "Jane", "last_name": "Doe", "email": "jane@example.com"}
    assert (await hub.client.post("/api/v1/integrations/leads", json=lead)).status_code == 201
    assert [json.loads(push.body)["type"] for push in await receiver.wait_for(1)] == ["lead.created"]
    assert (await hub.client.delete(f"/api/v1/webhooks/subscriptions/{made['id']}")).status_code == 204
    await hub.hub.retention.run_once()

    assert not await tables_in(roles, "public")
    assert "events" in await tables_in(roles, "trunkline")


async def test_what_only_the_owner_may_do_is_refused_with_both_roles(roles, tmp_path):
    await migrate_database(deployment(roles.of("trunkline_owner"), "trunkline"))
    url = {"TRUNKLINE_DATABASE__URL": roles.of("trunkline_app"), "TRUNKLINE_DATABASE__SCHEMA": "trunkline"}
    told = await asyncio.to_thread(CommandLine(tmp_path, url).refused, "log", "advance")
    assert re.fullmatch(
        f"The database's role '{roles.name}_app' may not change the schema 'trunkline' of the database '{roles.name}' "
        r"\(permission denied for sequence .*\): run the command as the role that owns it\.\n",
        told,
    )


async def tables_in(roles: Roles, schema: str) -> set[str]:
    found = await roles.fetch("SELECT tablename FROM pg_tables WHERE schemaname = $1", schema)
    return {row["tablename"] for row in found}


async def test_two_hubs_share_a_database_in_schemas_of_their_own(roles, make_hub):
    await roles.execute(f"GRANT CREATE ON DATABASE {roles.name} TO {roles.name}_owner")
    owner = roles.of("trunkline_owner")
    first = await make_hub(owner, {"database.schema": "trunkline"}, dispatch=False)
    second = await make_hub(owner, {"database.schema": "other"}, dispatch=False)
    await first.emit("lead.created")
    assert (await first.client.get("/api/v1/events")).json()["events"]
    assert not (await second.client.get("/api/v1/events")).json()["events"]


@pytest.mark.parametrize(
    ("schema", "what"),
    [
        (None, r"'public' of the database '\w+' \(permission denied for schema public\)"),
        ("made_up", r"'made_up' \(permission denied for database \w+\)"),
    ],
)
async def test_a_role_that_may_make_no_tables_is_told_so_in_a_sentence(roles, schema, what):
    sentence = rf"role '\w+_app' may not change the schema {what}"
    with pytest.raises(DatabaseUnfit, match=sentence) as caught:
        await migrate_database(deployment(roles.of("trunkline_app"), schema))
    assert "\n" not in str(caught.value)


async def test_a_table_of_another_product_is_named_and_left_alone(roles):
    await roles.execute("CREATE TABLE public.events (id int)")
    with pytest.raises(DatabaseUnfit, match="a table 'events' in the schema 'public' of the database"):
        await migrate_database(deployment(roles.url, None))
    assert await tables_in(roles, "public") == {"events"}


READS = """
GRANT USAGE ON SCHEMA trunkline TO {role};
REVOKE INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA trunkline FROM {role};
"""


@pytest.fixture
async def reader(roles: Roles) -> settings.Settings:
    """Give the settings of a role that may only read the owner's tables."""
    await migrate_database(deployment(roles.of("trunkline_owner"), "trunkline"))
    async with Hub(deployment(roles.of("trunkline_app"), "trunkline"), dispatch=False, serves=False):
        pass  # the first start writes check values of the secrets
    await roles.execute(READS.format(role=f"{roles.name}_app"))
    return deployment(roles.of("trunkline_app"), "trunkline")


READ_ONLY = (
    r"^The database's role '{role}' is read-only \(no INSERT, UPDATE, DELETE on '\w+' and \d+ more in the schema 'trunkline'\): "
    r"run 'GRANT INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA trunkline TO {role}' as the owner of the tables, .*\.$"
)


async def test_a_hub_does_not_start_with_a_role_that_may_only_read_and_says_what_to_grant(roles, reader):
    sentence = READ_ONLY.format(role=f"{roles.name}_app")
    for hub in (Hub(reader, dispatch=False), Hub(reader, migrates=False, serves=False)):
        with pytest.raises(DatabaseUnfit, match=sentence):
            async with hub:
                pass


async def test_a_command_that_reads_works_with_such_a_role_and_one_that_writes_names_it(roles, reader):
    async with opening.opened(reader) as hub:
        assert await hub.keys.list(None) == []
    with pytest.raises(DatabaseUnfit, match=READ_ONLY.format(role=f"{roles.name}_app")):
        async with opening.opened(reader) as hub:
            await hub.keys.create(92, name="n", scopes=["admin"])


async def test_sessions_that_are_read_only_are_named_where_the_hub_starts_and_where_it_migrates(roles):
    role = f"{roles.name}_owner"
    owner = deployment(roles.of("trunkline_owner"), "trunkline")
    read_only = f"ALTER ROLE {role} SET default_transaction_read_only"
    await roles.execute(f"{read_only} = on")
    sentence = f"^The database's role '{role}' is read-only here, as default_transaction_read_only is on: run 'ALTER ROLE"
    with pytest.raises(DatabaseUnfit, match=sentence):
        await migrate_database(owner)
    await roles.execute(f"{read_only} = off")
    await migrate_database(owner)
    await roles.execute(f"{read_only} = on")
    with pytest.raises(DatabaseUnfit, match=sentence):
        async with Hub(owner, dispatch=False):
            pass


async def test_a_hub_that_may_only_read_from_now_on_says_so_in_readyz(roles, make_hub):
    await migrate_database(deployment(roles.of("trunkline_owner"), "trunkline"))
    hub = await make_hub(roles.of("trunkline_app"), {"database.schema": "trunkline"}, dispatch=False)
    assert (await hub.anonymous.get("/readyz")).status_code == 200
    await roles.execute(READS.format(role=f"{roles.name}_app"))
    ready = json_of(await hub.anonymous.get("/readyz"), 503)
    assert f"takes no writes: the database's role '{roles.name}_app' is read-only (" in ready["database"]
