"""The tools of a caller, and calling them: scopes, limits, and refusals that a model can read."""

import time

from mcp.shared.exceptions import MCPError
from mcp_types import INVALID_PARAMS, CallToolResult, Tool

from trunkline import Definition, PluginContext, Refused
from trunkline.pages import Kind
from trunkline.routes import Caller, ProviderFailed
from trunkline_mcp import event_tools, operation_tools
from trunkline_mcp.calls import CallLog, Outcome
from trunkline_mcp.figures import Figures
from trunkline_mcp.refusals import refuse, result_of
from trunkline_mcp.settings import ToolForm
from trunkline_mcp.tools import Arguments, Offered

_KINDS: tuple[Kind, ...] = ("action", "search", "lookup")
_FAILED = "Something went wrong on our side, and it is not known whether anything was done; it was logged."


class Toolbox:
    """All offered tools."""

    def __init__(self, context: PluginContext, *, log: CallLog, figures: Figures) -> None:
        self._context = context
        self._log = log
        self._figures = figures
        self._made_of: list[Definition] | None = None
        self._tools: dict[str, Offered] = {}

    def tools_of(self, caller: Caller, *, form: ToolForm) -> list[Tool]:
        """List the tools that the caller's scopes allow, in *form* and in a stable order."""
        return [
            offered.tool if form == "full" else offered.short
            for offered in self._offered().values()
            if caller.principal.has(offered.scope)
        ]

    def full(self, name: str) -> Tool | None:
        """Return the tool *name* in its full form; None if there is no such tool."""
        offered = self._offered().get(name)
        return None if offered is None else offered.tool

    async def call(self, caller: Caller, name: str, arguments: Arguments, written: bytes) -> CallToolResult:
        """Call a tool; *written* is the JSON of *arguments*. A refusal by the tool is returned as a result, not raised.

        Raises:
            MCPError: there is no such tool, or the caller's scopes do not allow it.
        """
        began = time.perf_counter()
        offered = self._offered().get(name)
        outcome: Outcome = "left"
        try:
            if offered is None:
                outcome = "unknown"
                sentence = f"There is no tool '{name[:100]}' here; tools/list has those that there are."
                raise MCPError(INVALID_PARAMS, sentence)
            if not caller.principal.has(offered.scope):
                outcome = "forbidden"
                sentence = (
                    f"Your key or token lacks the scope '{offered.scope}', which the tool '{name}' takes."
                )
                raise MCPError(INVALID_PARAMS, sentence)
            result, outcome = await self._carry_out(offered, caller, arguments, written)
        finally:
            tool, seconds = None if offered is None else offered.tool.name, time.perf_counter() - began
            self._log.note(caller, tool, outcome, seconds=seconds)
            self._figures.tool_called(tool, outcome, seconds=seconds)
        return result

    def scope_of(self, name: object) -> str | None:
        """Name the scope that a tool needs; None if there is no such tool."""
        offered = self._offered().get(name) if isinstance(name, str) else None
        return None if offered is None else offered.scope

    async def _carry_out(
        self, offered: Offered, caller: Caller, arguments: Arguments, written: bytes
    ) -> tuple[CallToolResult, Outcome]:
        try:
            if offered.writes and not caller.principal.is_operator:
                await self._context.limits.count(caller.principal.key_id, "write")
            result = await offered.run(caller, arguments, written)
        except Refused as error:
            return result_of(error), "refused"
        except ProviderFailed as error:
            return result_of(error), "failed"
        except Exception:
            self._context.log.exception("tool '%s' failed", offered.tool.name)
            return refuse(_FAILED), "failed"
        return result, "refused" if result.is_error else "done"

    def _offered(self) -> dict[str, Offered]:
        """Return the tools by name. The list is rebuilt after a failure of a plugin that provided some of the tools."""
        provided = [definition for kind in _KINDS for definition in self._context.operations.provided(kind)]
        if provided != self._made_of:
            of_operations = operation_tools.make_tools(self._context.operations, provided)
            tools = (*of_operations, *event_tools.make_tools(self._context))
            self._tools = {offered.tool.name: offered for offered in tools}
            self._made_of = provided
        return self._tools
