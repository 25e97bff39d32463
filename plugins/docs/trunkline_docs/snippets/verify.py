"""Check a webhook and read its event. Nothing to install."""

import base64
import hmac
import json
import time
from collections.abc import Mapping
from typing import Any

TOLERANCE_SECONDS = 300


def verify(secret: str, headers: Mapping[str, str], body: bytes) -> dict[str, Any]:
    """Give the event, or raise ValueError. *body* is as it came; header names are in lower case."""
    timestamp = headers.get("webhook-timestamp", "")
    if not timestamp.isdecimal() or abs(int(time.time()) - int(timestamp)) > TOLERANCE_SECONDS:
        reason = "too old, or the clocks differ"
        raise ValueError(reason)
    key = base64.b64decode(secret.removeprefix("whsec_"))
    content = f"{headers.get('webhook-id', '')}.{timestamp}.".encode() + body
    expected = b"v1," + base64.b64encode(hmac.digest(key, content, "sha256"))
    signatures = headers.get("webhook-signature", "").encode().split()
    if not any(hmac.compare_digest(expected, signature) for signature in signatures):
        reason = "not signed with our secret"
        raise ValueError(reason)
    event: dict[str, Any] = json.loads(body)
    return event
