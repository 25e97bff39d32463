"""The headers of a request to a callback, with signatures by Standard Webhooks."""

from collections.abc import Mapping

from trunkline import Signer

SUBSCRIPTION_HEADER = "X-MCP-Subscription-Id"


def headers(
    secrets: tuple[str, ...], *, message_id: str, timestamp: int, body: bytes, subscription_id: str
) -> Mapping[str, str]:
    """Make the headers of a request with *body*. It is signed with each of *secrets* at Unix second *timestamp*."""
    signed = Signer("standard", secrets=secrets).headers(message_id, timestamp=timestamp, body=body)
    return {**signed, "content-type": "application/json", SUBSCRIPTION_HEADER: subscription_id}
