"""The error codes of MCP Events. Their numbers are not settled, so the settings choose a numbering."""

from collections.abc import Mapping
from typing import Literal

Name = Literal["NotFound", "Forbidden", "ResourceExhausted", "Unsupported", "CallbackEndpointError"]
Numbering = Literal["sketch", "sep-3415"]
NUMBERS: Mapping[Numbering, Mapping[Name, int]] = {
    "sketch": {
        "NotFound": -32011,
        "Forbidden": -32012,
        "ResourceExhausted": -32013,
        "Unsupported": -32014,
        "CallbackEndpointError": -32015,
    },
    "sep-3415": {
        "NotFound": -32023,
        "Forbidden": -32024,
        "ResourceExhausted": -32025,
        "Unsupported": -32026,
        "CallbackEndpointError": -32027,
    },
}
