"""The limits of one company: the deployment's, unless the operator has set others for the company.

A process caches a company's limits for ``FRESH_SECONDS``; while the database is unavailable, the last known limits
apply.
"""

import math
import time
from collections import OrderedDict
from collections.abc import Callable, Mapping

from msgspec import Struct, structs

from trunkline.errors import FieldError, StoreUnavailable
from trunkline.model.environments import is_test
from trunkline.settings import Companies
from trunkline.store import companies as store
from trunkline.store.database import Database

FRESH_SECONDS = 5.0
MAX_LIMIT = 1_000_000_000
_REMEMBERED = 10_000


class Quotas(Struct, frozen=True):
    """The limits of one company, named as in ``PATCH /api/v1/companies/{id}``.

    If *is_paced*, the operator set a pace for the company.
    """

    subscriptions: int
    filter_cost: int
    lookups_per_minute: int
    events_per_second: int
    replays_at_once: int
    keys: int
    consumers: int
    is_paced: bool = False


NAMES = tuple(field.name for field in structs.fields(Quotas) if field.name != "is_paced")
_PACES = frozenset({"events_per_second", "lookups_per_minute"})


class CompanyLimits:
    """Reads the limits of companies. *now* gives monotonic seconds."""

    def __init__(
        self,
        database: Database,
        settings: Companies,
        *,
        max_subscriptions: int,
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        self._database = database
        defaults = settings.model_dump(exclude={"test_share"})
        if defaults["subscriptions"] is None:
            defaults["subscriptions"] = max_subscriptions
        self.defaults = Quotas(**defaults)
        shares = {name: math.ceil(limit * settings.test_share) for name, limit in defaults.items()}
        self._test_defaults = Quotas(**shares)
        self._now = now
        self._known: OrderedDict[int, tuple[Quotas, float]] = OrderedDict()

    async def of(self, company_id: int) -> Quotas:
        """Return the limits that apply to a company."""
        known = self._known.get(company_id)
        if known is not None and self._now() < known[1]:
            return known[0]
        try:
            async with self._database.read() as connection:
                own = await store.limits_of(connection, company_id)
        except StoreUnavailable:
            return known[0] if known else self._defaults_of(company_id)
        return self._remember(company_id, own)

    def shown(self, company_id: int, own: Mapping[str, int]) -> dict[str, dict[str, int]]:
        """Show the limits that apply to a company, and its *own* limits, which the caller has just read."""
        quotas = structs.asdict(self._remember(company_id, own))
        return {
            "limits": {name: quotas[name] for name in NAMES},
            "own_limits": {name: own[name] for name in NAMES if name in own},
        }

    def _defaults_of(self, company_id: int) -> Quotas:
        return self._test_defaults if is_test(company_id) else self.defaults

    def _remember(self, company_id: int, own: Mapping[str, int]) -> Quotas:
        quotas = self._defaults_of(company_id)
        if own:
            known = {name: value for name, value in own.items() if name in NAMES}
            quotas = structs.replace(quotas, **known, is_paced="events_per_second" in own)
        self._known[company_id] = (quotas, self._now() + FRESH_SECONDS)
        self._known.move_to_end(company_id)
        if len(self._known) > _REMEMBERED:
            self._known.popitem(last=False)
        return quotas


def merged(own: Mapping[str, int], changes: Mapping[str, int | None]) -> dict[str, int]:
    """Apply *changes* to a company's *own* limits; None removes one."""
    return {name: value for name, value in {**own, **changes}.items() if value is not None}


def faults_of(changes: Mapping[str, int | None]) -> list[FieldError]:
    """Check new limits of a company."""
    known = ", ".join(NAMES)
    unknown = [name for name in changes if name not in NAMES]
    faults = [
        FieldError(f"/limits/{name[:60]}", f"is not a limit; the limits are {known}") for name in unknown
    ]
    for name, value in changes.items():
        least = 1 if name in _PACES else 0
        if name in NAMES and value is not None and not least <= value <= MAX_LIMIT:
            message = f"must be between {least} and {MAX_LIMIT}, not {value}"
            faults.append(FieldError(f"/limits/{name}", message))
    return faults
