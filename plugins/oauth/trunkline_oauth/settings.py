"""The section ``oauth`` of the settings."""

import json
import re
from typing import Annotated, Self

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    SecretStr,
    model_validator,
)

from trunkline.routes import COMPANY_SCOPES, Names
from trunkline_oauth.model import SELF_PREFIX
from trunkline_oauth.redirect_uris import find_fault

MIN_SECRET_CHARACTERS = 32
REGISTERED_PREFIX = "app_"
"""Prefix of the ids of apps that an operator has registered."""
MAX_KEYS = 10
_KEY_TYPES = ("RSA", "EC", "OKP")
_STEERING = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069]")
_CLIENT_ID = re.compile(r"[A-Za-z0-9._\-]{1,64}", re.ASCII)


def _check_client_id(text: str) -> str:
    if _CLIENT_ID.fullmatch(text) is None or text.startswith((REGISTERED_PREFIX, SELF_PREFIX)):
        msg = f"must be 1 to 64 letters, digits, '.', '_' and '-', and not begin with '{REGISTERED_PREFIX}' or '{SELF_PREFIX}'"
        raise ValueError(msg)
    return text


def _check_name(name: str) -> str:
    if _STEERING.search(name) or not name.strip():
        msg = "must be one line of text that does not change its direction"
        raise ValueError(msg)
    return name


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


def _check_jwks_uri(uri: str) -> str:
    if not uri.startswith(("https://", "http://")) or find_fault(uri):
        msg = f"'{uri}' must be a URL that begins with https://"
        raise ValueError(msg)
    return uri


def _check_jwks(document: object) -> str:
    """Check public keys (RFC 7517), and return them as JSON text."""
    keys = document.get("keys") if isinstance(document, dict) else None
    text = json.dumps(document)
    if not isinstance(keys, list) or not 0 < len(keys) <= MAX_KEYS or len(text) > MAX_KEYS * 2_000:
        msg = f"must be a JSON Web Key Set: an object with 1 to {MAX_KEYS} 'keys'"
        raise ValueError(msg)
    for key in keys:
        if not isinstance(key, dict) or key.get("kty") not in _KEY_TYPES or "d" in key:
            msg = f"must have public keys only, of the types {', '.join(_KEY_TYPES)}"
            raise ValueError(msg)
    return text


Jwks = Annotated[str, BeforeValidator(_check_jwks)]
"""Keys of an app, as JSON."""
JwksUri = Annotated[str, AfterValidator(_check_jwks_uri)]
RedirectUris = Annotated[
    list[Annotated[str, AfterValidator(_check_redirect_uri)]], Field(min_length=1, max_length=20)
]
Scopes = Annotated[list[Annotated[str, AfterValidator(_check_scope)]], Field(min_length=1, max_length=50)]
AppName = Annotated[str, Field(min_length=1, max_length=100), AfterValidator(_check_name)]
UNLESS_NAMED = tuple(scope for scope in COMPANY_SCOPES if scope != "admin")


def check_one_way(**ways: object) -> None:
    """Check that an app has at most one way to authenticate. Raises ValueError."""
    if len(named := [name for name, value in ways.items() if value]) > 1:
        msg = f"{' and '.join(named)} exclude each other: an app proves who it is in one way"
        raise ValueError(msg)


class ConfiguredApp(BaseModel):
    """An app that the settings register. Without a secret it is a public one, such as a program on a person's own machine."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    client_id: Annotated[str, AfterValidator(_check_client_id)]
    name: AppName
    redirect_uris: RedirectUris
    secret: SecretStr | None = Field(default=None, min_length=MIN_SECRET_CHARACTERS)
    jwks: Jwks | None = None
    jwks_uri: JwksUri | None = None
    scopes: Scopes = list(UNLESS_NAMED)

    @model_validator(mode="after")
    def _prove_one_way(self) -> Self:
        check_one_way(secret=self.secret, jwks=self.jwks, jwks_uri=self.jwks_uri)
        return self


def _read_json(value: object) -> object:
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
    """The apps that the settings register, and the lifetimes of connections and tokens."""

    apps: Annotated[tuple[ConfiguredApp, ...], BeforeValidator(_read_json), AfterValidator(_check_unique)] = (
        Field(
            default=(),
            description="apps in addition to those that an operator registers over the API: `client_id`, `name`, `redirect_uris`, `scopes`, and one of `secret` (32 characters or more), `jwks` and `jwks_uri`, or none for a public app",
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
    client_document_hosts: Names = Field(
        default=("*",),
        description="hosts whose apps need no registration: their `client_id` is the address of a document that describes them (Client ID Metadata Document). `*` is any host; none, if empty",
        examples=[["claude.ai", "chatgpt.com"]],
    )
    dynamic_registration: bool = Field(
        default=False,
        description="whether apps may register themselves at `/oauth/register` (RFC 7591), for clients that support nothing else",
    )
    access_token_minutes: int = Field(
        default=60, ge=1, le=1440, description="how long an access token is valid"
    )
    refresh_token_days: int = Field(
        default=90,
        ge=1,
        le=3650,
        description="idle lifetime of a connection: how long it lasts if its app gets no new tokens",
    )
    connection_days: int = Field(
        default=365,
        ge=1,
        le=3650,
        description="maximum lifetime of a connection; then somebody must allow it again",
    )
    refresh_overlap_seconds: int = Field(
        default=60,
        ge=0,
        le=600,
        description="how long a used refresh token may be used again, by a client that lost the answer; later use, or use after its successor was used, ends the connection",
    )
    max_connections: int = Field(
        default=100, ge=1, description="apps that a company may have connected at once"
    )
