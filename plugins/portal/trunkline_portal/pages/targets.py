"""The targets of a company, with response times, success rates and recent failures, and a replay of the failures."""

from datetime import UTC, datetime
from urllib.parse import urlencode

from msgspec import Struct
from starlette.requests import Request
from starlette.responses import Response

from trunkline import Json, NotFound, Refused
from trunkline.pages import TargetFigures
from trunkline_portal import periods
from trunkline_portal.access import ReadsWebhooks, Viewer, WritesWebhooks
from trunkline_portal.formats import moment
from trunkline_portal.forms import Submitted, read_number
from trunkline_portal.pages.subscriptions import views
from trunkline_portal.pages.subscriptions.views import Subscription
from trunkline_portal.periods import PERIODS
from trunkline_portal.portal import Pages
from trunkline_portal.routing import Table, get, post

TARGETS = "/targets"
"""Path of the section below ``Viewer.root``."""
COUNTED = 1_000
"""The number up to which failed deliveries of a subscription are counted."""
_HOUR_MS = 60 * 60 * 1000
"""Attempts are counted by hour, so the period of the page begins with an hour."""
_ORDERS = {"failed": "Most failed first", "slow": "Slowest first"}


class Line(Struct, frozen=True):
    """One subscription with its target's figures."""

    subscription: Subscription
    figures: TargetFigures

    @property
    def failed(self) -> str:
        """Return, in words, the number of failed deliveries."""
        return f"{self.figures.failed:,}{' or more' if self.figures.failed == COUNTED else ''}"

    @property
    def is_replayable(self) -> bool:
        """Whether a replay would send something now."""
        return self.figures.failed > 0 and self.subscription.view["status"] == "active"


class TargetPages(Pages):
    """The list of targets, and the form that replays the failures of all targets."""

    async def show(self, request: Request, viewer: ReadsWebhooks) -> Response:
        """Show the list."""
        given = request.query_params
        order = given.get("sort", "") if given.get("sort") in _ORDERS else "failed"
        root = f"{viewer.root}{TARGETS}"
        period = periods.read(
            given, path=root, now_ms=self._context.clock.now_ms(), default=periods.YESTERDAY
        )
        since_ms = (period.since_ms or 0) // _HOUR_MS * _HOUR_MS
        lines = await self._lines(viewer, since_ms)
        if order == "slow":
            lines.sort(key=lambda line: line.figures.p95_ms or 0, reverse=True)
        return self._portal.render(
            viewer,
            "targets.html",
            lines=lines,
            since_ms=since_ms,
            begins=f"{moment(since_ms):%-d %b %Y, %H:%M} UTC",
            period=period,
            failed=urlencode({"status": "exhausted", **period.parameters}),
            title=PERIODS[period.name].title,
            orders=[
                (f"{root}?{urlencode({**period.parameters, 'sort': name})}", title, name == order)
                for name, title in _ORDERS.items()
            ],
            replayable=[line for line in lines if line.is_replayable],
            still_failing=any(
                line.subscription.view["health"] == "failing" for line in lines if line.is_replayable
            ),
            resumed_first=[line for line in lines if line.figures.failed and not line.is_replayable],
        )

    async def replay(self, viewer: WritesWebhooks, fields: Submitted) -> Response:
        """Start a replay of each subscription's failures, up to the company's limit of replays."""
        since_ms = read_number(fields["since_ms"], most=10**14 - 1) or 0
        waiting = [line for line in await self._lines(viewer, since_ms) if line.is_replayable]
        count, reason = len(waiting), ""
        body: dict[str, Json] = {"from": datetime.fromtimestamp(since_ms / 1000, UTC), "only_failed": True}
        while waiting:
            subscription_id = waiting[0].subscription.id
            try:
                await self._context.replays.start(viewer.company_id, subscription_id, body, channel=None)
            except NotFound:
                count -= 1
            except Refused as refusal:
                reason = f" {len(waiting)} still wait: {refusal.detail}"
                break
            del waiting[0]
        started = count - len(waiting)
        what = f"{started} replay{'s' if started != 1 else ''} started; new events are not delayed."
        tone = "warn" if reason or not started else "good"
        return self._portal.redirect(viewer, f"{viewer.root}{TARGETS}", flash=what + reason, tone=tone)

    async def _lines(self, viewer: Viewer, since_ms: int) -> list[Line]:
        """Read the subscriptions with their figures, most failures first."""
        context = self._context
        figures = {
            each.subscription_id: each
            for each in await context.activity.targets(viewer.company_id, since_ms=since_ms)
        }
        listed = await context.subscriptions.list(viewer.company_id, channel=None)
        shown = views.views_of(self._portal, viewer, listed)
        lines = [Line(each, figures[each.id]) for each in shown if each.id in figures]
        return sorted(lines, key=lambda line: line.figures.failed, reverse=True)


ROUTES = Table(
    TargetPages, get(TARGETS, TargetPages.show), post(f"{TARGETS}/replay", TargetPages.replay, bucket="admin")
)
