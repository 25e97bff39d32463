"""A company's rate limits: events per second, and name lookups per minute. Each process counts separately."""

import math
from collections.abc import Mapping

from trunkline.access.company_limits import CompanyLimits
from trunkline.access.paces import Pace
from trunkline.errors import TooFast
from trunkline.model.principals import Principal

EVENT_BURST_SECONDS = 10.0
"""The largest burst: a company may send as many events at once as its pace allows in this number of seconds."""


class EventPace:
    """The limit of events that a company may send per second (``events_per_second``).

    The limit applies to calls with a company's keys. To calls with an operator's key, which emit the product's own events, it
    applies only if the operator set a pace for the company.
    """

    def __init__(self, limits: CompanyLimits, *, is_enabled: bool) -> None:
        self._limits = limits
        self._is_enabled = is_enabled
        self._pace = Pace(burst_seconds=EVENT_BURST_SECONDS)

    async def take(self, principal: Principal, events: Mapping[int, int]) -> None:
        """Count the *events* of each company. Raises TooFast if a company exceeds its pace."""
        if not self._is_enabled:
            return
        for company_id, count in events.items():
            quotas = await self._limits.of(company_id)
            if principal.company_id is None and not quotas.is_paced:
                continue
            per_second = quotas.events_per_second
            if wait := self._pace.take(company_id, count, per_second=per_second):
                pace, seconds = "events a second", math.ceil(wait)
                raise TooFast("events_per_second", per_second, pace=pace, retry_after_seconds=seconds)


class LookupPace:
    """The limit of lookups of target names for a company (``lookups_per_minute``)."""

    def __init__(self, limits: CompanyLimits, *, is_enabled: bool) -> None:
        self._limits = limits
        self._is_enabled = is_enabled
        self._pace = Pace(burst_seconds=60.0)

    async def may_look_up(self, tenant: int) -> bool:
        """Count a lookup (``outbound.MayLookUp``); calls without a company have no limit."""
        if not self._is_enabled or not tenant:
            return True
        per_minute = (await self._limits.of(tenant)).lookups_per_minute
        return not self._pace.take(tenant, 1, per_second=per_minute / 60)
