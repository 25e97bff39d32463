"""A company's delivery settings for subscriptions without their own settings. Each subscription stores a copy of them.

So loading subscriptions reads no other table. A new subscription gets the copy from ``new_subscriptions.insert``.
"""

from collections.abc import Collection, Mapping
from typing import Any

import sqlalchemy

from trunkline.errors import StoreUnavailable
from trunkline.store import subscriptions, tables
from trunkline.store.connection import Connection

_table = tables.subscriptions


async def give(connection: Connection, company_ids: Collection[int], defaults: Mapping[str, Any]) -> None:
    """Write the default delivery settings into all subscriptions of the companies.

    Raises:
        StoreUnavailable: a subscription was created meanwhile, and would lack the settings.
    """
    numbers = await subscriptions.lock_of_companies(connection, company_ids)
    version = await subscriptions.next_version(connection)  # from here on nobody else creates a subscription
    others = sqlalchemy.select(_table.c.no).where(
        _table.c.company_id.in_(company_ids), _table.c.status != "deleted", _table.c.no.not_in(numbers)
    )
    if (await connection.execute(others.limit(1))).first() is not None:
        msg = "a subscription of the company was made at the same moment"
        raise StoreUnavailable(msg)
    changes = {"defaults": dict(defaults) or None, "version": version}
    await connection.execute(_table.update().where(_table.c.no.in_(numbers)).values(changes))
