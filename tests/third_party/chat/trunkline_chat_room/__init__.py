"""A channel that writes events into a chat room by an incoming webhook like Slack's."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from trunkline import Channel, HttpClient, Outcome, PluginContext, Push, Result, hookimpl, post_by_http
from trunkline.routes import Routes
from trunkline_chat_room.messages import write
from trunkline_chat_room.rooms import CHANNEL, HIDDEN_HEADER, make_router

GONE = ("no_service", "no_team", "team_disabled", "invalid_token", "channel_not_found", "channel_is_archived")
"""Slack's words, with 403, 404 or 410, for a webhook that no longer works for anybody."""


@dataclass(frozen=True, slots=True)
class Writer:
    """Writes messages about events, whose titles it finds in *context*."""

    context: PluginContext

    async def deliver(self, push: Push, http: HttpClient) -> Result:
        """Write one message, and read the answer as Slack means it."""
        secret = push.target.headers.get(HIDDEN_HEADER)
        url = f"{push.target.url}/{secret}" if secret else push.target.url
        body = write(push, self.context.events.types())
        headers = {"content-type": "application/json"}
        return judge(await post_by_http(push, http, url=url, body=body, headers=headers))


def judge(result: Result) -> Result:
    """Read the meaning of a chat's answer beyond its status."""
    word = (result.response_body or "").strip()
    if result.status_code == 400:  # invalid_payload, too_many_attachments: the message is never accepted
        return replace(result, outcome=Outcome.REJECTED)
    if result.status_code in {403, 404} and word in GONE:
        return replace(result, outcome=Outcome.GONE)
    return result


@hookimpl
def register_channels(context: PluginContext) -> Sequence[Channel]:
    """Give the channel."""
    writer = context.shared(Writer)
    return [Channel(CHANNEL, "Chat room", "Writes each event into a chat room.", deliver=writer.deliver)]


@hookimpl
def register_routes(context: PluginContext) -> Sequence[Routes]:
    """Give the calls by which a company adds, lists and removes its rooms."""
    return [Routes(make_router(context), prefix="/chat_room/rooms")]
