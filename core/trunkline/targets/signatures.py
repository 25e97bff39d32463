"""Signing pushes: the four schemes, their secrets, and the names of the hub's headers.

Part of the pure centre: bytes in, header values out. ``standard`` and ``ed25519`` follow the Standard Webhooks
specification; ``github`` and ``stripe`` are accepted by the verifiers of those services.
"""

import base64
import binascii
import hashlib
import hmac
import re
import secrets as randomness
from collections.abc import Callable, Mapping
from dataclasses import KW_ONLY, dataclass, field

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from trunkline.errors import FieldError, pointer

SCHEMES = ("standard", "github", "stripe", "ed25519")

ID_HEADER = "webhook-id"
TIMESTAMP_HEADER = "webhook-timestamp"
SIGNATURE_HEADER = "webhook-signature"
GITHUB_HEADER = "X-Hub-Signature-256"
STRIPE_HEADER = "trunkline-signature"
EVENT_TYPE_HEADER = "trunkline-event-type"
DELIVERY_ID_HEADER = "trunkline-delivery-id"
ATTEMPT_HEADER = "trunkline-attempt"
CURSOR_HEADER = "trunkline-cursor"
ENVIRONMENT_HEADER = "trunkline-environment"

RESERVED_HEADERS = frozenset(
    {
        "accept-encoding",
        "connection",
        "content-encoding",
        "content-length",
        "content-type",
        "expect",
        "host",
        "keep-alive",
        "proxy-authenticate",
        "proxy-authorization",
        "proxy-connection",
        "te",
        "traceparent",
        "trailer",
        "transfer-encoding",
        "upgrade",
        "user-agent",
        GITHUB_HEADER.lower(),
    }
)
"""Names, in lower case, of headers that the hub sets or that control the connection (RFC 9110 §7.6.1)."""
RESERVED_PREFIXES = ("webhook-", "trunkline-")

MAX_HEADERS = 50
MAX_HEADERS_BYTES = 4096

_SECRET = "whsec_"  # noqa: S105 - a prefix
_SEED = "whsk_"
_PUBLIC = "whpk_"
_SEED_BYTES = 32
_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_VALUE = re.compile(r"[\x20-\x7e\t]*")  # RFC 9110 §5.5, without obsolete forms

_Sign = Callable[[str, int, bytes], tuple[str, str]]


@dataclass(frozen=True, slots=True)
class Signer:
    """Signs for one subscription. The keys are prepared once. *secrets* are the secrets in use, newest first.

    If there are no secrets, nothing is signed, and a receiver that verifies signatures will refuse the push.

    Raises:
        ValueError: *scheme* is not one of ``SCHEMES``, or a secret does not have the form that *scheme* requires.
    """

    scheme: str
    _: KW_ONLY
    secrets: tuple[str, ...] = field(repr=False)
    _sign: _Sign | None = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        maker = _MAKERS.get(self.scheme)
        if maker is None:
            msg = f"'{self.scheme}' is no signature scheme; there are {', '.join(SCHEMES)}"
            raise ValueError(msg)
        object.__setattr__(self, "_sign", maker(self.secrets) if self.secrets else None)

    def headers(self, event_id: str, *, timestamp: int, body: bytes) -> dict[str, str]:
        """Make the headers that identify and sign one attempt at Unix second *timestamp*."""
        signed = {ID_HEADER: event_id, TIMESTAMP_HEADER: str(timestamp)}
        if self._sign is not None:
            name, value = self._sign(event_id, timestamp, body)
            signed[name] = value
        return signed


def headers(
    scheme: str, *, secrets: tuple[str, ...], event_id: str, timestamp: int, body: bytes
) -> dict[str, str]:
    """Make the headers of one attempt without a ``Signer``; preparing the keys costs 2 µs (ed25519: 35)."""
    return Signer(scheme, secrets=secrets).headers(event_id, timestamp=timestamp, body=body)


def new_secret(scheme: str) -> str:
    """Make a secret of 32 random bytes: ``whsk_…`` for the scheme ``ed25519``, ``whsec_…`` for the other schemes."""
    prefix = _SEED if scheme == "ed25519" else _SECRET
    return prefix + base64.b64encode(randomness.token_bytes(_SEED_BYTES)).decode("ascii")


def public_key(secret: str) -> str:
    """Derive the public key ``whpk_…`` of an ``ed25519`` secret; the subscription shows it."""
    return _PUBLIC + base64.b64encode(_private_key(secret).public_key().public_bytes_raw()).decode("ascii")


def jwk(secret: str) -> dict[str, str]:
    """Return the public key of an ``ed25519`` secret as a JSON Web Key (RFC 8037), named by its RFC 7638 thumbprint."""
    x = _base64url(_private_key(secret).public_key().public_bytes_raw())
    thumbprint = hashlib.sha256(f'{{"crv":"Ed25519","kty":"OKP","x":"{x}"}}'.encode()).digest()
    key = {"crv": "Ed25519", "kty": "OKP", "x": x, "kid": _base64url(thumbprint)}
    return key | {"use": "sig", "alg": "EdDSA"}


