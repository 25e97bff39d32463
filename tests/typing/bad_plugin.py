"""Mistakes of a plugin author that a type checker reports: each wrong line names the error that it must have.

A comment that suppresses nothing is an error itself (``warn_unused_ignores``, ``reportUnnecessaryTypeIgnoreComment``), so
every mistake here is really reported by both checkers.
"""

from collections.abc import Sequence

from trunkline import (
    Answer,
    Call,
    Channel,
    EmittedEvent,
    EventType,
    HttpClient,
    Operation,
    Outcome,
    PluginContext,
    Push,
    Result,
    Target,
)
from trunkline.pages import PortalPage, PortalRequest
from trunkline.routes import requires


def deliver_blocking(push: Push, http: HttpClient) -> Result:
    """Is not a coroutine."""
    return Result(Outcome.DELIVERED)


async def deliver_nothing(push: Push, http: HttpClient) -> None:
    """Returns no result."""


async def deliver_alone(push: Push) -> Result:
    """Takes too few arguments."""
    return Result(Outcome.DELIVERED)


async def answer_dict(call: Call) -> dict[str, int]:
    """Returns no answer."""
    return {}


def render_number(request: PortalRequest) -> int:
    """Writes no text."""
    return request.company_id


CHANNELS = [
    Channel("a", "A", "…", deliver_blocking),  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    Channel("b", "B", "…", deliver_nothing),  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    Channel("c", "C", "…", deliver_alone),  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    Channel("d", "D"),  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
    Channel(name="e", title="E", description="…", colour="red"),  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
]
ACTION = Operation("a", answer_dict)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
PAGE = PortalPage("a", "A", render_number)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
TYPE = EventType("a.b", "A", "…", [])  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
RESULT = Result("delivered")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
LATE = Result(Outcome.RETRY, retry_after_seconds="5")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
ANSWER = Answer({}, events=EmittedEvent(92, "a.b", {}))  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
NOBODY = Outcome.LOST  # type: ignore[attr-defined]  # pyright: ignore[reportAttributeAccessIssue]
GUARD = requires("events:read", bucket="fast")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]


def change_what_is_frozen(push: Push, target: Target, channel: Channel) -> None:
    """Values are frozen."""
    push.attempt = 2  # type: ignore[misc]  # pyright: ignore[reportAttributeAccessIssue]
    target.url = "https://elsewhere.example"  # type: ignore[misc]  # pyright: ignore[reportAttributeAccessIssue]
    channel.name = "b"  # type: ignore[misc]  # pyright: ignore[reportAttributeAccessIssue]


def register_channels(context: PluginContext) -> Sequence[Channel]:
    """A context has no app, and the type of its settings is unknown."""
    room = context.settings.room  # type: ignore[union-attr]  # pyright: ignore[reportOptionalMemberAccess, reportAttributeAccessIssue]
    context.app.mount("/", None)  # type: ignore[attr-defined]  # pyright: ignore[reportAttributeAccessIssue]
    return [room]


async def use_the_context_wrongly(context: PluginContext, http: HttpClient) -> None:
    """Keyword-only arguments must be named, and coroutines must be awaited."""
    await http.post("https://x.example", b"", {})  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
    await http.get("https://x.example")  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
    await http.head("https://x.example")  # type: ignore[attr-defined]  # pyright: ignore[reportAttributeAccessIssue]
    await context.emit("order.created", {})  # type: ignore[call-arg, arg-type]  # pyright: ignore[reportCallIssue]
    await context.events.page("92")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    context.clock.now_ms("utc")  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
