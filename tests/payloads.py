"""Payloads of the built-in event types, for tests that do not care what is in them."""

FAILED = {
    "payment_id": 1,
    "invoice_id": 2,
    "client_id": 3,
    "amount_attempted": 5,
    "failure_reason": "declined",
}
"""Of ``payment.failed``."""
