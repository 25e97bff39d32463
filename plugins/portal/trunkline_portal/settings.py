"""The section ``portal`` of the settings."""

import re
from typing import Annotated

from pydantic import AfterValidator, BaseModel, Field

from trunkline.routes import Names
from trunkline_portal.oidc.settings import Oidc

_SOURCE = re.compile(r"'self'|https?://[A-Za-z0-9*.\-\[\]:]+", re.ASCII)


def _check_sources(names: tuple[str, ...]) -> tuple[str, ...]:
    for name in names:
        if _SOURCE.fullmatch(name) is None:
            msg = f"'{name}' is neither an origin such as https://app.example.com nor 'self'"
            raise ValueError(msg)
    return names


class Settings(BaseModel):
    """The lifetime of sessions, and the sites that may show the portal in a frame."""

    oidc: Oidc | None = Field(
        default=None,
        description="an OpenID Connect provider at which people sign in; its settings are named `portal.oidc.…`",
    )
    key_sign_in: bool = Field(default=True, description="whether people sign in with API keys")
    session_hours: float = Field(
        default=12, gt=0, le=720, description="how long a session lasts after sign-in"
    )
    link_minutes: int = Field(
        default=10, ge=1, le=1440, description="how long a sign-in link lasts if its maker sets no time"
    )
    frame_ancestors: Annotated[Names, AfterValidator(_check_sources)] = Field(
        default=(),
        description="origins whose pages may show the portal in a frame; none, if empty",
        examples=[["https://app.example.com"]],
    )
    pages_per_minute: int = Field(
        default=600,
        ge=1,
        description="pages per minute for one key, or for all visitors of a company with sign-in links; parts that refresh themselves count",
    )
    sign_in_per_minute: int = Field(
        default=10, ge=1, description="failed sign-ins per minute from one address, in each process"
    )
