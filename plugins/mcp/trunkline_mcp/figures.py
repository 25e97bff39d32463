"""The metrics of agents' messages."""

import time
from typing import TYPE_CHECKING, Any

from trunkline import PluginContext

if TYPE_CHECKING:
    from mcp.server.context import CallNext, HandlerResult, ServerRequestContext

METHODS = frozenset({
    "initialize", "ping", "server/discover", "tools/list", "tools/call", "resources/list", "resources/templates/list",
    "resources/read", "prompts/list", "prompts/get", "events/list", "events/poll", "events/stream", "events/subscribe",
    "events/unsubscribe", "subscriptions/listen",
})  # fmt: skip
"""Methods that get their own label value; all other methods share one value."""
OTHER = "other"
_CALL = "tools/call"


class Figures:
    """Counts messages, and calls of tools by tool and outcome."""

    def __init__(self, context: PluginContext) -> None:
        self._calls = context.metrics.counter(
            "calls", "Messages of agents, with the tool that one calls", "method", "tool", "outcome"
        )
        told = "How long messages of agents took"
        self._seconds = context.metrics.durations("call_seconds", told, "method")

    def tool_called(self, tool: str | None, outcome: str, *, seconds: float) -> None:
        """Count a call of a tool; *tool* is None if there is no such tool."""
        self._calls.count(_CALL, tool or "", outcome)
        self._seconds.observe(seconds, _CALL)

    async def middleware(
        self, ctx: "ServerRequestContext[Any, Any]", call_next: "CallNext"
    ) -> "HandlerResult":
        """Count requests to the SDK, except calls of tools, which the toolbox counts."""
        if ctx.method == _CALL:
            return await call_next(ctx)
        method = ctx.method if ctx.method in METHODS else OTHER
        began, outcome = time.perf_counter(), "refused"
        try:
            result = await call_next(ctx)
            outcome = "done"
        finally:
            self._calls.count(method, "", outcome)
            self._seconds.observe(time.perf_counter() - began, method)
        return result
