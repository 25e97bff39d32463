"""The built-in event types, and payloads of them for tests that do not care what is in them."""

FAILED = {
    "payment_id": 1,
    "invoice_id": 2,
    "client_id": 3,
    "amount_attempted": 5,
    "failure_reason": "declined",
}
"""Of ``payment.failed``."""
PAID = {
    "payment_id": 1,
    "invoice_id": 2,
    "client_id": 3,
    "payment_amount": 99,
    "payment_method": "card",
    "date_paid": "2026-01-28T10:30:00Z",
}
"""Of ``payment.succeeded``."""
TEN = [
    "affiliate.created",
    "agreement.signed",
    "client.created",
    "client.status_changed",
    "document.uploaded",
    "invoice.created",
    "invoice.status_changed",
    "lead.created",
    "payment.failed",
    "payment.succeeded",
]
"""The built-in event types."""
