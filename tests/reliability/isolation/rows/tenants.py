"""Tenants: a large company is deleted, a company uses both environments at once, and a caller names other companies' references."""

import asyncio

from attack import LEAD, Attack
from fill import World, long_delivery_log
from furniture import IN_TEST
from row import row
from sqlalchemy import text

from trunkline.store.engines import EngineDatabase
from trunkline_kit.receiver import Hang


async def deleted_with_a_long_log(world: World) -> None:
    """Delete a company with 200,000 events that were delivered, just before the hub starts."""
    await long_delivery_log(world)
    async with world.hub() as hub:
        await hub.companies.delete(world.attacker.id)


@row(prepare=deleted_with_a_long_log, in_part=("sqlite",), seconds=10, is_alone=True)
async def company_deleted(attack: Attack) -> None:
    """A company with 200,000 events and deliveries is deleted, and its data is removed during the measurement."""
    await attack.rest()


@row(in_part=("sqlite",), seconds=11.5)
async def both_environments_at_once(attack: Attack) -> None:
    """A company sends batches in both of its environments, each with the maximum number of targets, which all hang."""
    attack.receiver.always(Hang())

    async def flood(company: int, targets: int) -> None:
        await attack.subscribe(
            targets, lambda n: f"{attack.receiver.url}/{company}/{n}", company=company, at_once=2
        )
        await attack.repeat(lambda _: attack.emit(50, company=company), pause_seconds=0.5)

    await asyncio.gather(flood(0, 100), flood(IN_TEST, 25))


async def companies_with_references(world: World) -> None:
    """Make 20,000 companies with references (``tenant-0`` and so on): twice as many as the cache keeps."""
    insert = text(
        "INSERT INTO companies (company_id, limits, created_ms, updated_ms, reference) VALUES (:id, '{}', 0, 0, :reference)"
    )
    made = [{"id": 1_000_000 + n, "reference": f"tenant-{n}"} for n in range(20_000)]
    async with EngineDatabase(world.url) as database, database.write() as connection:
        await connection.execute(insert, made)
        await connection.execute(text("UPDATE stream_head SET companies_version = companies_version + 1"))
        await connection.execute(text("ANALYZE"))


@row(prepare=companies_with_references)
async def references_of_others(attack: Attack) -> None:
    """Three companies send events and calls that name 20,000 other companies, and 20,000 unknown ones, by reference."""

    async def name(turn: int) -> None:
        events = [
            {"type": "lead.created", "payload": LEAD, "companyId": f"{kind}-{turn * 500 + n}"}
            for n in range(500)
            for kind in ("tenant", "nobody")
        ]
        await attack.call("POST", "/events/batch", {"events": events}, company=turn % 3)
        for kind in ("tenant", "nobody"):
            headers = {"X-Company-Id": f"{kind}-{turn}"}
            await attack.call("GET", "/events?limit=1", company=turn % 3, headers=headers)

    await attack.repeat(name, at_once=4)