def check_secret(text: str, *, scheme: str = "standard") -> str | None:
    """Return the reason why *text* cannot be a caller's own secret for *scheme*; None if it can."""
    if scheme == "ed25519":
        try:
            _private_key(text)
        except ValueError:
            return "must be 'whsk_' followed by the base64 (with its padding) of the 32 bytes of an Ed25519 private key"
        return None
    try:
        size = len(_decoded(text, prefix=_SECRET))
    except ValueError:
        size = 0
    if 24 <= size <= 64:
        return None
    return "must be 'whsec_' followed by the base64 (with its padding) of 24 to 64 bytes"


def check_headers(headers: Mapping[str, str]) -> list[FieldError]:
    """List the faults of a subscription's own headers, at pointers such as ``/headers/authorization``."""
    if len(headers) > MAX_HEADERS:
        return [FieldError("/headers", f"must have at most {MAX_HEADERS} members, not {len(headers):,}")]
    faults: list[FieldError] = []
    seen: set[str] = set()
    for name, value in headers.items():
        fault = _name_fault(name, seen)
        if fault is None and _VALUE.fullmatch(value) is None:
            fault = "must be ASCII text on one line: visible characters, spaces and tabs"
        seen.add(name.lower())
        if fault:
            faults.append(FieldError(pointer("headers", name), fault))
    if sum(len(name) + len(value) for name, value in headers.items()) > MAX_HEADERS_BYTES:
        faults.append(FieldError("/headers", f"must have at most {MAX_HEADERS_BYTES} characters in all"))
    return faults


def _name_fault(name: str, seen: set[str]) -> str | None:
    lower = name.lower()
    if _NAME.fullmatch(name) is None:
        return "is not a valid header name"
    if lower in RESERVED_HEADERS or lower.startswith(RESERVED_PREFIXES):
        return "is set by the hub itself; choose another name"
    return "is given twice; names do not differ by case" if lower in seen else None


def _decoded(text: str, *, prefix: str) -> bytes:
    """Decode the base64 after *prefix*. Raises ValueError, whose message leaves out *text*, if *text* has another form."""
    malformed = f"a secret is not '{prefix}' followed by base64"
    if not text.startswith(prefix):
        raise ValueError(malformed)
    try:
        return binascii.a2b_base64(text[len(prefix) :], strict_mode=True)
    except ValueError:  # binascii.Error is a ValueError; text outside ASCII raises a plain one
        raise ValueError(malformed) from None


def _private_key(secret: str) -> Ed25519PrivateKey:
    return Ed25519PrivateKey.from_private_bytes(_decoded(secret, prefix=_SEED))


def _standard(secrets: tuple[str, ...]) -> _Sign:
    keys = tuple(_decoded(secret, prefix=_SECRET) for secret in secrets)

    def sign(event_id: str, timestamp: int, body: bytes) -> tuple[str, str]:
        content = f"{event_id}.{timestamp}.".encode() + body
        signatures = [f"v1,{_base64(hmac.digest(key, content, 'sha256'))}" for key in keys]
        return SIGNATURE_HEADER, " ".join(signatures)

    return sign


def _github(secrets: tuple[str, ...]) -> _Sign:
    key = secrets[0].encode()

    def sign(_event_id: str, _timestamp: int, body: bytes) -> tuple[str, str]:
        return GITHUB_HEADER, f"sha256={hmac.digest(key, body, 'sha256').hex()}"

    return sign


def _stripe(secrets: tuple[str, ...]) -> _Sign:
    keys = tuple(secret.encode() for secret in secrets)

    def sign(_event_id: str, timestamp: int, body: bytes) -> tuple[str, str]:
        content = f"{timestamp}.".encode() + body
        signatures = [f"v1={hmac.digest(key, content, 'sha256').hex()}" for key in keys]
        return STRIPE_HEADER, ",".join((f"t={timestamp}", *signatures))

    return sign


def _ed25519(secrets: tuple[str, ...]) -> _Sign:
    keys = tuple(map(_private_key, secrets))

    def sign(event_id: str, timestamp: int, body: bytes) -> tuple[str, str]:
        content = f"{event_id}.{timestamp}.".encode() + body
        return SIGNATURE_HEADER, " ".join(f"v1a,{_base64(key.sign(content))}" for key in keys)

    return sign


def _base64(raw: bytes) -> str:
    return binascii.b2a_base64(raw, newline=False).decode("ascii")


def _base64url(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode("ascii")


_MAKERS: Mapping[str, Callable[[tuple[str, ...]], _Sign]] = {
    "standard": _standard,
    "github": _github,
    "stripe": _stripe,
    "ed25519": _ed25519,
}
