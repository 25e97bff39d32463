"""Protection of secrets in the database: the pepper of key digests, and the encryption of recoverable secrets.

One pepper and one encryption key are current: they make new digests and seals. Others only verify and decrypt: previous
ones, or future ones during a replacement (``access.secret_replacement``).
"""

import base64
import dataclasses
import hashlib
import hmac
import json
import logging
import secrets
import time
from collections.abc import Callable, Sequence
from typing import Self

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from msgspec import Struct

from trunkline.access.secrets_file import Secrets, SecretSource
from trunkline.errors import SettingsInvalid, Unreadable
from trunkline.settings import Auth

LOOK_SECONDS = 1.0
"""How often (seconds) the secrets' file is checked for changes; a value that cannot be decrypted triggers a check at once."""
_VERSION = b"\x01"
_NONCE_BYTES = 12
_WHICH_PEPPER = b"trunkline: which pepper"
_log = logging.getLogger(__name__)


class _Ring(Struct, frozen=True):
    """The keys made from one version of the secrets. The first key of each tuple is the current one."""

    peppers: tuple[bytes, ...]
    ciphers: tuple[AESGCM, ...]
    pepper_id: str


class Digests(Struct, frozen=True):
    """The possible digests of a key.

    *first* is made with the current pepper, whose name is *pepper*; *others* are made with the other peppers.
    """

    first: bytes
    others: tuple[bytes, ...]
    pepper: str


class Vault:
    """Digests API keys and seals secrets. *read_again* gives new secrets when they have changed."""

    __slots__ = ("_looks_again", "_read_again", "_ring")

    def __init__(
        self,
        *,
        pepper: str,
        encryption_key: str,
        other_peppers: Sequence[str] = (),
        other_encryption_keys: Sequence[str] = (),
        read_again: Callable[[], Secrets | None] | None = None,
    ) -> None:
        self.take(Secrets(pepper, encryption_key, tuple(other_peppers), tuple(other_encryption_keys)))
        self._read_again = read_again
        self._looks_again = time.monotonic() + LOOK_SECONDS

    @classmethod
    def open(cls, settings: Auth, database_url: str) -> Self:
        """Take the secrets from *settings*, or if they are unset, from the file next to an embedded database.

        Raises SettingsInvalid: a secret is unset and the database is not embedded, or the file next to it is missing or unusable.
        """
        return cls.of_source(SecretSource(settings, database_url))

    @classmethod
    def of_source(cls, source: SecretSource, *, is_lost: bool = False) -> Self:
        """Take the secrets from *source* (``SecretSource.read``). Raises SettingsInvalid."""
        values = dataclasses.asdict(source.read(is_lost=is_lost))
        return cls(**values, read_again=source.read_again if source.file else None)

    def digest(self, api_key: str) -> bytes:
        """Hash *api_key* for storage: SHA-256, keyed with the pepper (RFC 2104)."""
        return self.digests(api_key).first

    def digests(self, api_key: str) -> Digests:
        """Return the possible digests of *api_key*."""
        self._look()
        ring, text = self._ring, api_key.encode()
        first, *others = (hmac.digest(pepper, text, hashlib.sha256) for pepper in ring.peppers)
        return Digests(first, tuple(others), ring.pepper_id)

    @property
    def pepper_id(self) -> str:
        """The name of the current pepper; it does not reveal the pepper."""
        return self._ring.pepper_id

    def seal(self, plain: bytes, *, context: bytes) -> bytes:
        """Encrypt *plain* with AES-256-GCM; it can be decrypted only with the same *context* (a record's id)."""
        self._look()
        nonce = secrets.token_bytes(_NONCE_BYTES)
        return _VERSION + nonce + self._ring.ciphers[0].encrypt(nonce, plain, _VERSION + context)

    def unseal(self, sealed: bytes, *, context: bytes) -> bytes:
        """Decrypt the output of ``seal``.

        Raises Unreadable: *sealed* was made with an unknown key or another context, or was altered.
        """
        plain = _first_opened(self._ring.ciphers, sealed, context)
        if plain is None and self.reload():
            plain = _first_opened(self._ring.ciphers, sealed, context)
        if plain is None:
            raise Unreadable
        return plain

    def is_current(self, sealed: bytes, *, context: bytes) -> bool:
        """Return whether *sealed* can be decrypted with the current key; False if only another key decrypts it."""
        return _first_opened(self._ring.ciphers[:1], sealed, context) is not None

    def reload(self) -> bool:
        """Reload the secrets if their file has changed; returns whether it has."""
        self._looks_again = time.monotonic() + LOOK_SECONDS
        try:
            values = self._read_again() if self._read_again is not None else None
        except SettingsInvalid as error:
            _log.error(
                "the secrets have changed and cannot be read; going on with those from before: %s", error
            )
            return False
        if values is not None:
            self.take(values)
            _log.info("took new secrets from the file beside the database")
        return values is not None

    def take(self, values: Secrets) -> None:
        """Use the secrets *values* from now on."""
        peppers = [text.encode() for text in dict.fromkeys((values.pepper, *values.other_peppers))]
        keys = dict.fromkeys((values.encryption_key, *values.other_encryption_keys))
        self._ring = _Ring(tuple(peppers), tuple(map(_cipher, keys)), pepper_id(peppers[0]))

    def _look(self) -> None:
        if self._read_again is not None and time.monotonic() >= self._looks_again:
            self.reload()


def _cipher(key: str) -> AESGCM:
    return AESGCM(HKDF(SHA256(), 32, salt=None, info=b"trunkline: secrets at rest").derive(key.encode()))


def pepper_id(pepper: bytes) -> str:
    """Name a pepper for the column ``pepper``; the name does not reveal the pepper."""
    return hmac.digest(pepper, _WHICH_PEPPER, hashlib.sha256)[:8].hex()


def _first_opened(ciphers: Sequence[AESGCM], sealed: bytes, context: bytes) -> bytes | None:
    version, nonce, rest = sealed[:1], sealed[1 : 1 + _NONCE_BYTES], sealed[1 + _NONCE_BYTES :]
    for cipher in ciphers:
        try:
            return cipher.decrypt(nonce, rest, version + context)
        except (InvalidTag, ValueError):
            continue
    return None


class Sealer:
    """Seals text for one *owner* (``contract.Sealer``); no other owner can decrypt it."""

    __slots__ = ("_owner", "_vault")

    def __init__(self, vault: Vault, *, owner: str) -> None:
        self._vault = vault
        self._owner = owner

    def seal(self, data: bytes, *, purpose: str) -> str:
        """Encrypt *data* as text that is safe in a URL; it can be decrypted only with the same *purpose*."""
        sealed = self._vault.seal(data, context=self._context(purpose))
        return base64.urlsafe_b64encode(sealed).rstrip(b"=").decode()

    def unseal(self, sealed: str, *, purpose: str) -> bytes:
        """Decrypt the output of ``seal``.

        Raises ValueError: *sealed* has another purpose or owner, comes from another hub, or was altered.
        """
        refused = ValueError("is not what this hub sealed for this purpose")
        if "=" in sealed:  # the decoder accepts excess padding
            raise refused
        padded = sealed + "=" * (-len(sealed) % 4)
        try:
            decoded = base64.b64decode(padded.encode("ascii"), b"-_", validate=True)
            return self._vault.unseal(decoded, context=self._context(purpose))
        except (ValueError, Unreadable):
            raise refused from None

    def _context(self, purpose: str) -> bytes:
        return json.dumps([self._owner, purpose]).encode()
