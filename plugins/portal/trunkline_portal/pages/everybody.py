"""An operator's home page: the failing subscriptions of all companies."""

from collections.abc import Sequence

from msgspec import Struct
from starlette.requests import Request
from starlette.responses import Response

from trunkline.pages import Trouble
from trunkline.routes import company_number, environment_of
from trunkline_portal import addresses, periods
from trunkline_portal.access import Chooses
from trunkline_portal.pages.targets import COUNTED
from trunkline_portal.portal import Pages
from trunkline_portal.routing import ALONE, Table, get

LIMIT = 100
"""The maximum number of subscriptions of each kind that are read."""
STATES = ("failing", "disabled")


class Line(Struct, frozen=True):
    """One subscription in trouble, with the addresses of its pages."""

    trouble: Trouble
    root: str

    @property
    def state(self) -> str:
        """Return the state: ``failing`` or ``disabled``."""
        return "failing" if self.trouble.status == "active" else self.trouble.status

    @property
    def company(self) -> str:
        """The company's name for people."""
        trouble, number = self.trouble, company_number(self.trouble.company_id)
        name = trouble.company_name or trouble.company_reference
        return f"{name} ({number})" if name else f"Company {number}"

    @property
    def lost(self) -> str:
        """Return, in words, the number of deliveries that failed permanently."""
        return f"{self.trouble.lost:,}{' or more' if self.trouble.lost == COUNTED else ''}"

    @property
    def is_test(self) -> bool:
        """Whether the subscription belongs to the company's test environment."""
        return environment_of(self.trouble.company_id) == "test"


class EverybodyPages(Pages):
    """The page over all companies."""

    async def show(self, request: Request, viewer: Chooses) -> Response:
        """Show it."""
        given = request.query_params
        state = given.get("state", "") if given.get("state") in STATES else ""
        period = periods.read(given, path=addresses.EVERYBODY, now_ms=self._context.clock.now_ms())
        troubles: Sequence[Trouble] = await self._context.activity.troubles(limit=LIMIT)
        every = [Line(each, addresses.root_of(each.company_id)) for each in troubles]
        lines = [
            line
            for line in every
            if state in {"", line.state} and (line.trouble.since_ms or 0) >= (period.since_ms or 0)
        ]
        lines.sort(key=lambda line: line.trouble.since_ms or 0, reverse=True)
        return self._portal.render(
            viewer,
            "everybody.html",
            lines=lines,
            counts={name: sum(line.state == name for line in every) for name in STATES},
            companies=len({line.trouble.company_id for line in every}),
            limit=LIMIT,
            state=state,
            period=period,
        )


ROUTES = Table(
    EverybodyPages, get(addresses.EVERYBODY.removeprefix(addresses.HOME), EverybodyPages.show), below=ALONE
)
