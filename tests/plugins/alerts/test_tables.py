"""The plugin's tables: the migrated tables, and the rows that are removed with an erased company."""

from functools import partial

from sqlalchemy import inspect
from tests.statements import count
from tests.waiting import until

from trunkline_alerts import told


async def test_the_tables_are_what_the_migrations_make(running):
    def columns(connection) -> dict[str, set[str]]:
        inspector = inspect(connection)
        return {name: {each["name"] for each in inspector.get_columns(name)} for name in told.metadata.tables}

    async with running.hub.engines.read() as connection:
        made = await connection.run_sync(columns)
    assert made == {name: set(table.c.keys()) for name, table in told.metadata.tables.items()}
    assert len(made) == 3


async def is_without(database, rows: str) -> bool:
    return await count(database, rows) == 0


async def test_what_a_company_chose_and_was_told_goes_with_it(running):
    number = running.company_id
    assert (await running.operator.patch(f"/api/v1/companies/{number}", json={"name": "A"})).is_success
    async with running.hub.engines.write() as connection:
        await told.choose_digest(connection, number, day=1)
        matter = told.Told(7, is_over=False, told_ms=1)
        await told.note(connection, "sub_1", "sub_2", matter, company_id=number)
    assert (await running.operator.delete(f"/api/v1/companies/{number}")).status_code == 202
    for table in ("alerts_digests", "alerts_matters"):
        await until(partial(is_without, running.hub.engines, f"{table} WHERE company_id = {number}"))
