"""One delivery with its attempts, and sending again: the same delivery, or an event to one subscription."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from trunkline import Json, ListedEvent, NotFound
from trunkline_portal.access import Viewer, WritesWebhooks
from trunkline_portal.forms import Submitted
from trunkline_portal.outcomes import attempt_sentence
from trunkline_portal.pages.events import read_id
from trunkline_portal.portal import Portal

ATTEMPTS = 20
"""Attempts on one page; somebody may have sent it again a hundred times."""
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def make_router(portal: Portal) -> APIRouter:
    """Build the router."""
    router = portal.router()
    log, subscriptions = portal.context.deliveries, portal.context.subscriptions

    async def find(request: Request, delivery_id: str, viewer: Viewer) -> dict[str, Any]:
        delivery = await log.get(viewer.company_id, delivery_id)
        event_id: int = delivery["event_id"]
        subscription = await find_subscription(viewer, delivery["subscription_id"])
        explained = await log.explain(viewer.company_id, event_id)
        reasons = {entry["subscription_id"]: entry["reason"] for entry in explained["subscriptions"]}
        return {
            "delivery": delivery,
            "subscription": subscription,
            "reason": reasons.get(delivery["subscription_id"]),
            "attempt_sentence": attempt_sentence,
            **_page_of_attempts(delivery, request.query_params.get("before", "")),
        }

    async def find_subscription(viewer: Viewer, subscription_id: str) -> Mapping[str, Json] | None:
        """Read a delivery's subscription; None where it has been deleted."""
        try:
            return await subscriptions.get(viewer.company_id, subscription_id, channel=None)
        except NotFound:
            return None

    @router.get("/deliveries/{delivery_id}")
    async def show(request: Request, delivery_id: str, viewer: WritesWebhooks) -> Response:
        return portal.render(request, viewer, "delivery.html", **await find(request, delivery_id, viewer))

    @router.get("/deliveries/{delivery_id}/attempts")
    async def show_attempts(request: Request, delivery_id: str, viewer: WritesWebhooks) -> Response:
        values = await find(request, delivery_id, viewer)
        return portal.fragment(request, viewer, "delivery_attempts.html", **values)

    @router.post("/deliveries/{delivery_id}/retry")
    async def retry(
        request: Request, delivery_id: str, viewer: WritesWebhooks, fields: Submitted
    ) -> Response:
        known = await log.get(viewer.company_id, delivery_id)
        subscription = await subscriptions.get(viewer.company_id, known["subscription_id"], channel=None)
        delivery = await log.retry(viewer.company_id, delivery_id)
        back = f"/portal/events/{delivery['event_id']}"
        path = back if fields["back"] == "event" else f"/portal/deliveries/{delivery['id']}"
        text, tone = _what_follows(subscription)
        return portal.redirect(request, path, viewer=viewer, flash=text, tone=tone)

    @router.get("/events/{event_id}/send")
    async def ask_to_send(request: Request, event_id: str, viewer: WritesWebhooks) -> Response:
        event = (await portal.context.activity.event(viewer.company_id, read_id(event_id))).event
        subscription_id = request.query_params.get("subscription", "")
        subscription = await subscriptions.get(viewer.company_id, subscription_id, channel=None)
        counted = await start(viewer, event, subscription_id, dry_run=True)
        sentences = _sentences(event, subscription, matched=counted["matched"])
        return portal.render(
            request,
            viewer,
            "event_send.html",
            event=event,
            subscription=subscription,
            sentences=sentences,
            matched=counted["matched"],
        )

    @router.post("/events/{event_id}/send")
    async def send(request: Request, event_id: str, viewer: WritesWebhooks, fields: Submitted) -> Response:
        event = (await portal.context.activity.event(viewer.company_id, read_id(event_id))).event
        subscription_id = fields["subscription"]
        subscription = await subscriptions.get(viewer.company_id, subscription_id, channel=None)
        await start(viewer, event, subscription_id, dry_run=False)
        text, tone = _what_follows(subscription)
        return portal.redirect(request, f"/portal/events/{event.id}", viewer=viewer, flash=text, tone=tone)

    async def start(
        viewer: Viewer, event: ListedEvent, subscription_id: str, *, dry_run: bool
    ) -> dict[str, Json]:
        """Replay the millisecond of the event, for events of its type: no call of the API names a single one."""
        accepted = _EPOCH + timedelta(milliseconds=event.accepted_ms)
        request: dict[str, Json] = {
            "from": accepted,
            "to": accepted + timedelta(milliseconds=1),
            "event_types": [event.type],
            "dry_run": dry_run,
        }
        return await portal.context.replays.start(viewer.company_id, subscription_id, request, channel=None)

    return router


def _page_of_attempts(delivery: Mapping[str, Json], before: str) -> dict[str, Any]:
    """Choose the attempts to show, newest first, from before the number *before* on."""
    limit = int(before) if before.isascii() and before.isdigit() and len(before) < 10 else None
    older = [one for one in reversed(delivery["attempts"]) if limit is None or one["number"] < limit]
    return {
        "attempts": older[:ATTEMPTS],
        "before": older[ATTEMPTS - 1]["number"] if len(older) > ATTEMPTS else None,
        "is_first_page": limit is None,
    }


def _what_follows(subscription: Mapping[str, Json]) -> tuple[str, str]:
    """Say what happens after something was made due for *subscription*, and in which tone."""
    if subscription["status"] == "active":
        return "It is sent now; the attempt shows up here in a moment.", "good"
    return f"It waits, because the subscription is {subscription['status']}: resume that first.", "warn"


def _sentences(event: ListedEvent, subscription: Mapping[str, Json], *, matched: int) -> list[str]:
    if matched == 0:
        return ["Nothing would be sent: the subscription's filter does not let this event through."]
    sentences = [f"Event {event.id} ({event.type}) is sent to this subscription as if it had just happened."]
    if matched > 1:
        sentences.append(
            f"It was accepted in the same millisecond as {matched - 1} more of its type that match; they are sent with it."
        )
    if subscription["status"] != "active":
        sentences.append(f"It waits until the subscription, which is {subscription['status']}, is resumed.")
    return sentences
