"""One delivery with its attempts, and sending again: the same delivery, or an event to one subscription."""

import contextlib
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from trunkline import Json, NotFound
from trunkline.pages import ListedEvent
from trunkline_portal.access import EVENTS_READ, ReadsWebhooks, Viewer, WritesWebhooks
from trunkline_portal.attempts import timeline
from trunkline_portal.forms import Submitted, read_number
from trunkline_portal.pages.events import read_id
from trunkline_portal.pages.subscriptions.views import channel_titles
from trunkline_portal.portal import Pages
from trunkline_portal.routing import Table, get, post

ATTEMPTS = 20
"""The number of attempts on one page; a delivery may have been sent again a hundred times."""
_SHOWN_BYTES = 10_000
"""A longer body is shown only on its event's page."""
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class DeliveryPages(Pages):
    """The page of a delivery, and the forms that send again."""

    async def _find(self, request: Request, delivery_id: str, viewer: Viewer) -> dict[str, Any]:
        delivery = await self._context.deliveries.get(viewer.company_id, delivery_id)
        event_id: int = delivery["event_id"]
        subscription = None  # it may have been deleted
        with contextlib.suppress(NotFound):
            subscription = await self._context.subscriptions.get(
                viewer.company_id, delivery["subscription_id"], channel=None
            )
        explained = await self._context.deliveries.explain(viewer.company_id, event_id)
        reasons = {entry["subscription_id"]: entry["reason"] for entry in explained["subscriptions"]}
        shown = timeline(delivery, subscription, company_id=viewer.company_id)
        limit = read_number(request.query_params.get("before", ""), most=10**9 - 1)
        older = [each for each in reversed(shown) if limit is None or each.stored["number"] < limit]
        event = None
        if viewer.has(EVENTS_READ):
            event = (await self._context.activity.event(viewer.company_id, event_id)).event
        return {
            "delivery": delivery,
            "subscription": subscription,
            "channels": channel_titles(self._portal),
            "reason": reasons.get(delivery["subscription_id"]),
            "body": event.body if event and len(event.body) <= _SHOWN_BYTES else None,
            "attempts": older[:ATTEMPTS],
            "before": older[ATTEMPTS - 1].stored["number"] if len(older) > ATTEMPTS else None,
            "is_first_page": limit is None,
        }

    async def show(self, request: Request, delivery_id: str, viewer: ReadsWebhooks) -> Response:
        """Show a delivery."""
        return self._portal.render(viewer, "delivery.html", **await self._find(request, delivery_id, viewer))

    async def show_attempts(self, request: Request, delivery_id: str, viewer: ReadsWebhooks) -> Response:
        """Return the delivery's attempts as a fragment, for the script that refreshes the page."""
        values = await self._find(request, delivery_id, viewer)
        return self._portal.fragment(viewer, "delivery_attempts.html", **values)

    async def retry(self, delivery_id: str, viewer: WritesWebhooks, fields: Submitted) -> Response:
        """Send a delivery again."""
        known = await self._context.deliveries.get(viewer.company_id, delivery_id)
        subscription = await self._context.subscriptions.get(
            viewer.company_id, known["subscription_id"], channel=None
        )
        delivery = await self._context.deliveries.retry(viewer.company_id, delivery_id)
        back = f"{viewer.root}/events/{delivery['event_id']}"
        path = back if fields["back"] == "event" else f"{viewer.root}/deliveries/{delivery['id']}"
        text, tone = _what_follows(subscription)
        return self._portal.redirect(viewer, path, flash=text, tone=tone)

    async def skip(self, delivery_id: str, viewer: WritesWebhooks) -> Response:
        """End an open delivery, so that the deliveries that wait for its end can continue."""
        delivery = await self._context.deliveries.skip(viewer.company_id, delivery_id)
        if delivery["status"] == "skipped":
            text, tone = "It is skipped; what it held goes on.", "good"
        else:
            text, tone = f"It had ended already, as {delivery['status']}.", "warn"
        path = f"{viewer.root}/deliveries/{delivery['id']}"
        return self._portal.redirect(viewer, path, flash=text, tone=tone)

    async def ask_to_send(self, request: Request, event_id: str, viewer: WritesWebhooks) -> Response:
        """Ask before an event is sent to a subscription."""
        event = (await self._context.activity.event(viewer.company_id, read_id(event_id))).event
        subscription_id = request.query_params.get("subscription", "")
        subscription = await self._context.subscriptions.get(viewer.company_id, subscription_id, channel=None)
        counted = await self._start(viewer, event, subscription_id, dry_run=True)
        matched: int = counted["matched"]
        if matched == 0:
            sentences = ["Nothing would be sent: the subscription's filter does not let this event through."]
        else:
            sentences = [
                f"Event {event.event_id} ({event.type}) is sent to this subscription as if it had just happened."
            ]
            if matched > 1:
                sentences.append(
                    f"It was accepted in the same millisecond as {matched - 1} more of its type that match; they are sent with it."
                )
            if subscription["status"] != "active":
                sentences.append(
                    f"It waits until the subscription, which is {subscription['status']}, is resumed."
                )
        return self._portal.render(
            viewer,
            "event_send.html",
            event=event,
            subscription=subscription,
            sentences=sentences,
            matched=matched,
        )

    async def send(self, event_id: str, viewer: WritesWebhooks, fields: Submitted) -> Response:
        """Send an event to a subscription."""
        event = (await self._context.activity.event(viewer.company_id, read_id(event_id))).event
        subscription_id = fields["subscription"]
        subscription = await self._context.subscriptions.get(viewer.company_id, subscription_id, channel=None)
        await self._start(viewer, event, subscription_id, dry_run=False)
        text, tone = _what_follows(subscription)
        return self._portal.redirect(viewer, f"{viewer.root}/events/{event.event_id}", flash=text, tone=tone)

    async def _start(
        self, viewer: Viewer, event: ListedEvent, subscription_id: str, *, dry_run: bool
    ) -> dict[str, Json]:
        """Replay all events of the event's type from the same millisecond, because the API cannot replay a single event."""
        accepted = _EPOCH + timedelta(milliseconds=event.accepted_ms)
        request: dict[str, Json] = {
            "from": accepted,
            "to": accepted + timedelta(milliseconds=1),
            "event_types": [event.type],
            "dry_run": dry_run,
        }
        return await self._context.replays.start(viewer.company_id, subscription_id, request, channel=None)


ROUTES = Table(
    DeliveryPages,
    get("/deliveries/{delivery_id}", DeliveryPages.show),
    get("/deliveries/{delivery_id}/attempts", DeliveryPages.show_attempts),
    post("/deliveries/{delivery_id}/retry", DeliveryPages.retry, bucket="admin"),
    post("/deliveries/{delivery_id}/skip", DeliveryPages.skip, bucket="admin"),
    get("/events/{event_id}/send", DeliveryPages.ask_to_send, bucket="admin"),
    post("/events/{event_id}/send", DeliveryPages.send, bucket="admin"),
)


def _what_follows(subscription: Mapping[str, Json]) -> tuple[str, str]:
    """Return the message to show after a delivery to *subscription* was made due, and the tone of the message."""
    if subscription["status"] == "active":
        return "It is sent now; the attempt shows up here in a moment.", "good"
    return f"It waits, because the subscription is {subscription['status']}: resume that first.", "warn"
