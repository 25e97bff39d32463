"""Posts to callbacks, with signatures by Standard Webhooks."""

from trunkline import HttpClient, Push, Result, Signer, post_by_http

SUBSCRIPTION_HEADER = "X-MCP-Subscription-Id"


async def post(push: Push, http: HttpClient, *, body: bytes, message_id: str) -> Result:
    """Post *body* to the target of *push*, signed with each of the target's secrets."""
    target = push.target
    signer = Signer("standard", secrets=target.secrets)
    headers = {
        **signer.headers(message_id, timestamp=push.timestamp, body=body),
        "content-type": "application/json",
        SUBSCRIPTION_HEADER: target.name or target.subscription_id,
    }
    return await post_by_http(push, http, url=target.url, body=body, headers=headers)
