"""The delivery status of a subscription in the protocol's terms; it is sent to a client that renews the subscription."""

from collections.abc import Mapping
from datetime import UTC, datetime

from trunkline import Json, PluginContext
from trunkline_mcp.channel import CHANNEL
from trunkline_mcp.event_errors import reason_of


async def status_of(
    context: PluginContext, company_id: int, view: Mapping[str, Json], *, failed_since_ms: int | None
) -> dict[str, Json]:
    """Return the delivery status of the subscription *view*: active or not, last delivery, and last error.

    *failed_since_ms* is set only if the subscription was suspended until now; otherwise it is None.
    """
    subscription_id = str(view["id"])
    listed = await context.activity.subscriptions(company_id)
    activity = next((each for each in listed if each.subscription_id == subscription_id), None)
    delivered = await context.deliveries.of_subscription(
        company_id, subscription_id, channel=CHANNEL, status="delivered", limit=1
    )
    status: dict[str, Json] = {
        "active": view["status"] == "active" and failed_since_ms is None,
        "lastDeliveryAt": next((each["updated_utc"] for each in delivered["deliveries"]), None),
        "lastError": None,
    }
    newest = await context.deliveries.of_subscription(company_id, subscription_id, channel=CHANNEL, limit=1)
    for each in newest[
        "deliveries"
    ]:  # of the last attempt to deliver the newest event, if that attempt failed
        attempts = (await context.deliveries.get(company_id, each["id"]))["attempts"]
        if attempts and attempts[-1]["outcome"] != "delivered":
            last = attempts[-1]
            status["lastError"] = reason_of(status=last["status_code"], error=last["error"])
    if failed_since_ms is None and activity is not None:
        failed_since_ms = activity.failing_since_ms
    if failed_since_ms is not None:
        since = datetime.fromtimestamp(failed_since_ms / 1000, UTC)
        status["failedSince"] = since.isoformat(timespec="seconds").replace("+00:00", "Z")
    return status
