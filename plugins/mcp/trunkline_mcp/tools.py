"""A tool: its description, its scope, and the function that carries it out."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field

import orjson
from mcp_types import CallToolResult, TextContent, Tool, ToolAnnotations

from trunkline import Json
from trunkline.routes import Caller
from trunkline_mcp.compact import compact

Arguments = Mapping[str, Json]
Run = Callable[[Caller, Arguments, bytes], Awaitable[CallToolResult]]
"""Carries out a call with arguments, given as values and as JSON. Raises Refused, ProviderFailed."""

MAX_ANSWER = 32 * 1024
"""Size limit of a list in bytes of JSON. An answer has the list twice, as text and as data."""

READ_ONLY = ToolAnnotations(
    read_only_hint=True, destructive_hint=False, idempotent_hint=True, open_world_hint=False
)
"""Every hint is set, because clients assume the worst if a hint is missing."""


@dataclass(frozen=True, slots=True)
class Offered:
    """A tool with the *scope* that its caller needs; *writes* says whether its calls count as writes."""

    tool: Tool
    scope: str
    run: Run = field(repr=False)
    writes: bool = False
    short: Tool = field(init=False, repr=False)
    """The tool in its compact form."""

    def __post_init__(self) -> None:
        """Write the compact form once."""
        object.__setattr__(self, "short", compact(self.tool))


def answered(body: bytes) -> CallToolResult:
    """Answer with *body*, JSON of an object: as text with unchanged digits, and as data."""
    return CallToolResult(
        content=[TextContent(type="text", text=body.decode())], structured_content=orjson.loads(body)
    )
