"""A push channel as an author writes it: everything here type-checks, and has the asserted type."""

from collections.abc import Sequence
from typing import assert_type

from pydantic import BaseModel, SecretStr

from trunkline import (
    Channel,
    HttpClient,
    Outcome,
    PluginContext,
    Push,
    Result,
    Target,
    deliver_by_http,
    hookimpl,
)
from trunkline.routes import HttpResponse


class Settings(BaseModel):
    """The section ``acme``."""

    room: str = "general"
    token: SecretStr = SecretStr("")


class Sender:
    """State that hooks share; it may ask for the context with its settings."""

    def __init__(self, context: PluginContext[Settings]) -> None:
        self.room = context.settings.room


@hookimpl
def register_settings() -> type[Settings]:
    """Give the model."""
    return Settings


async def deliver(push: Push, http: HttpClient) -> Result:
    """Post the event."""
    assert_type(push.event_id, str)
    assert_type(push.attempt, int)
    assert_type(push.body, bytes)
    assert_type(push.cursor, str | None)
    assert_type(push.target, Target)
    assert_type(push.target.secrets, tuple[str, ...])
    answer = await http.post(push.target.url, body=push.body, headers={"Content-Type": "application/json"})
    assert_type(await http.get(push.target.url, headers={}), HttpResponse)
    assert_type(await http.put(push.target.url, body=push.body, headers={}), HttpResponse)
    assert_type(await http.patch(push.target.url, body=push.body, headers={}), HttpResponse)
    assert_type(await http.delete(push.target.url, headers={}), HttpResponse)
    assert_type(answer, HttpResponse)
    if answer.status >= 500:
        return Result(Outcome.RETRY, status_code=answer.status, retry_after_seconds=5)
    if answer.status == 410:
        return Result(Outcome.GONE, status_code=answer.status)
    return Result(Outcome.DELIVERED, status_code=answer.status, response_body=answer.body.decode())


@hookimpl
def register_channels(context: PluginContext[Settings]) -> Sequence[Channel]:
    """Give two channels, one with a function of the hub's own."""
    settings = context.settings
    assert_type(settings, Settings)
    assert_type(context.shared(Sender).room, str)
    return [
        Channel("acme", "Acme", f"Into {settings.room}.", deliver),
        Channel("acme-plain", "Acme", "As it is.", deliver=deliver_by_http),
        Channel("acme-pull", "Acme", "Pulled."),
    ]
