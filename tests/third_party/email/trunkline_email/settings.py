"""The section ``email`` of the settings."""

from typing import Literal

from pydantic import BaseModel, Field, SecretStr

ADDRESS = r"^[A-Za-z0-9.!#$&'*+/=^_`{|}~-]{1,64}@[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)*$"
"""One plain address, without a display name, a quoted part or anything that could be read as a second address."""


class Settings(BaseModel):
    """The server that takes the messages, and whom they are from."""

    host: str = Field(description="the SMTP server", examples=["smtp.example.com"], min_length=1)
    port: int = Field(default=587, ge=1, le=65535, description="its port")
    security: Literal["starttls", "tls", "none"] = Field(
        default="starttls",
        description="`starttls` after the greeting, `tls` from the start (port 465), or `none` for a server beside the hub",
    )
    user: str | None = Field(default=None, description="the user to sign in as")
    password: SecretStr | None = Field(default=None, description="the user's password")
    sender: str = Field(
        description="the address that messages are from", examples=["events@example.com"], pattern=ADDRESS
    )
    domains: str = Field(
        default="", description="domains that may be written to, separated by commas; any, if absent"
    )
    timeout_seconds: float = Field(
        default=8.0, gt=0, le=60, description="how long the server may take over one step"
    )
