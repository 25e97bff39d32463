"""A channel that posts each event to a URL, such as a chat room's incoming webhook."""

from trunkline import Channel, HttpClient, Outcome, Push, Result, Url, hookimpl


async def deliver(push: Push[Url], http: HttpClient) -> Result:
    """Make one attempt. An exception counts as a failed attempt, and is tried again."""
    line = b'{"text": "%s"}' % push.event_type.encode()
    answer = await http.post(push.target.url, body=line, headers={"Content-Type": "application/json"})
    return Result(Outcome.DELIVERED if answer.status < 300 else Outcome.RETRY, answer.status)


@hookimpl
def register_channels() -> list[Channel]:
    """Give the channel."""
    return [Channel("chat", "Chat", "Writes into a chat room.", deliver, target=Url)]
