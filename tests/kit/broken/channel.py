"""A good channel, and the ways to break it."""

from tests.kit.broken.breaking import Broken

from trunkline_kit import Source

HEAD = '''"""A channel that posts to a room."""
import asyncio, contextlib, functools, json, logging, re, socket, time
from dataclasses import replace
from pathlib import Path
from urllib.parse import urlsplit
from fastapi import APIRouter, Depends
from pydantic import BaseModel, Field, SecretStr
from trunkline import Channel, Outcome, PluginContext, Result, deliver_by_http, hookimpl
from trunkline.routes import HttpResponse
from trunkline.routes import Caller, Routes, Strict, StrictRoute, requires, rest_hook_routes


class Settings(BaseModel):
    token: SecretStr = Field(default="none", description="opens the room")


@hookimpl
def register_settings():
    return Settings


async def post(push, http):
    result = await deliver_by_http(push, http)
    return replace(result, outcome=Outcome.REJECTED) if result.status_code == 422 else result


class Client:
    """The client that was handed over, with what a defect alters on the way out and back."""

    def __init__(self, http, *, headers=lambda given: given, body=lambda given: given, answer=lambda given: given):
        self.http, self.headers, self.body, self.answer = http, headers, body, answer

    async def post(self, url, *, body, headers):
        response = await self.http.post(url, body=self.body(body), headers=self.headers(headers))
        return self.answer(response)
'''

CHANNEL = """
@hookimpl
def register_channels(context):
    return [Channel("acme", "Acme", "Posts each event to a room.", deliver=deliver)]
"""

DELIVER = """
async def deliver(push, http):
    return await post(push, http)
"""

ROUTES = """
@hookimpl
def register_routes(context):
    return [rest_hook_routes(context, channel="acme", title="Acme")]
"""

ATTRIBUTES = {
    "channel": "acme",
    "settings": {"acme.token": "the-token-of-the-room"},
    "signs": True,
    "rejects": (422,),
    "patience_seconds": 4.0,
}

PULLED = '''"""A channel that is pulled."""
from fastapi import APIRouter, Depends, Response
from trunkline import Channel, hookimpl
from trunkline.routes import Caller, Routes, requires


@hookimpl
def register_channels(context):
    return [Channel("acme", "Acme", "Gives each event to whoever asks.")]


@hookimpl
def register_routes(context):
    router = APIRouter()

    @router.get("/events")
    async def read(cursor: str = "", limit: int = 50, caller: Caller = Depends(requires("events:read"))):
        page = await context.events.page(caller.company_id, cursor=cursor or None, limit=limit)
        bodies = give(list(page.bodies))
        return Response(b'{"events":[' + b",".join(bodies) + b'],"next_cursor":"' + page.next_cursor.encode() + b'"}')

    return [Routes(router)]
'''


def acme(deliver: str = DELIVER, *, channel: str = CHANNEL, routes: str = ROUTES, **attributes) -> Broken:
    return Broken(
        Source("acme", f"{HEAD}\n\n{deliver}\n\n{channel}\n\n{routes}"), {**ATTRIBUTES, **attributes}
    )


def delivering(statements: str) -> Broken:
    return acme(f"async def deliver(push, http):\n{statements}")


def altering(expression: str) -> Broken:
    return delivering(f"    result = await post(push, http)\n    return {expression}\n")


def with_outcome(condition: str, outcome: str) -> Broken:
    """Make a channel that reports *outcome* for results that meet *condition*."""
    return altering(f"replace(result, outcome=Outcome.{outcome}) if {condition} else result")


def pushing(expression: str) -> Broken:
    return delivering(f"    return await post({expression}, http)\n")


def through(alterations: str) -> Broken:
    """Make a channel that alters the calls of its client."""
    return delivering(f"    return await post(push, Client(http, {alterations}))\n")


def pulled(give: str) -> Broken:
    """Make a pulled channel that gives the expression *give* of a page's ``bodies``."""
    return Broken(
        Source("acme", f"{PULLED}\n\ndef give(bodies):\n    return {give}\n"),
        {"channel": "acme", "patience_seconds": 4.0},
    )


good = acme(patience_seconds=20.0)  # broken channels would only use up more time

good_pulled = pulled("bodies")


good_with_urls = acme(
    "from trunkline import Url\n\n" + DELIVER,
    channel=CHANNEL.replace("=deliver)", "=deliver, target=Url)"),
    routes="",
    patience_seconds=20.0,
)

GOOD = {
    good: None,
    good_with_urls: (
        "channel.delivers-an-event",
        "channel.delivers-many-at-once",
        "channel.follows-a-changed-target",
        "channel.refuses-impossible-targets",
        "channel.retries-when-nobody-listens",
        "channel.sends-only-through-the-client",
        "channel.subscribes-by-its-own-route",
    ),
    good_pulled: (
        "channel.is-described",  # not 'has-a-name-of-its-own': it replaces polling, and never runs beside it
        "channel.gives-what-was-accepted",
        "channel.gives-each-event-once-in-order",
    ),
}
