"""The section ``nats`` of the settings."""

from typing import Annotated

from pydantic import AfterValidator, BaseModel, Field, SecretStr


def _check_servers(text: str) -> str:
    for server in text.split(","):
        if not server.strip().startswith(("nats://", "tls://")):
            msg = "must be addresses that start with nats:// or tls://, separated by commas"
            raise ValueError(msg)
    if "@" in text:
        msg = "must have no user name or password in it; set nats.user and nats.password, or nats.token"
        raise ValueError(msg)
    return text


class Settings(BaseModel):
    """The NATS server, and the stream for events."""

    servers: Annotated[str, AfterValidator(_check_servers)] = Field(
        default="nats://127.0.0.1:4222", description="addresses of the cluster, separated by commas"
    )
    stream: str = Field(
        default="TRUNKLINE", pattern=r"^[A-Za-z0-9_-]{1,64}$", description="the stream that keeps the events"
    )
    prefix: str = Field(
        default="trunkline",
        pattern=r"^[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+)*$",
        description="how subjects begin: prefix.company.type",
    )
    user: str | None = Field(default=None, description="the user to sign in as")
    password: SecretStr | None = Field(default=None, description="the user's password")
    token: SecretStr | None = Field(default=None, description="a token to sign in with, in place of a user")
    ack_seconds: float = Field(
        default=5.0, gt=0, le=60, description="how long a publish waits for the stream to say that it has it"
    )
