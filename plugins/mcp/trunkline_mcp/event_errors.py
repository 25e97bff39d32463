"""The errors of MCP Events. They have names; their numbers are not settled, so the settings choose which are used."""

from collections.abc import Mapping
from typing import Literal

from mcp.shared.exceptions import MCPError
from mcp_types import INVALID_PARAMS

from trunkline import FieldError, Json

Name = Literal["NotFound", "Forbidden"]
Numbering = Literal["sketch", "sep-3415"]
NUMBERS: Mapping[Numbering, Mapping[Name, int]] = {
    "sketch": {"NotFound": -32011, "Forbidden": -32012},
    "sep-3415": {"NotFound": -32023, "Forbidden": -32024},
}
_MAX_FAULTS = 20


class EventErrors:
    """Makes errors with the numbers of *numbering*."""

    def __init__(self, numbering: Numbering) -> None:
        self._numbers = NUMBERS[numbering]

    def unknown_event(self, name: str) -> MCPError:
        """There is no event of that name."""
        sentence = f"There is no event '{name[:100]}' here; events/list has those that there are."
        return MCPError(self._numbers["NotFound"], sentence, {"kind": "event"})

    def forbidden(self, scope: str) -> MCPError:
        """The key lacks a scope."""
        sentence = f"This API key lacks the scope '{scope}'; use a key that has it."
        return MCPError(self._numbers["Forbidden"], sentence, {"scope": scope})


def invalid(faults: list[FieldError]) -> MCPError:
    """Name each argument at fault."""
    named: list[Json] = [{"path": fault.path, "message": fault.message} for fault in faults[:_MAX_FAULTS]]
    first = faults[0]
    return MCPError(INVALID_PARAMS, f"'{first.path.lstrip('/')}' {first.message}.", {"errors": named})
