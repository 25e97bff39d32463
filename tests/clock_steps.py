"""Simulated steps of the database's clock: the hub's last reading is moved back."""

from sqlalchemy import text

from trunkline.hub.hub import Hub
from trunkline.store import clock
from trunkline.store.database import Database

DAY_MS = 24 * 3_600_000


async def step(database: Database, *, ms: int = 8 * DAY_MS) -> None:
    async with database.write() as connection:
        await connection.execute(text("UPDATE clock SET now_ms = now_ms - :ms"), {"ms": ms})


async def step_under(hub: Hub) -> None:
    """Step the clock of *hub*'s database, and make the hub check its clock."""
    await step(hub.engines)
    assert await hub.clock_guard.look() is None


async def confirm(hub: Hub) -> None:
    """Confirm that the clock is right, and make *hub* check its clock."""
    async with hub.engines.write() as connection:
        assert await clock.confirm(connection)
    assert await hub.clock_guard.look() is not None
