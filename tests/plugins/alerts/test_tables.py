"""The plugin's tables: the migrated tables, and the rows that are removed with an erased company."""

import asyncio

from sqlalchemy import inspect, text

from trunkline_alerts import told


async def test_the_tables_are_what_the_migrations_make(running):
    def columns(connection) -> dict[str, set[str]]:
        inspector = inspect(connection)
        return {name: {each["name"] for each in inspector.get_columns(name)} for name in told.metadata.tables}

    async with running.hub.engines.read() as connection:
        made = await connection.run_sync(columns)
    assert made == {name: set(table.c.keys()) for name, table in told.metadata.tables.items()}
    assert len(made) == 3


async def test_what_a_company_chose_and_was_told_goes_with_it(running):
    number = running.company_id
    assert (await running.operator.patch(f"/api/v1/companies/{number}", json={"name": "A"})).is_success
    async with running.hub.engines.write() as connection:
        await told.choose_digest(connection, number, day=1)
        await told.note(
            connection, "sub_1", "sub_2", told.Told(7, is_over=False, told_ms=1), company_id=number
        )
    assert (await running.operator.delete(f"/api/v1/companies/{number}")).status_code == 202

    async def rows() -> int:
        statement = text(
            "SELECT (SELECT count(*) FROM alerts_digests WHERE company_id = :company) + "
            "(SELECT count(*) FROM alerts_matters WHERE company_id = :company)"
        )
        async with running.hub.engines.read() as connection:
            return (await connection.execute(statement, {"company": number})).scalar_one()

    async with asyncio.timeout(60):
        while await rows():
            await asyncio.sleep(0.05)
