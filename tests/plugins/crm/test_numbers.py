"""Ids of records, on both databases."""

from sqlalchemy import text

from trunkline.store import epochs


async def test_the_id_of_a_removed_record_is_not_given_again_and_a_restore_skips_those_it_lost(database):
    add = text(
        "INSERT INTO crm_employees (company_id, full_name, name_key, created_ms) "
        "VALUES (92, 'Ann', 'ann', 0) RETURNING id"
    )
    async with database.write() as connection:
        first = (await connection.execute(add)).scalar_one()
        await connection.execute(text("DELETE FROM crm_employees"))
        second = (await connection.execute(add)).scalar_one()
        await epochs.advance(connection)
        third = (await connection.execute(add)).scalar_one()
    assert first < second < third - epochs.STEP
