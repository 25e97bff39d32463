"""Writes the alert for a delivery, with the company, the waiting deliveries, and a link to the portal."""

from contextlib import suppress
from typing import Any

import orjson

from trunkline import NotFound, PluginContext, Push
from trunkline.routes import company_title, in_environment
from trunkline_alerts import messages
from trunkline_alerts.messages import TEMPLATES, Message


class Writer:
    """Writes alerts with facts from the hub's current state."""

    def __init__(self, context: PluginContext[Any]) -> None:
        self._context = context

    async def write(self, push: Push) -> Message:
        """Write the alert of the event that *push* delivers."""
        payload = orjson.loads(push.body)["payload"]
        company_id = company_of(push, payload)
        subscription = payload.get("subscription") if push.event_type in TEMPLATES else None
        waiting = 0
        if subscription is not None and company_id is not None:
            with suppress(NotFound):  # deleted meanwhile
                waiting = await self._context.deliveries.count_open(company_id, subscription["id"])
        whose, link = await self.name(company_id), self.link(company_id, subscription)
        return messages.write(push.event_type, payload, whose=whose, link=link, waiting=waiting)

    async def name(self, company_id: int | None) -> str:
        """Return a company's name for use in a sentence; *company_id* None means the hub."""
        if company_id is None:
            return "the hub"
        try:
            view = await self._context.companies.view(abs(company_id))
        except NotFound:
            return company_title(company_id)
        name = view.get("name") or view.get("reference")
        return f"{name}, {company_title(company_id)}" if name else company_title(company_id)

    def link(self, company_id: int | None, subscription: dict[str, Any] | None = None) -> str:
        """Return the address of the portal's page about a company or its subscription.

        Empty if the hub has no public URL.
        """
        url = self._context.deployment.public_url
        if url is None:
            return ""
        if company_id is None:
            return f"{url}/portal"
        page = f"{url}/portal/companies/{abs(company_id)}{'~test' if company_id < 0 else ''}"
        return f"{page}/subscriptions/{subscription['id']}" if subscription else page


def company_of(push: Push, payload: dict[str, Any]) -> int | None:
    """Return the id of the company, in its environment, that the event is about; None if it is about the hub itself."""
    return company_in(payload) if push.event_type in TEMPLATES else push.target.company_id


def company_in(payload: dict[str, Any]) -> int | None:
    """Return the id of the company in the payload of an operational event.

    None if the event is about the hub itself.
    """
    number = payload["company_id"]
    return None if number is None else in_environment(number, payload["environment"])
