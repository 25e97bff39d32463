"""Receiving webhooks: verify, read, and handle each event once.

::

    receiver = Receiver("whsec_…", seen=MemorySeen())

    with receiver.event(body, headers) as event:
        if event is not None:  # None: it was handled before
            ...

``trunkline_client.fastapi``, ``.flask`` and ``.django`` make a view or a dependency from a receiver.
"""

import base64
import binascii
import contextlib
import hmac
import time
from collections.abc import Generator, Mapping, Sequence
from typing import Protocol

from trunkline_client.errors import NotGenuine
from trunkline_client.events import Event, read_event
from trunkline_client.wire import read_json

_TOLERANCE_SECONDS = 300
_SECRET, _PUBLIC = "whsec_", "whpk_"


class Keys(Protocol):
    """A source of keys that may change, such as ``Jwks``."""

    def keys(self, *, again: bool = False) -> Sequence[str]:
        """Return the keys (``whsec_…``, ``whpk_…``); *again* is set if the previous keys did not verify."""
        ...


class Seen(Protocol):
    """A store of the ids of handled events (``trunkline_client.seen``)."""

    def __contains__(self, id: int) -> bool:
        """Return whether *id* is stored."""
        ...

    def seen(self, id: int) -> bool:
        """Store *id*; return True if it was already stored. Of two simultaneous calls, one returns False."""
        ...


class Receiver:
    """Verifies requests by *secret*: ``whsec_…``, a public key ``whpk_…``, several of them, or a ``Jwks``.

    With *seen*, an event that was handled already is not handled again.
    """

    def __init__(self, secret: str | Sequence[str] | Keys, *, seen: Seen | None = None) -> None:
        self._secret = secret
        self._seen = seen

    @contextlib.contextmanager
    def event(self, body: bytes, headers: Mapping[str, str]) -> Generator[Event | None, None, None]:
        """Yield the event of a request to the block that handles it; None if the event was handled before.

        The event counts as handled when the block has ended. If the block raises, or the program is killed in it, the hub
        sends the event again.

        Raises:
            NotGenuine: answer with 401.
        """
        event = verify_webhook(body, headers, secret=self._secret)
        if self._seen is None:
            yield event
        elif event.id in self._seen:
            yield None
        else:
            yield event
            self._seen.seen(event.id)


def verify_webhook(body: bytes, headers: Mapping[str, str], *, secret: str | Sequence[str] | Keys) -> Event:
    """Check that *body*, the raw bytes of a request, was recently sent by the hub; return its event.

    *secret* is the subscription's ``whsec_…`` or ``whpk_…`` (which needs ``trunkline-client[ed25519]``), a list of secrets
    (one of them must match), or a ``Jwks``. Names of *headers* may be in any case.

    Raises:
        NotGenuine: the signature does not match, is missing, or is more than five minutes old or ahead.
    """
    lower = {name.lower(): value for name, value in headers.items()}
    content = _signed_content(body, lower)
    signatures = lower["webhook-signature"].split()
    if not any(signature.partition(",")[2] for signature in signatures):
        raise NotGenuine("malformed", "webhook-signature is not a version, a comma and a signature")
    if isinstance(secret, str):
        fits = _fits(content, signatures, [secret])
    elif isinstance(secret, Sequence):
        if not secret:
            raise NotGenuine("mismatch", "no secret was given")
        fits = _fits(content, signatures, secret)
    else:
        fits = _fits(content, signatures, secret.keys()) or _fits(
            content, signatures, secret.keys(again=True)
        )
    if not fits:
        raise NotGenuine("mismatch", "no key that you have made this signature")
    try:
        return read_event(read_json(body), cursor=lower.get("trunkline-cursor"))
    except (ValueError, KeyError, TypeError):
        raise NotGenuine("malformed", "the body is not an event") from None


def sign(body: bytes, *, id: str, secret: str, timestamp: int | None = None) -> dict[str, str]:
    """Make the headers with which the hub would send *body*, signed with the secret ``whsec_…``.

    It is for tests and for ``listen``.
    """
    at = int(time.time()) if timestamp is None else timestamp
    mac = hmac.digest(_decoded(secret, _SECRET), b"%b.%d." % (id.encode(), at) + body, "sha256")
    return {
        "webhook-id": id,
        "webhook-timestamp": str(at),
        "webhook-signature": f"v1,{base64.b64encode(mac).decode()}",
    }


def _signed_content(body: bytes, headers: Mapping[str, str]) -> bytes:
    for name in ("webhook-id", "webhook-timestamp", "webhook-signature"):
        if not headers.get(name):
            raise NotGenuine("missing", f"the header {name} is missing")
    timestamp = headers["webhook-timestamp"]
    if not (timestamp.isascii() and timestamp.isdecimal() and len(timestamp) < 20):
        raise NotGenuine("malformed", "webhook-timestamp is not a number of seconds")
    if abs(time.time() - int(timestamp)) > _TOLERANCE_SECONDS:
        raise NotGenuine("expired", "webhook-timestamp is more than five minutes old or ahead")
    return f"{headers['webhook-id']}.{timestamp}.".encode() + body


def _fits(content: bytes, signatures: Sequence[str], keys: Sequence[str]) -> bool:
    """Return whether one of *keys* made one of *signatures*. Raises ValueError for a malformed key."""
    for key in keys:
        if key.startswith(_PUBLIC):
            given = [
                text for version, _, text in (one.partition(",") for one in signatures) if version == "v1a"
            ]
            if any(_verifies(_decoded(key, _PUBLIC), text, content) for text in given):
                return True
        else:
            expected = b"v1," + base64.b64encode(hmac.digest(_decoded(key, _SECRET), content, "sha256"))
            if any(hmac.compare_digest(expected, one.encode()) for one in signatures):
                return True
    return False


def _verifies(public_key: bytes, signature: str, content: bytes) -> bool:
    from cryptography.exceptions import InvalidSignature  # noqa: PLC0415 - the extra `ed25519` brings it
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey  # noqa: PLC0415

    try:
        Ed25519PublicKey.from_public_bytes(public_key).verify(base64.b64decode(signature), content)
    except (InvalidSignature, ValueError):
        return False
    return True


def _decoded(key: str, prefix: str) -> bytes:
    try:
        return base64.b64decode(key.removeprefix(prefix), validate=True)
    except (binascii.Error, ValueError):
        msg = f"a secret is '{_SECRET}' or '{_PUBLIC}' and base64, which this one is not"
        raise ValueError(msg) from None
