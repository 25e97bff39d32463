"""A channel that writes events into a chat room by an incoming webhook like Slack's."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from trunkline import (
    Channel,
    HttpClient,
    Outcome,
    PluginContext,
    Push,
    Result,
    SecretUrl,
    hookimpl,
    post_by_http,
)
from trunkline_chat_room.messages import write

GONE = ("no_service", "no_team", "team_disabled", "invalid_token", "channel_not_found", "channel_is_archived")
"""Slack's words, with 403, 404 or 410, for a webhook that no longer works for anybody."""
INSTRUCTIONS = """
1. In Slack, open [your apps](https://api.slack.com/apps), and an app's **Incoming Webhooks**.
2. Choose *Add New Webhook to Workspace*, and the room.
3. Copy the webhook's URL whole. Whoever knows it can write into the room.
"""
ICON = '<svg viewBox="0 0 24 24" fill="none" stroke="currentColor" stroke-width="2"><path d="M9 3 7 21M17 3l-2 18M4 9h17M3 15h17"/></svg>'


@dataclass(frozen=True, slots=True)
class Writer:
    """Writes messages about events, whose titles it finds in *context*."""

    context: PluginContext

    async def deliver(self, push: Push[SecretUrl], http: HttpClient) -> Result:
        """Write one message, and read the answer as Slack means it."""
        url, body = push.target.config.url.get_secret_value(), write(push, self.context.events.types())
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
    """Give the channel; calls, form and checks come from ``SecretUrl``."""
    made = context.shared(Writer).deliver
    about = "Writes each event into a chat room."
    return [
        Channel("chat_room", "Chat room", about, made, target=SecretUrl, instructions=INSTRUCTIONS, icon=ICON)
    ]
