"""The section ``oauth`` of the settings."""

import json
import re
from typing import Annotated

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, SecretStr

from trunkline.routes import COMPANY_SCOPES
from trunkline_oauth.redirect_uris import find_fault

MIN_SECRET_CHARACTERS = 32
REGISTERED_PREFIX = "app_"
"""What the ids of apps begin with that an operator has registered."""
_CLIENT_ID = re.compile(r"[A-Za-z0-9._\-]{1,64}", re.ASCII)


def _check_client_id(text: str) -> str:
    if _CLIENT_ID.fullmatch(text) is None or text.startswith(REGISTERED_PREFIX):
        msg = f"must be 1 to 64 letters, digits, '.', '_' and '-', and not begin with '{REGISTERED_PREFIX}'"
        raise ValueError(msg)
    return text


def _check_redirect_uri(uri: str) -> str:
    if fault := find_fault(uri):
        msg = f"'{uri}' {fault}"
        raise ValueError(msg)
    return uri


def _check_scope(scope: str) -> str:
    if scope not in COMPANY_SCOPES:
        msg = f"'{scope}' is no scope; the scopes are {', '.join(COMPANY_SCOPES)}"
        raise ValueError(msg)
    return scope


RedirectUris = Annotated[
    list[Annotated[str, AfterValidator(_check_redirect_uri)]], Field(min_length=1, max_length=20)
]
Scopes = Annotated[list[Annotated[str, AfterValidator(_check_scope)]], Field(min_length=1, max_length=50)]
AppName = Annotated[str, Field(min_length=1, max_length=100)]
UNLESS_NAMED = tuple(scope for scope in COMPANY_SCOPES if scope != "admin")


class ConfiguredApp(BaseModel):
    """An app that the settings register. Without a secret it is a public one, such as a program on a person's own machine."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    client_id: Annotated[str, AfterValidator(_check_client_id)]
    name: AppName
    redirect_uris: RedirectUris
    secret: SecretStr | None = Field(default=None, min_length=MIN_SECRET_CHARACTERS)
    scopes: Scopes = list(UNLESS_NAMED)


def _read_json(value: object) -> object:
    """Read the apps out of one environment variable."""
    if not isinstance(value, str):
        return value
    try:
        return json.loads(value)
    except json.JSONDecodeError:
        msg = "must be a JSON array"
        raise ValueError(msg) from None


def _check_unique(apps: tuple[ConfiguredApp, ...]) -> tuple[ConfiguredApp, ...]:
    ids = [app.client_id for app in apps]
    if twice := next((name for name in ids if ids.count(name) > 1), None):
        msg = f"has the client_id '{twice}' twice"
        raise ValueError(msg)
    return apps


class Settings(BaseModel):
    """Which apps there are from the start, and how long what they get is valid."""

    apps: Annotated[tuple[ConfiguredApp, ...], BeforeValidator(_read_json), AfterValidator(_check_unique)] = (
        Field(
            default=(),
            description="apps that are registered here, beside those that an operator registers over the API: `client_id`, `name`, `redirect_uris`, and if they have them `secret` (32 characters or more) and `scopes`",
            examples=[
                [
                    {
                        "client_id": "desk",
                        "name": "Desk",
                        "redirect_uris": ["https://desk.example.com/callback"],
                        "scopes": ["events:read"],
                    }
                ]
            ],
        )
    )
    access_token_minutes: int = Field(
        default=60, ge=1, le=1440, description="how long an access token is valid"
    )
    refresh_token_days: int = Field(
        default=90, ge=1, le=3650, description="how long a connection lasts that its app does not use"
    )
    refresh_overlap_seconds: int = Field(
        default=60,
        ge=0,
        le=600,
        description="how long a refresh token that was used may be used again, for a client whose answer was lost; after that its use ends the connection",
    )
    max_connections: int = Field(
        default=100, ge=1, description="apps that a company may have connected at once"
    )
