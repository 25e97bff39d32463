"""Events of ``invoice.created`` as clients send them, and the events that a client polls."""

from typing import Any

import httpx2

PAID = {"invoice_id": 1, "client_id": 2, "due_date": "2026-02-01", "invoice_status": "Paid"}
"""A payload that lacks its amount."""


def invoice(amount: object = 99, **changes: object) -> dict[str, Any]:
    return {"type": "invoice.created", "payload": {**PAID, "amount": amount}, **changes}


async def polled(client: httpx2.AsyncClient) -> list[dict[str, Any]]:
    return (await client.get("/api/v1/events", params={"limit": 200})).json()["events"]
