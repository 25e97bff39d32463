"""Types of settings beyond pydantic's: lists in one environment variable, addresses, secrets."""

import json
from collections.abc import Callable
from contextlib import suppress
from ipaddress import ip_address, ip_network
from pathlib import Path
from typing import Annotated, Any
from urllib.parse import urlsplit

from pydantic import AfterValidator, BeforeValidator, Field, SecretStr

from trunkline.model.pace import Rate as Pace
from trunkline.model.treatments import MAX_RETRY_SECONDS, RATE_FORM
from trunkline.schemas.modes import Mode, read_modes


def setting(default: Any, description: str, **more: Any) -> Any:
    """Declare a setting with its *default* and its *description* for the reference; *more* are pydantic's arguments."""
    return Field(default=default, description=description, **more)


def is_web_url(text: str) -> bool:
    """Return True if *text* is an HTTP URL with a host, without white space."""
    try:
        parts = urlsplit(text)
        is_whole = parts.scheme in {"http", "https"} and bool(parts.hostname) and parts.port != 0
    except ValueError:
        return False
    return is_whole and not any(map(str.isspace, text))


def _split_list(value: object) -> object:
    """Read a list from one environment variable: a JSON array, or comma-separated."""
    if not isinstance(value, str):
        return value
    if value.lstrip().startswith("["):
        with suppress(json.JSONDecodeError):
            return json.loads(value)
        return value
    return [part.strip() for part in value.split(",") if part.strip()]


def demand(is_valid: Callable[[str], object], message: str) -> AfterValidator:
    """Make a validator that refuses text for which *is_valid* is false, with *message*."""

    def check(text: str) -> str:
        if not is_valid(text):
            raise ValueError(message)
        return text

    return AfterValidator(check)


def _is_name_server(text: str) -> bool:
    """Return True if *text* is an IP address, with or without a port."""
    with suppress(ValueError):
        parts = urlsplit(f"//[{text}]" if text.count(":") > 1 and "[" not in text else f"//{text}")
        ip_address(parts.hostname or "")
        return parts.port != 0 and not (parts.path or parts.query or parts.fragment or parts.username)
    return False


def _is_network(text: str) -> bool:
    with suppress(ValueError):
        ip_network(text, strict=False)
        return True
    return False


def _check_web_address(text: str) -> str:
    """Return *text*, with its scheme in lower case, if it is an HTTP URL with a host."""
    if not is_web_url(text):
        msg = "must be a URL such as https://events.example.com"
        raise ValueError(msg)
    scheme, colon, rest = text.partition(":")
    return scheme.lower() + colon + rest


WebAddress = Annotated[str, AfterValidator(_check_web_address)]
PublicAddress = Annotated[
    WebAddress,
    demand(
        lambda text: not set(text) & set("?#") and "@" not in urlsplit(text).netloc,
        "must be a URL without '?', '#', a user or a password: paths are added to it",
    ),
]
"""The first part of addresses that are published."""
WebPage = Annotated[str, Field(pattern=r"^https?://[^\s\"'<>]+$")]
Modes = Annotated[dict[str, Mode], BeforeValidator(read_modes)]
Names = Annotated[tuple[str, ...], BeforeValidator(_split_list)]
"""A list of names for a model of settings; in an environment variable a JSON array, or comma-separated."""
Paths = Annotated[tuple[Path, ...], BeforeValidator(_split_list)]
_Wait = Annotated[float, Field(ge=0, le=MAX_RETRY_SECONDS)]
Seconds = Annotated[tuple[_Wait, ...], BeforeValidator(_split_list)]
"""A list of waits for a model of settings; in an environment variable a JSON array, or comma-separated."""
_NAME_SERVER = "must be an IP address, with a port or without: 192.0.2.53, 127.0.0.1:5353, [2001:db8::53]:53"
_NETWORK = "must be an IP address or a network: 127.0.0.1, 10.0.0.0/8, 2001:db8::/32"
NameServers = Annotated[
    tuple[Annotated[str, demand(_is_name_server, _NAME_SERVER)], ...], BeforeValidator(_split_list)
]
Networks = Annotated[tuple[Annotated[str, demand(_is_network, _NETWORK)], ...], BeforeValidator(_split_list)]
AttemptRate = Annotated[str, demand(Pace.parse, RATE_FORM)]
"""A limit of attempts per second, minute or hour."""
RATE_PATTERN = r"^[1-9][0-9]*/minute$"
Rate = Annotated[str, Field(pattern=RATE_PATTERN)]
HOLDS_SECRET = object()
"""Marks a setting that is not a ``SecretStr`` but may contain a password."""
SecretUrl = Annotated[str, HOLDS_SECRET]
LongSecret = Annotated[SecretStr, Field(min_length=32)]
LongSecrets = Annotated[tuple[LongSecret, ...], BeforeValidator(_split_list)]
