"""The limit of the total cost of a company's filters (``filter_cost``).

Every event of a company is tested with all its filters, so the sum limits the cost of an event (``filters.costs``). Filters are
also stored, listed and read, so their size counts as well.
"""

from collections.abc import Mapping
from typing import Any

import orjson

from trunkline.errors import FilterTooDear
from trunkline.filters import costs
from trunkline.model.subscriptions import Subscription
from trunkline.store import subscriptions as store
from trunkline.store.connection import Connection


async def check_filter_cost(
    connection: Connection,
    company_id: int,
    source: Mapping[str, Any] | None,
    *,
    limit: int,
    instead_of: Subscription | None = None,
) -> None:
    """Check that the filter *source* may be added, or may replace that of *instead_of* (always if cheaper). Raises FilterTooDear."""
    if not source:
        return
    own = _charge(source)
    if instead_of is not None and instead_of.filter and own <= _charge(instead_of.filter):
        return
    others = await store.filters_of_company(connection, company_id, but_no=instead_of.no if instead_of else 0)
    cost = own + sum(map(len, others)) // costs.CHARACTERS
    if cost <= limit:  # if not, their size alone is too large
        cost = own + sum(map(costs.charge_for, others))
    if cost > limit:
        raise FilterTooDear(cost, limit)


def _charge(source: Mapping[str, Any]) -> int:
    return costs.charge_for(orjson.dumps(source).decode())
