"""Short forms of values, for a line of a trace: their type and identity, never their text or bytes."""

from collections.abc import Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import fields, is_dataclass
from enum import Enum
from urllib.parse import urlsplit

from pydantic import BaseModel, SecretBytes, SecretStr

from trunkline.contract import PluginContext, Push, Target
from trunkline.model.deliveries import Result
from trunkline.runtime.redaction import redact

SHOWN_ITEMS = 3
LONGEST = 300
NAMING = frozenset(
    {
        "attempt", "base", "channel", "company_id", "delivery_id", "event_id", "event_type", "is_new", "kind",
        "location", "name", "number", "outcome", "prefix", "status", "status_code", "subscription_id",
        "type",
    }
)  # fmt: skip
"""Fields that identify a value and contain no data of a customer."""


def short(value: object) -> str:
    """Write the short form of *value*."""
    if isinstance(value, Enum):
        return str(value.value)
    if value is None or isinstance(value, bool | int | float):
        return str(value)
    if isinstance(value, type):
        return value.__name__
    return _short_whole(value)


def _short_whole(value: object) -> str:
    match value:
        case Result():
            parts = [value.outcome, value.status_code or "", value.error or ""]
            return " ".join(str(part) for part in parts if part)
        case str() | bytes() | Mapping() | AbstractSet():
            return f"{type(value).__name__} of {len(value)}"
        case Sequence():
            texts = [short(item) for item in value[:SHOWN_ITEMS]]
            more = [f"… {len(value)} in all"] if len(value) > SHOWN_ITEMS else []
            return f"[{', '.join(texts + more)}]"
        case _:
            name = type(value).__name__
            if not is_dataclass(value):
                return name
            texts = [
                f"{attribute.name}={_plain(getattr(value, attribute.name))}"
                for attribute in fields(value)
                if attribute.name in NAMING
            ]
            return f"{name}({', '.join(texts)})" if texts else name


def short_call(name: str, arguments: Mapping[str, object]) -> str:
    """Write a call with short forms of its arguments; the context is written as ``context``."""
    texts = (key if key == "context" else f"{key}={short(value)}" for key, value in arguments.items())
    return f"{name}({', '.join(texts)})"


def hide(text: str, hidden: Sequence[str]) -> str:
    """Remove *hidden*, and everything that looks like a key or a password, from *text*, and put it on one line."""
    for secret in sorted(hidden, key=len, reverse=True):
        text = text.replace(secret, "…")
    line = " ".join(redact(text).split())
    return line if len(line) <= LONGEST else f"{line[: LONGEST - 1]}…"


def secrets_of(*values: object) -> tuple[str, ...]:
    """List the texts to hide: secrets in settings, a target's secrets and headers, and the path of its URL."""
    return tuple(secret for value in values for secret in _secrets(value) if len(secret) > 1)


def _secrets(value: object) -> Iterator[str]:
    match value:
        case SecretStr() | SecretBytes():
            secret = value.get_secret_value()
            yield secret if isinstance(secret, str) else secret.decode(errors="replace")
        case Target():
            url = urlsplit(value.url)
            yield from (*value.secrets, *value.headers.values())
            # All after the host as one text, then the path, the query, and the longer segments of the path.
            yield from (f"{url.path}?{url.query}", url.path, url.query)
            yield from (part for part in url.path.split("/") if len(part) > 3)
            yield from _secrets(value.config)
        case PluginContext():
            yield from _secrets(value.settings)
        case Push():
            yield from _secrets(value.target)
        case BaseModel():
            yield from secrets_of(*(getattr(value, name) for name in type(value).model_fields))
        case dict():
            yield from secrets_of(*value.values())
        case list() | tuple():
            yield from secrets_of(*value)
        case _:
            pass


def _plain(value: object) -> str:
    return repr(str(value)) if isinstance(value, str) else short(value)
