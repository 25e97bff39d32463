"""A company's limits and their usage."""

from collections.abc import Mapping
from typing import Annotated

from fastapi import Depends
from msgspec import Struct
from starlette.responses import Response

from trunkline_portal.access import ADMIN, EVENTS_READ, WEBHOOKS_READ, RequiresScope, Viewer
from trunkline_portal.portal import Pages
from trunkline_portal.routing import Table, get

LIMITS = "/limits"
"""Path of the section below ``Viewer.root``."""
SeesSome = Annotated[Viewer, Depends(RequiresScope(EVENTS_READ, WEBHOOKS_READ, ADMIN))]
_TITLES: Mapping[str, str] = {
    "subscriptions": "Subscriptions",
    "keys": "API keys that are valid",
    "consumers": "Consumers",
    "replays_at_once": "Replays that run at once",
    "events_per_second": "Events a second",
    "lookups_per_minute": "Lookups of names a minute",
    "filter_cost": "Cost of all filters",
}


class Line(Struct, frozen=True):
    """One limit; *used* is None for a limit of rate or size."""

    name: str
    limit: int
    used: int | None

    @property
    def title(self) -> str:
        """The name of the limited resource."""
        return _TITLES.get(self.name, self.name)

    @property
    def tone(self) -> str:
        """The tone: near the limit, or at it."""
        share = (self.used or 0) / self.limit if self.limit else 1
        return "bad" if share >= 1 else "warn" if share >= 0.8 else "good"


class LimitPages(Pages):
    """The page of limits."""

    async def show(self, viewer: SeesSome) -> Response:
        """Show it."""
        context = self._context
        company = await context.companies.view(viewer.company_number)
        limits: Mapping[str, int] = (company["test"] if viewer.environment == "test" else company)["limits"]
        used = await context.activity.used(viewer.company_id)
        lines = [Line(name, limit, used.get(name)) for name, limit in limits.items()]
        lines.sort(key=lambda line: line.used is None)
        return self._portal.render(viewer, "limits.html", lines=lines)


ROUTES = Table(LimitPages, get(LIMITS, LimitPages.show))
