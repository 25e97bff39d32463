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
        raise invalid(
            [
                FieldError("/" + "/".join(map(str, fault["loc"])), _words(fault["type"], fault["msg"]))
                for fault in faults
            ]
        ) from None


def _words(type_: str, message: str) -> str:
    """Phrase a fault so that the text can follow the parameter's name."""
    if type_ == "missing":
        return "is required"
    subject = next((one for one in _SUBJECTS if message.startswith(one)), "")
    return message.removeprefix(subject)
