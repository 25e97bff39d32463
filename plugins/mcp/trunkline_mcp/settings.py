"""The section ``mcp`` of the settings."""

from typing import Literal

from pydantic import BaseModel, Field

from trunkline import Names


class Settings(BaseModel):
    """Who may reach the server beside programs."""

    allowed_origins: Names = Field(
        default=(),
        description="origins of web pages that may send messages with a key, beside the hub's own and this machine's",
        examples=[["https://agents.example.com"]],
    )
    error_numbers: Literal["sketch", "sep-3415"] = Field(
        default="sketch",
        description="how errors of MCP Events are numbered: as in the sketch that today's clients know, or as in SEP-3415",
    )
