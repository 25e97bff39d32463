"""Which tools a caller has, and calling one: scopes, limits, and refusals that a model can read."""

import time

from mcp.shared.exceptions import MCPError
from mcp_types import INVALID_PARAMS, CallToolResult, Tool

from trunkline import Caller, Definition, Kind, PluginContext, ProviderFailed, Refused
from trunkline_mcp import event_tools, operation_tools
from trunkline_mcp.refusals import refuse, result_of
from trunkline_mcp.tools import Arguments, Offered

_KINDS: tuple[Kind, ...] = ("action", "search", "lookup")
_FAILED = "Something went wrong on our side, and it is not known whether anything was done; it was logged."


class Toolbox:
    """Everything that is offered as a tool."""

    def __init__(self, context: PluginContext) -> None:
        self._context = context
        self._made_of: list[Definition] | None = None
        self._tools: dict[str, Offered] = {}

    def tools_of(self, caller: Caller) -> list[Tool]:
        """List the tools that the caller's scopes allow, in an order that stays."""
        return [offered.tool for offered in self._offered().values() if caller.principal.has(offered.scope)]

    async def call(self, caller: Caller, name: str, arguments: Arguments) -> CallToolResult:
        """Call a tool; what it refuses is a result.

        Raises:
            MCPError: there is no such tool, or the caller's scopes do not allow it.
        """
        offered = self._find(caller, name)
        began = time.perf_counter()
        result = await self._carry_out(offered, caller, arguments)
        self._context.log.info(
            "tool '%s' was called",
            name,
            extra={
                "company_id": caller.company_id,
                "key_id": caller.principal.key_id,
                "outcome": "refused" if result.is_error else "done",
                "duration_ms": round((time.perf_counter() - began) * 1000, 2),
            },
        )
        return result

    def _find(self, caller: Caller, name: str) -> Offered:
        offered = self._offered().get(name)
        if offered is None:
            raise MCPError(
                INVALID_PARAMS, f"There is no tool '{name[:100]}' here; tools/list has those that there are."
            )
        if not caller.principal.has(offered.scope):
            raise MCPError(
                INVALID_PARAMS,
                f"This API key lacks the scope '{offered.scope}', which the tool '{name}' takes.",
            )
        return offered

    async def _carry_out(self, offered: Offered, caller: Caller, arguments: Arguments) -> CallToolResult:
        try:
            if offered.writes and not caller.principal.is_operator:
                await self._context.limits.count(caller.principal.key_id, "write")
            return await offered.run(caller, arguments)
        except (Refused, ProviderFailed) as error:
            return result_of(error)
        except Exception:
            self._context.log.exception("tool '%s' failed", offered.tool.name)
            return refuse(_FAILED)

    def _offered(self) -> dict[str, Offered]:
        """Give the tools by their names; made anew where a plugin that carries some out has failed meanwhile."""
        provided = [definition for kind in _KINDS for definition in self._context.operations.provided(kind)]
        if provided != self._made_of:
            tools = [
                *operation_tools.make_tools(self._context.operations, taken=event_tools.NAMES),
                *event_tools.make_tools(self._context),
            ]
            self._tools = {offered.tool.name: offered for offered in tools}
            self._made_of = provided
        return self._tools
