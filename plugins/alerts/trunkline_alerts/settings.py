"""The section ``alerts`` of the settings."""

from typing import Annotated, Literal, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, SecretStr, model_validator

from trunkline.routes import Names
from trunkline_alerts.messages import Severity

ADDRESS = r"^[A-Za-z0-9.!#$&'*+/=^_`{|}~-]{1,64}@[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)*$"
MAX_OPERATORS = 20
OPERATORS = 0
"""The company whose log has every operational event."""
QUIET_HOURS = 6
QuietHours = Annotated[
    int,
    Field(
        ge=1,
        le=168,
        title="Quiet hours",
        description="hours until an alert about a problem that persists is sent again",
    ),
]


def _check_count(addresses: tuple[str, ...]) -> tuple[str, ...]:
    if len(addresses) > MAX_OPERATORS:
        msg = f"must be at most {MAX_OPERATORS} addresses, not {len(addresses)}"
        raise ValueError(msg)
    return addresses


class Settings(BaseModel):
    """The mail server, and the operators who get alerts."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    smtp_host: str | None = Field(
        default=None, min_length=1, description="the SMTP server; without it no mail is sent"
    )
    smtp_port: int = Field(default=587, ge=1, le=65535, description="the SMTP server's port")
    smtp_security: Literal["starttls", "tls", "none"] = Field(
        default="starttls",
        description="`starttls` after the greeting, `tls` from the start (port 465), or `none` for a server on the same machine",
    )
    smtp_user: str | None = Field(default=None, description="the user to sign in as")
    smtp_password: SecretStr | None = Field(default=None, description="the user's password")
    sender: str | None = Field(
        default=None, pattern=ADDRESS, description="sender's address of all mails; needed with `smtp_host`"
    )
    operators: Annotated[Names, AfterValidator(_check_count)] = Field(
        default=(),
        description="addresses of the operators, who get the alerts of every company and of the hub",
    )
    operators_from: Severity = Field(
        default="warning",
        description="the lowest severity that is sent to operators: `info`, `warning`, `error` or `critical`",
    )
    quiet_hours: QuietHours = QUIET_HOURS
    digest: bool = Field(
        default=False, description="whether operators get a daily mail about every company and the hub"
    )
    digest_hour: int = Field(
        default=6, ge=0, le=23, description="the hour, UTC, after which daily digests are mailed"
    )

    @model_validator(mode="after")
    def _has_sender(self) -> Self:
        if self.smtp_host is not None and self.sender is None:
            msg = "alerts.sender must be set if alerts.smtp_host is"
            raise ValueError(msg)
        return self
