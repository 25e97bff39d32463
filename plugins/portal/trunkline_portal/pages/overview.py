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
_TROUBLES = frozenset({"failing", "disabled"})
"""The kinds of attention that are about a subscription as a whole."""
_BAD = _TROUBLES | {"failed for good"}
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
            pages = [(owner, page) for owner, page in self._context.pages() if page.scope is not None]
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
        since_ms, until_ms = SPANS[chosen].bounds(self._context.clock.now_ms())
        activity = self._context.activity
        overview = await activity.overview(
            viewer.company_id, since_ms=since_ms, until_ms=until_ms, buckets=SPANS[chosen].buckets
        )
        total, notes = overview.total, list[str]()
        ended = total.delivered + total.failed
        if ended:
            noun = "delivery" if ended == 1 else "deliveries"
            notes.append(f"of {ended:,} {noun}{' that ended' if total.unfinished else ''}")
        if overview.attempts:
            noun = "attempt" if overview.attempts == 1 else "attempts"
            notes.append(f"{total.failed_attempts:,} of {overview.attempts:,} {noun} failed")
        is_new = not total.events and not (await activity.events(viewer.company_id, limit=1)).events
        return {
            "overview": overview,
            "span": f"?span={chosen}",
            "spans": [
                (f"{viewer.root}?span={name}", span.title, name == chosen) for name, span in SPANS.items()
            ],
            "charts": _charts(overview, SPANS[chosen]),
            "rows": [(_written(bucket.start_ms), bucket) for bucket in overview.buckets],
            "attention": _attention_items(viewer, overview.attention),
            "delivery_notes": _listed(
                {
                    "delivered": total.delivered,
                    "failed for good": total.failed,
                    "not finished": total.unfinished,
                }
            ),
            "health_notes": _listed(overview.subscriptions),
            "arrived": total.delivered / ended if ended else None,
            "arrived_notes": notes,
            "is_new": is_new,
            "first_event": self._portal.first_event(request) if is_new else None,
        }


ROUTES = Table(
    OverviewPages, get("", OverviewPages.show), get("/overview", OverviewPages.show_part), below=EITHER
)


def _attention_items(viewer: Viewer, attentions: Sequence[Attention]) -> list[AttentionItem]:
    """Make one item for each trouble; deliveries that failed for good belong to the item of their troubled subscription."""
    troubled = {each.subscription_id for each in attentions if each.kind in _TROUBLES}
    lost = {
        each.subscription_id: each
        for each in attentions
        if each.kind == "exhausted" and each.subscription_id in troubled
    }
    items: list[AttentionItem] = []
    for each in attentions:
        if each.kind == "exhausted" and each.subscription_id in lost:
            continue
        url = None
        if each.subscription_id is not None and viewer.has(WEBHOOKS_READ):
            url = f"{viewer.root}/subscriptions/{each.subscription_id}"
        sentence = _linked(each, url) if url else formats.with_times(each.sentence)
        because = lost.get(each.subscription_id) if each.kind in _TROUBLES else None
        if because is not None:
            sentence += Markup(" {} failed for good.").format(because.sentence.partition(" to ")[0])
        word, tone = WORDS.get(each.kind, each.kind), formats.tone_of(each.kind)
        items.append(AttentionItem(word, tone, sentence, _action(viewer, because or each, url)))
    return items


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
    step_ms = (overview.until_ms - overview.since_ms) / (_DATES - 1)
    dates = [formats.moment(overview.since_ms + step_ms * number) for number in range(_DATES)]
    axis = Axis(
        [_written(bucket.start_ms) for bucket in overview.buckets],
        [date.strftime(span.date_format) for date in dates],
    )

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


def _written(start_ms: int) -> str:
    return formats.moment(start_ms).strftime("%-d %b, %H:%M")


def _listed(counts: Mapping[str, int]) -> list[Markup]:
    """List the counts above zero, such as ``12 delivered``; counts that mean trouble are colored."""
    line, bad_line = Markup("{:,} {}"), Markup('<span class="is-failing">{:,} {}</span>')
    return [
        (bad_line if name in _BAD else line).format(count, name) for name, count in counts.items() if count
    ]


def _count(value: float) -> str:
    return f"{value:,.0f}"
