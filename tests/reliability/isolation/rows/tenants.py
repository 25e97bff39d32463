"""Tenants: a large one is deleted, and one works in both of its environments at once."""

import asyncio

from attack import Attack
from fill import World, long_delivery_log
from furniture import IN_TEST
from row import row

from trunkline.testing.receiver import Hang


async def deleted_with_a_long_log(world: World) -> None:
    """Delete a company with 200,000 events that were delivered, just before the hub starts."""
    await long_delivery_log(world)
    async with world.hub() as hub:
        await hub.companies.delete(world.attacker.id)


@row(prepare=deleted_with_a_long_log, in_part=("sqlite", "postgresql"), seconds=10, is_alone=True)
async def company_deleted(attack: Attack) -> None:
    """A company with 200,000 events and deliveries is deleted, and all of it removed meanwhile."""
    await attack.rest()


@row(in_part=("sqlite", "postgresql"), seconds=11.5)
async def both_environments_at_once(attack: Attack) -> None:
    """A company sends batches in its live and in its test environment, each with as many targets as it may have, which hang."""
    attack.receiver.always(Hang())

    async def flood(company: int, targets: int) -> None:
        await attack.subscribe(
            targets, lambda n: f"{attack.receiver.url}/{company}/{n}", company=company, at_once=2
        )
        await attack.repeat(lambda _: attack.emit(50, company=company), pause_seconds=0.5)

    await asyncio.gather(flood(0, 100), flood(IN_TEST, 25))
    attack.noted["pushes"] += attack.receiver.count
