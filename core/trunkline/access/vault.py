"""Protection of secrets in the database: the pepper of key digests, and the encryption of what must be read again.

Both come from the settings. On the embedded database they are made on the first start and kept beside its file.
"""

import base64
import hashlib
import hmac
import json
import os
import secrets
from pathlib import Path
from typing import Self

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from sqlalchemy.engine import make_url

from trunkline.errors import SettingsInvalid
from trunkline.settings import Auth
from trunkline.store import dialects

_VERSION = b"\x01"
_NONCE_BYTES = 12
_HOW_TO_MAKE = "make one with: python -c 'import secrets; print(secrets.token_urlsafe(48))'"


class Vault:
    """Digests API keys and seals secrets."""

    __slots__ = ("_cipher", "_pepper")

    def __init__(self, *, pepper: str, encryption_key: str) -> None:
        self._pepper = pepper.encode()
        derived = HKDF(SHA256(), 32, salt=None, info=b"trunkline: secrets at rest").derive(
            encryption_key.encode()
        )
        self._cipher = AESGCM(derived)

    @classmethod
    def open(cls, settings: Auth, database_url: str) -> Self:
        """Take pepper and key from *settings*; where they are unset, from beside an embedded database.

        Raises:
            SettingsInvalid: one is unset and the database is not embedded, or the file beside it cannot be used.
        """
        values = {
            name: value.get_secret_value()
            for name, value in (("pepper", settings.pepper), ("encryption_key", settings.encryption_key))
            if value is not None
        }
        if len(values) < 2:
            values = _values_beside(_embedded_file(database_url, values)) | values
        return cls(pepper=values["pepper"], encryption_key=values["encryption_key"])

    def digest(self, api_key: str) -> bytes:
        """Hash *api_key* for storage: SHA-256, keyed with the pepper (RFC 2104)."""
        return hmac.digest(self._pepper, api_key.encode(), hashlib.sha256)

    def seal(self, plain: bytes, *, context: bytes) -> bytes:
        """Encrypt *plain* with AES-256-GCM; it opens only in the same *context* (a record's id)."""
        nonce = secrets.token_bytes(_NONCE_BYTES)
        return _VERSION + nonce + self._cipher.encrypt(nonce, plain, _VERSION + context)

    def unseal(self, sealed: bytes, *, context: bytes) -> bytes:
        """Decrypt what ``seal`` made.

        Raises:
            SettingsInvalid: it was sealed with another key or in another context, or was altered.
        """
        version, nonce, rest = sealed[:1], sealed[1 : 1 + _NONCE_BYTES], sealed[1 + _NONCE_BYTES :]
        try:
            return self._cipher.decrypt(nonce, rest, version + context)
        except (InvalidTag, ValueError):
            msg = (
                "Setting 'auth.encryption_key': does not open what is stored; "
                "use the key with which this database was first set up"
            )
            raise SettingsInvalid(msg) from None


class Sealer:
    """Seals text for one *owner* (``contract.Sealer``); no other can open it."""

    __slots__ = ("_owner", "_vault")

    def __init__(self, vault: Vault, *, owner: str) -> None:
        self._vault = vault
        self._owner = owner

    def seal(self, data: bytes, *, purpose: str) -> str:
        """Encrypt *data*, as text that may stand in a URL; it opens only for the same *purpose*."""
        sealed = self._vault.seal(data, context=self._context(purpose))
        return base64.urlsafe_b64encode(sealed).rstrip(b"=").decode()

    def unseal(self, sealed: str, *, purpose: str) -> bytes:
        """Decrypt what ``seal`` made.

        Raises:
            ValueError: it was made for another purpose or owner or by another hub, or was altered.
        """
        refused = ValueError("is not what this hub sealed for this purpose")
        if "=" in sealed:  # the decoder takes more padding than there should be
            raise refused
        try:
            decoded = base64.b64decode(
                sealed.encode("ascii") + b"=" * (-len(sealed) % 4), b"-_", validate=True
            )
            return self._vault.unseal(decoded, context=self._context(purpose))
        except (ValueError, SettingsInvalid):
            raise refused from None

    def _context(self, purpose: str) -> bytes:
        return json.dumps([self._owner, purpose]).encode()


def _embedded_file(database_url: str, values: dict[str, str]) -> Path:
    url = make_url(database_url)
    if (file := dialects.of_url(url).file_of(url)) is not None:
        return Path(f"{file}.secrets")
    missing = [f"'auth.{name}'" for name in ("pepper", "encryption_key") if name not in values]
    msg = (
        f"Setting {' and '.join(missing)}: must be set, to text of 32 characters or more, "
        f"the same for every process; {_HOW_TO_MAKE}"
    )
    raise SettingsInvalid(msg)


def _values_beside(file: Path) -> dict[str, str]:
    """Read the values that *file* keeps, making it first where there is none."""
    try:
        if not file.exists():
            _make(file)
        values = json.loads(file.read_bytes())
        return {name: str(values[name]) for name in ("pepper", "encryption_key")}
    except OSError as error:
        reason = error.strerror
    except (ValueError, KeyError, TypeError):
        reason = "it is not the JSON object that trunkline writes; restore it from a backup"
    msg = f"Setting 'auth.pepper' and 'auth.encryption_key': are unset and {file} cannot be used: {reason}"
    raise SettingsInvalid(msg)


def _make(file: Path) -> None:
    """Write *file* whole or not at all; of several processes that do so at once, the first one's stays."""
    values = {name: secrets.token_urlsafe(48) for name in ("pepper", "encryption_key")}
    draft = file.with_name(f"{file.name}.{secrets.token_hex(8)}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(descriptor, "w", encoding="ascii") as stream:
            json.dump(values, stream)
            stream.flush()
            os.fsync(stream.fileno())
        os.link(draft, file)  # unlike a rename, it never replaces
    except FileExistsError:
        pass
    finally:
        draft.unlink()
