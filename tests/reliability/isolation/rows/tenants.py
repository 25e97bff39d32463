"""Tenants: a large one is deleted."""

from attack import Attack
from fill import World
from row import row


async def deleted_with_a_long_log(world: World) -> None:
    """Delete a company with 200,000 events that were delivered, just before the hub starts."""
    number = await world.subscribe("http://127.0.0.1:9/hook")
    first, last = await world.events(world.size(200_000, 20_000))
    await world.deliveries(first, last, number, status="delivered")
    async with world.hub() as hub:
        await hub.companies.delete(world.attacker.id)


@row(prepare=deleted_with_a_long_log, in_part=("sqlite", "postgresql"))
async def company_deleted(attack: Attack) -> None:
    """A company with 200,000 events and deliveries is deleted, and all of it removed meanwhile."""
    await attack.rest()
