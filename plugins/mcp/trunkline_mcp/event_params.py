"""Reading the parameters of MCP Events: faults are reported by name, which the SDK does not do."""

from typing import TypeVar

from mcp_types import RequestParams
from pydantic import ConfigDict, ValidationError

from trunkline import FieldError
from trunkline_mcp.event_errors import invalid

Params = TypeVar("Params", bound=RequestParams)
_SUBJECTS = ("Input ", "String ", "List ", "Dictionary ", "Value ")


class Given(RequestParams):
    """Parameters that have not been checked."""

    model_config = ConfigDict(extra="allow")


def read(kind: type[Params], given: Given) -> Params:
    """Read *given* as parameters of *kind*. Raises MCPError with the name of each faulty parameter."""
    try:
        return kind.model_validate(given.model_extra or {})
    except ValidationError as error:
        faults = error.errors(include_input=False, include_url=False)
        named: list[FieldError] = []
        for fault in faults:  # each text follows the parameter's name
            subject = next((one for one in _SUBJECTS if fault["msg"].startswith(one)), "")
            words = "is required" if fault["type"] == "missing" else fault["msg"].removeprefix(subject)
            named.append(FieldError("/" + "/".join(map(str, fault["loc"])), words))
        raise invalid(named) from None
