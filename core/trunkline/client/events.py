"""Events as a client gets them, and the position in the log up to which it has handled them."""

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any, Protocol

import msgspec
import standardwebhooks

from trunkline.client.errors import NotGenuine

_CURSOR = "trunkline-cursor"


@dataclass(frozen=True, slots=True)
class Event:
    """One event. *id* is unique and grows in the order of the log. *company_ref* is there where the company had a reference.

    *environment* is the company's that it is of: ``live`` or ``test``.

    *cursor*, which only a pushed event has, goes on after it in ``follow``.
    """

    id: int
    type: str
    created_utc: str
    company_id: int
    payload: Mapping[str, Any]
    metadata: Mapping[str, Any]
    cursor: str | None = None
    company_ref: str | None = None
    environment: str = "live"


@dataclass(frozen=True, slots=True)
class Place:
    """A position in the log: everything up to *cursor* is handled, and after that everything up to the event *id*."""

    cursor: str | None = None
    id: int = 0


class Places(Protocol):
    """A store for the position of a client, which outlives the program."""

    def load(self) -> Place:
        """Read the position that was saved last; ``Place()`` where none was."""
        ...

    def save(self, place: Place) -> None:
        """Store *place* in one step: a program that is killed meanwhile finds this position or the one before."""
        ...


class PlaceFile:
    """Stores a position in a small JSON file, which is replaced in one step."""

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self._path = Path(path)

    def load(self) -> Place:
        """Read the file; ``Place()`` where there is none."""
        try:
            return msgspec.json.decode(self._path.read_bytes(), type=Place)
        except FileNotFoundError:
            return Place()

    def save(self, place: Place) -> None:
        """Write a new file beside the old one, and rename it."""
        fresh = self._path.with_name(f"{self._path.name}.new")
        fresh.write_bytes(msgspec.json.encode(place))
        fresh.replace(self._path)


def verify_webhook(body: bytes, headers: Mapping[str, str], *, secret: str | Sequence[str]) -> Event:
    """Check that *body*, the raw bytes of a request, comes from the hub, not long ago; then read it.

    *secret* is the subscription's ``whsec_…``, or several of which one must fit. Names of *headers* may be in any case.

    Raises:
        NotGenuine: the signature does not fit, is missing, or is more than five minutes old or ahead.
    """
    lower = {name.lower(): value for name, value in headers.items()}
    secrets = [secret] if isinstance(secret, str) else secret
    reason = "no secret was given"
    for candidate in secrets:
        webhook = standardwebhooks.Webhook(candidate)
        try:
            webhook.verify(body, lower)
        except standardwebhooks.WebhookVerificationError as error:
            reason = str(error)
        except ValueError:  # the library's way to refuse a signature, or a body, that it cannot even read
            reason = "the signature or the body is malformed"
        else:
            return read_event(read_json(body), cursor=lower.get(_CURSOR))
    raise NotGenuine(reason)


def read_event(envelope: Mapping[str, Any], *, cursor: str | None = None) -> Event:
    """Read an envelope."""
    return Event(
        id=envelope["id"],
        type=envelope["type"],
        created_utc=envelope["createdUtc"],
        company_id=envelope["companyId"],
        payload=envelope["payload"],
        metadata=envelope.get("metadata", {}),
        cursor=cursor,
        company_ref=envelope.get("companyRef"),
        environment=envelope.get("environment", "live"),
    )


_decoder = msgspec.json.Decoder(float_hook=Decimal)
_encoder = msgspec.json.Encoder(decimal_format="number")


def read_json(body: bytes) -> Any:
    """Read JSON; a number with a fraction becomes a ``Decimal``. Raises msgspec.DecodeError."""
    return _decoder.decode(body)


def write_json(value: Any) -> bytes:
    """Write JSON; a ``Decimal`` becomes a number with the same digits."""
    return _encoder.encode(value)
