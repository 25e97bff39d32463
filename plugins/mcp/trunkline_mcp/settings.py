"""The section ``mcp`` of the settings."""

from pydantic import BaseModel, Field

from trunkline import Names


class Settings(BaseModel):
    """Who may reach the server beside programs."""

    allowed_origins: Names = Field(
        default=(),
        description="origins of web pages that may send messages with a key, beside the hub's own and this machine's",
        examples=[["https://agents.example.com"]],
    )
