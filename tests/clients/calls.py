"""Calls a hub through the client that openapi-python-client makes."""

import os

from made import AuthenticatedClient
from made.api.actions import create_lead
from made.api.events import emit_event, get_event, list_events
from made.api.searches import find_client
from made.api.webhooks import (
    create_webhook_subscription,
    delete_webhook_subscription,
    list_webhook_subscriptions,
)
from made.models import (
    CreatedSubscription,
    CreateLeadInput,
    CreateLeadOutput,
    CreateWebhookSubscription,
    Envelope,
    EventPage,
    EventRequest,
    EventRequestPayload,
    EventRequestType,
    FindClientOutput,
    Problem,
    SubscriptionList,
)  # fmt: skip
from made.types import UNSET, Unset

client = AuthenticatedClient(
    base_url=os.environ["HUB"], token=os.environ["KEY"], prefix="", auth_header_name="X-Api-Key"
)


def event(payload: dict[str, object]) -> EventRequest:
    return EventRequest(
        type_=EventRequestType.PAYMENT_SUCCEEDED, payload=EventRequestPayload.from_dict(payload)
    )


made = emit_event.sync(
    client=client,
    body=event(
        {
            "payment_id": 3_000_000_000,
            "invoice_id": 2,
            "client_id": 3,
            "payment_amount": 149999.99,
            "payment_method": "card",
            "date_paid": "2026-01-28T10:30:00Z",
        }
    ),
)
assert isinstance(made, Envelope)
problem = emit_event.sync(client=client, body=event({}))
assert isinstance(problem, Problem)
assert problem.status == 422
assert problem.errors
cursor: str | Unset = UNSET
found: Envelope | None = None
while True:
    page = list_events.sync(client=client, cursor=cursor, limit=2)
    assert isinstance(page, EventPage)
    found = next((e for e in page.events if e.id == made.id), found)
    cursor = page.next_cursor
    if not page.events:
        break
assert found is not None
assert found.payload["payment_amount"] == 149999.99
assert found.payload["payment_id"] == 3_000_000_000
subscription = create_webhook_subscription.sync(
    client=client, body=CreateWebhookSubscription(target_url="https://example.com/python", event_types=["*"])
)
assert isinstance(subscription, CreatedSubscription)
listed = list_webhook_subscriptions.sync(client=client)
assert isinstance(listed, SubscriptionList)
assert any(s.id == subscription.id for s in listed.subscriptions)
assert delete_webhook_subscription.sync_detailed(subscription.id, client=client).status_code == 204
lead = create_lead.sync(
    client=client, body=CreateLeadInput(first_name="Jane", last_name="Doe", email="python@example.com")
)
assert isinstance(lead, CreateLeadOutput)
clients = find_client.sync(client=client, email="python@example.com")
assert isinstance(clients, FindClientOutput)
assert clients.results[0].client_id == lead.client_id
assert isinstance(get_event.sync(made.id, client=client), Envelope)
print("ok")
