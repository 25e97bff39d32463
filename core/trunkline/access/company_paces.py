"""The paces among a company's limits: its events a second, and its lookups a minute. Each process counts for itself."""

import math
from collections.abc import Mapping

from trunkline.access.company_limits import CompanyLimits
from trunkline.access.paces import Pace
from trunkline.errors import TooFast
from trunkline.model.principals import Principal

EVENT_BURST_SECONDS = 10.0
"""A company may bring in at once what its pace gives in this time."""


class EventPace:
    """How many events a second a company may bring in (its limit ``events_per_second``).

    A company's own keys are held to it. Calls with a key of no company are the product's own events: they are held to it only where
    the operator gave the company a pace of its own.
    """

    def __init__(self, limits: CompanyLimits, *, is_enabled: bool) -> None:
        self._limits = limits
        self._is_enabled = is_enabled
        self._pace = Pace(burst_seconds=EVENT_BURST_SECONDS)

    async def take(self, principal: Principal, events: Mapping[int, int]) -> None:
        """Count so many *events* of each company. Raises TooFast: a company goes faster than it may."""
        if not self._is_enabled:
            return
        for company_id, count in events.items():
            quotas = await self._limits.of(company_id)
            if principal.company_id is None and not quotas.is_paced:
                continue
            per_second = quotas.events_per_second
            if wait := self._pace.take(company_id, count, per_second=per_second):
                seconds = math.ceil(wait)
                raise TooFast(
                    "events_per_second", per_second, pace="events a second", retry_after_seconds=seconds
                )


class LookupPace:
    """How many names of targets may be looked up for a company (its limit ``lookups_per_minute``)."""

    def __init__(self, limits: CompanyLimits, *, is_enabled: bool) -> None:
        self._limits = limits
        self._is_enabled = is_enabled
        self._pace = Pace(burst_seconds=60.0)

    async def may_look_up(self, tenant: int) -> bool:
        """Count a lookup (``outbound.MayLookUp``); calls that are no company's are not held to any pace."""
        if not self._is_enabled or not tenant:
            return True
        per_minute = (await self._limits.of(tenant)).lookups_per_minute
        return not self._pace.take(tenant, 1, per_second=per_minute / 60)
