"""The overview of a company's events: figures, charts, and subscriptions that need attention."""

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any
from urllib.parse import urlsplit

from markupsafe import Markup
from msgspec import Struct
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from trunkline.pages import Attention, Bucket, Overview
from trunkline_portal import charts, formats, navigation
from trunkline_portal.access import (
    ADMIN,
    EVENTS_READ,
    WEBHOOKS_READ,
    AnyCompany,
    CompanyNeeded,
    ReadsEvents,
    ScopeMissing,
    Viewer,
)
from trunkline_portal.charts import Axis, Chart, Series
from trunkline_portal.delivery_states import WORDS
from trunkline_portal.portal import Pages
from trunkline_portal.routing import EITHER, Table, get

_HOUR_MS = 60 * 60 * 1000
_DATES = 5
"""Number of dates below a chart."""
_BAD = frozenset({"failing", "disabled", "failed for good"})
"""The counts that are shown as trouble."""
_ADDRESS = 60
"""The number of characters of a target's address that are shown."""


class Span(Struct, frozen=True):
    """A span of time that can be chosen. It has *buckets* buckets of *hours* hours each; the last bucket is the current one."""

    title: str
    buckets: int
    hours: float
    date_format: str

    def bounds(self, now_ms: int) -> tuple[int, int]:
        """Return the span's beginning and end."""
        bucket_ms = int(self.hours * _HOUR_MS)
        until_ms = (now_ms // bucket_ms + 1) * bucket_ms
        return until_ms - self.buckets * bucket_ms, until_ms


SPANS: Mapping[str, Span] = {
    "24h": Span("24 hours", 48, 0.5, "%H:%M"),
    "7d": Span("7 days", 56, 3, "%-d %b"),
    "30d": Span("30 days", 60, 12, "%-d %b"),
}


class Row(Struct, frozen=True):
    """One bucket in the table of numbers."""

    start: str
    bucket: Bucket


class AttentionItem(Struct, frozen=True):
    """Something that needs attention; *action* is the address and title of the page about it, if the viewer may see it."""

    kind: str
    tone: str
    sentence: Markup
    action: tuple[str, str] | None


class OverviewPages(Pages):
    """The first page: figures, charts, and subscriptions that need attention."""

    async def show(self, request: Request, viewer: AnyCompany) -> Response:
        """Show the overview, or the first page that the viewer may see."""
        if not viewer.has(EVENTS_READ):
            pages = [(owner, page) for owner, page in self._portal.context.pages() if page.scope is not None]
            items = [*navigation.seen_by(viewer), *navigation.extras_for(viewer, pages)]
            if not items:
                raise ScopeMissing(EVENTS_READ)
            return RedirectResponse(f"{viewer.root}{items[0].path}", 303)
        if viewer.chosen_company_id is None:
            raise CompanyNeeded
        return self._portal.render(viewer, "overview.html", **await self._values(request, viewer))

    async def show_part(self, request: Request, viewer: ReadsEvents) -> Response:
        """Show it again, for the script."""
        return self._portal.fragment(viewer, "overview_part.html", **await self._values(request, viewer))

    async def _values(self, request: Request, viewer: Viewer) -> dict[str, Any]:
        span_name = request.query_params.get("span", "")
        chosen = span_name if span_name in SPANS else "24h"
        since_ms, until_ms = SPANS[chosen].bounds(self._portal.now_ms())
        activity = self._portal.context.activity
        overview = await activity.overview(
            viewer.company_id, since_ms=since_ms, until_ms=until_ms, buckets=SPANS[chosen].buckets
        )
        is_new = not overview.total.events and not (await activity.events(viewer.company_id, limit=1)).events
        return {
            "overview": overview,
            "span": f"?span={chosen}",
            "spans": [
                (f"{viewer.root}?span={name}", span.title, name == chosen) for name, span in SPANS.items()
            ],
            "charts": _charts(overview, SPANS[chosen]),
            "rows": [Row(_written(bucket.start_ms), bucket) for bucket in overview.buckets],
            "attention": _attention_items(viewer, overview.attention),
            "delivery_notes": _listed(
                {
                    "delivered": overview.total.delivered,
                    "failed for good": overview.total.failed,
                    "not finished": overview.total.unfinished,
                }
            ),
            "health_notes": _listed(overview.subscriptions),
            **_arrived(overview),
            "is_new": is_new,
            "first_event": self._portal.first_event(request) if is_new else None,
        }


ROUTES = Table(
    OverviewPages, get("", OverviewPages.show), get("/overview", OverviewPages.show_part), below=EITHER
)


def _attention_items(viewer: Viewer, attentions: Sequence[Attention]) -> list[AttentionItem]:
    """Make one item for each trouble.

    Deliveries that failed for good belong to the item of their failing or disabled subscription.
    """
    troubled = {each.subscription_id for each in attentions if each.kind in {"failing", "disabled"}}
    lost = {
        each.subscription_id: each
        for each in attentions
        if each.kind == "exhausted" and each.subscription_id in troubled
    }
    return [
        _attention_item(
            viewer, each, lost.get(each.subscription_id) if each.kind in {"failing", "disabled"} else None
        )
        for each in attentions
        if each.kind != "exhausted" or each.subscription_id not in lost
    ]


def _attention_item(viewer: Viewer, attention: Attention, lost: Attention | None) -> AttentionItem:
    """Describe a trouble, the deliveries *lost* because of it, and one action."""
    url = f"{viewer.root}/subscriptions/{attention.subscription_id}"
    sees_subscription = attention.subscription_id is not None and viewer.has(WEBHOOKS_READ)
    sentence = _linked(attention, url) if sees_subscription else formats.with_times(attention.sentence)
    if lost is not None:
        sentence += Markup(" {} failed for good.").format(lost.sentence.partition(" to ")[0])
    word, tone = WORDS.get(attention.kind, attention.kind), formats.tone_of(attention.kind)
    return AttentionItem(
        word, tone, sentence, _action(viewer, lost or attention, url if sees_subscription else None)
    )


def _action(viewer: Viewer, attention: Attention, url: str | None) -> tuple[str, str] | None:
    """Return the address and title of the page about a trouble; *url* is the subscription's page, if the viewer may see it."""
    match attention.kind:
        case "exhausted" | "rejected" | "held" if url:
            return (
                f"{url}?status={attention.kind}",
                "What waits" if attention.kind == "held" else "What failed",
            )
        case "paused" if url and viewer.changes_webhooks:
            return f"{url}/resume", "Resume"
        case "quarantined" if viewer.has(ADMIN):
            return f"{viewer.root}/quarantine", "Quarantine"
        case "unused_key" if viewer.has(ADMIN):
            return f"{viewer.root}/keys", "API keys"
        case _ if attention.event_id is not None:
            return f"{viewer.root}/events/{attention.event_id}", f"Event {attention.event_id}"
        case _:
            return None


def _linked(attention: Attention, href: str) -> Markup:
    """Make the subscription's name in the sentence a link.

    If the sentence has no name but the target's host, the link replaces it, and shows host and path.
    """
    url = attention.target_url or ""
    host = re.escape(urlsplit(url).hostname or url)
    match = re.match(rf"(.*? to (?:reach )?)(“.*”|{host})(.*)", attention.sentence, re.DOTALL)
    before, name, after = match.groups() if match else (f"{attention.sentence} ", "", "")
    if not name.startswith("“"):
        address = url.split("://")[-1].partition("?")[0] or "Subscription"
        name = address if len(address) <= _ADDRESS else f"{address[: _ADDRESS - 1]}…"
    link = Markup('<a href="{}">{}</a>').format(href, name)
    return formats.with_times(before) + link + formats.with_times(after)


def _charts(overview: Overview, span: Span) -> list[Chart]:
    axis = Axis([_written(bucket.start_ms) for bucket in overview.buckets], _dates(overview, span))

    def series(name: str, value: Callable[[Bucket], float | None], style: str = "") -> Series:
        return Series(name, [value(bucket) for bucket in overview.buckets], style)

    events = [series("Events", lambda bucket: bucket.events)]
    deliveries = [
        series("Delivered", lambda bucket: bucket.delivered),
        series("Not finished", lambda bucket: bucket.unfinished, "is-faint"),
        series("Failed for good", lambda bucket: bucket.failed, "is-bad"),
    ]
    failures = [series("Failed attempts", lambda bucket: bucket.failed_attempts, "is-bad")]
    latency = [
        series("p50", lambda bucket: bucket.p50_ms),
        series("p95", lambda bucket: bucket.p95_ms, "is-second"),
    ]
    return [
        charts.bars("chart-events", "Events", events, axis, format_value=_count),
        charts.bars("chart-deliveries", "Deliveries", deliveries, axis, format_value=_count),
        charts.bars("chart-failures", "Failed attempts", failures, axis, format_value=_count),
        charts.lines("chart-latency", "Latency of deliveries", latency, axis, format_value=formats.duration),
    ]


def _dates(overview: Overview, span: Span) -> list[str]:
    """Write the times below a chart, evenly spaced from the beginning of the span to its end."""
    step_ms = (overview.until_ms - overview.since_ms) / (_DATES - 1)
    times = [formats.moment(overview.since_ms + step_ms * number) for number in range(_DATES)]
    return [at.strftime(span.date_format) for at in times]


def _written(start_ms: int) -> str:
    return formats.moment(start_ms).strftime("%-d %b, %H:%M")


def _listed(counts: Mapping[str, int]) -> list[Markup]:
    """List the counts above zero, such as ``12 delivered``; counts that mean trouble are colored."""
    line, bad_line = Markup("{:,} {}"), Markup('<span class="is-failing">{:,} {}</span>')
    return [
        (bad_line if name in _BAD else line).format(count, name) for name, count in counts.items() if count
    ]


def _arrived(overview: Overview) -> dict[str, Any]:
    """Return the share of the ended deliveries that succeeded, and notes on the number of deliveries and attempts."""
    ended = overview.total.delivered + overview.total.failed
    notes: list[str] = []
    if ended:
        noun = "delivery" if ended == 1 else "deliveries"
        notes.append(f"of {ended:,} {noun}{' that ended' if overview.total.unfinished else ''}")
    if overview.attempts:
        noun = "attempt" if overview.attempts == 1 else "attempts"
        notes.append(f"{overview.total.failed_attempts:,} of {overview.attempts:,} {noun} failed")
    return {"arrived": overview.total.delivered / ended if ended else None, "arrived_notes": notes}


def _count(value: float) -> str:
    return f"{value:,.0f}"
