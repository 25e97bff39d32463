"""API keys: their format, and the principal of a request.

Each request looks its key up in the database, so a revoked key is refused at once, whichever process revoked it.
Simultaneous requests share one query. The statement that stores an event looks the key up itself (``Keys.remembered``).
"""

import logging
import re
import secrets
import zlib
from base64 import urlsafe_b64encode
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import AsyncExitStack, nullcontext
from dataclasses import replace
from typing import Self

from msgspec import Struct

from trunkline.access import key_terms, secret_checks
from trunkline.access.company_limits import CompanyLimits
from trunkline.access.vault import Digests, Vault
from trunkline.errors import (
    BodyInvalid,
    FieldError,
    Forbidden,
    KeysTooFast,
    LimitReached,
    NotFound,
    StoreUnavailable,
    Unauthenticated,
    unknown_names,
)
from trunkline.model.companies import MAX_COMPANY_ID
from trunkline.model.environments import company_number, environment_of, in_environment
from trunkline.model.principals import APP, COMPANY_SCOPES, EVENTS_WRITE, OPERATOR, PLATFORM_SCOPES, Principal
from trunkline.runtime import callers
from trunkline.runtime.batching import Batcher
from trunkline.store import conditions, sql
from trunkline.store import keys as store
from trunkline.store import secrets as secret_store
from trunkline.store.connection import Connection
from trunkline.store.database import Database
from trunkline.store.directory import CompanyDirectory
from trunkline.store.keys import KeyRecord, ValidKey
from trunkline.store.secrets import Redigest

KEY_ID_PREFIX = "key_"
MADE_PER_MINUTE = 30
"""The number of keys that a company may make in a minute, including rotations; operators have no such limit."""
LEAST_IN_OVERLAP = 10
"""Rotations may leave as many more keys valid as the limit ``keys`` allows, or this number if it is larger."""
ENDED_KEPT = 200
"""The number of ended keys of a company that are kept and listed; more than can be made in a minute, to check the pace."""
REMEMBERED = 10_000
"""The number of principals that are kept in memory."""
_KEY = re.compile(r"([a-z][a-z0-9]{1,15})_(live|test)_(0|[1-9][0-9]{0,18})_([A-Za-z0-9_-]{43})", re.ASCII)
_log = logging.getLogger(__name__)


class ParsedKey(Struct, frozen=True):
    """The public parts of a well-formed key. *company_id* is None for an operator's key."""

    prefix: str
    company_id: int | None
    last4: str


def new_key(prefix: str, company_id: int | None) -> str:
    """Make a key: ``{prefix}_live_{companyId}_{secret}``, or ``_test_`` for a test environment.

    The secret is 32 bytes in base64url, 43 characters: 28 random bytes, and the CRC-32 of all before it. Scanners of source code
    recognize a key by the CRC. Keys of earlier versions have 32 random bytes, so the CRC is not checked when a key is used.
    """
    owner = company_id or 0
    head = f"{prefix}_{environment_of(owner)}_{company_number(owner)}_"
    drawn = secrets.token_bytes(28)
    checksum = zlib.crc32(head.encode() + drawn).to_bytes(4, "big")
    return head + urlsafe_b64encode(drawn + checksum).rstrip(b"=").decode()


def parse_key(api_key: str) -> ParsedKey | None:
    """Parse a key; None if it is malformed."""
    match = _KEY.fullmatch(api_key)
    if match is None or int(match[3]) > MAX_COMPANY_ID:
        return None
    company_id = in_environment(int(match[3]), match[2])
    return ParsedKey(match[1], company_id or None, match[4][-4:])


class Keys:
    """Makes, lists, revokes and checks API keys. Enter it to start checking.

    *pins* gives the versions of event types that a new key reads (``schemas.versions.Pins``). Each lookup of a key also reads
    how often companies have changed, and passes this count to *directory*.
    """

    def __init__(
        self,
        database: Database,
        *,
        vault: Vault,
        prefix: str,
        limits: CompanyLimits,
        pins: Callable[[], Mapping[str, int]] = dict[str, int],
        directory: CompanyDirectory | None = None,
    ) -> None:
        self._database = database
        self._limits = limits
        self._pins = pins
        self._directory = directory
        self._vault = vault
        self.prefix = prefix
        self._lookups: Batcher[Digests, Principal | None] = Batcher(self._look_up)
        self._touches: Batcher[str | Redigest, None] = Batcher(self._touch)
        self._touching: set[str] = set()
        self._remembered: dict[bytes, Principal] = {}
        self._running = AsyncExitStack()

    async def __aenter__(self) -> Self:
        await self._running.enter_async_context(self._touches)
        await self._running.enter_async_context(self._lookups)
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._running.aclose()

    async def create(
        self,
        company_id: int | None,
        *,
        name: str,
        scopes: Sequence[str],
        expires_utc: str | None = None,
        networks: Sequence[str] = (),
        connection: Connection | None = None,
    ) -> tuple[KeyRecord, str]:
        """Make a key for a company, or an operator's key if *company_id* is None.

        The key is returned in clear only this once. A key without terms gets the networks and the expiry of its maker.
        *connection* is the caller's transaction, if any. Raises BodyInvalid, LimitReached, KeysTooFast, or Forbidden to an app.
        """
        chosen = _check_scopes(scopes, is_platform=company_id is None)
        own_company, by = callers.company(), callers.principal()
        _check_maker(by)
        async with self._database.write() if connection is None else nullcontext(connection) as transaction:
            if company_id is not None:
                await self._check_room(transaction, company_id)
            if company_id is not None and company_id == own_company:
                await _check_pace(transaction, company_id)
            now_ms = await sql.clock_ms(transaction)
            asked = key_terms.read_terms(expires_utc=expires_utc, networks=networks, now_ms=now_ms)
            terms = key_terms.within(asked, key_terms.terms_of(by))
            record = KeyRecord(
                id="",
                company_id=company_id,
                name=name,
                scopes=chosen,
                last4="",
                created_ms=now_ms,
                pins=self._pins(),
                expires_ms=terms.expires_ms,
                networks=terms.networks,
                created_by=None if by is None else by.id,
                created_by_kind=None if by is None else by.kind,
            )
            return await self._insert(transaction, record)

    async def rotate(
        self,
        key_id: str,
        *,
        company_id: int | None,
        by: Principal,
        overlap_seconds: int = key_terms.DEFAULT_OVERLAP_SECONDS,
    ) -> tuple[KeyRecord, str]:
        """Make the successor of a key of a company (None: of any company). Both keys are valid for *overlap_seconds*.

        The successor replaces the old key in the count, so a company at its limit may rotate each of its keys. The
        successor may do no more than the old key, and no more than *by*: it is restricted to the networks that both
        allow, and has the earlier expiry.

        Raises NotFound, LimitReached, KeysTooFast, or Forbidden if *by* is an app or lacks a scope or the networks of the key.
        """
        _check_maker(by)
        async with self._database.write() as connection:
            old = await store.take_valid(connection, key_id, company_id=company_id)
            if old is None:
                raise NotFound("API key", key_id)
            if missing := [scope for scope in old.scopes if not by.has(scope)]:
                raise Forbidden.scope_missing(missing[0])
            if old.company_id is not None and not by.is_operator:
                await _check_pace(connection, old.company_id)
                if overlap_seconds:
                    await self._check_room(connection, old.company_id, in_overlap=True)
            now_ms = await sql.clock_ms(connection)
            if overlap_seconds:
                await store.end_by(connection, key_id, at_ms=now_ms + overlap_seconds * 1000)
            else:
                await store.revoke(connection, key_id, company_id=company_id)
            own = key_terms.KeyTerms(old.expires_ms, old.networks)
            terms = key_terms.narrowed(own, key_terms.terms_of(by))
            successor = replace(
                old,
                created_ms=now_ms,
                last_used_ms=None,
                expires_ms=terms.expires_ms,
                networks=terms.networks,
                created_by=by.id,
                created_by_kind=by.kind,
            )
            return await self._insert(connection, successor, replaces=old)

    async def _check_room(self, connection: Connection, company_id: int, *, in_overlap: bool = False) -> None:
        """Check that a company may have one more valid key. Raises LimitReached.

        With *in_overlap* the limit is higher, because it includes the old keys of rotations (``LEAST_IN_OVERLAP``).
        """
        limit = (await self._limits.of(company_id)).keys
        things, remedy = "API keys", "revoke one that is not used first"
        if in_overlap:
            limit += max(limit, LEAST_IN_OVERLAP)
            things = "API keys, with those in a rotation's overlap"
            remedy = "rotate with an overlap of 0 s, or revoke one that is not used"
        count = await store.count_valid(connection, company_id)
        if count >= limit:
            raise LimitReached("keys", limit, things=things, remedy=remedy)
        await conditions.tell_limit(connection, "keys", company_id, used=count + 1, allowed=limit)

    async def _insert(
        self, connection: Connection, record: KeyRecord, *, replaces: KeyRecord | None = None
    ) -> tuple[KeyRecord, str]:
        """Store *record* as a new key, the successor of *replaces* if given."""
        api_key = new_key(self.prefix, record.company_id)
        record = replace(record, id=f"{KEY_ID_PREFIX}{secrets.token_hex(12)}", last4=api_key[-4:])
        digests = self._vault.digests(api_key)
        if record.company_id is not None:
            await store.forget_ended(connection, record.company_id, but=ENDED_KEPT)
        await store.insert(connection, record, digest=digests.first, pepper=digests.pepper, replaces=replaces)
        return record, api_key

    async def list(self, company_id: int | None) -> list[KeyRecord]:
        """List the keys of a company, or all keys if *company_id* is None, oldest first."""
        async with self._database.read() as connection:
            return await store.list_keys(connection, company_id)

    async def revoke(self, key_id: str, *, company_id: int | None) -> None:
        """Revoke a key of a company (None: of any), at once and permanently. Raises NotFound."""
        async with self._database.write() as connection:
            if not await store.revoke(connection, key_id, company_id=company_id):
                raise NotFound("API key", key_id)

    async def revoke_made_by(self, maker_id: str, *, company_id: int) -> int:
        """Revoke the keys that *maker_id* (``Principal.id``) made for a company; returns how many were valid."""
        async with self._database.write() as connection:
            return await store.revoke_made_by(connection, maker_id, company_id=company_id)

    async def authenticate(self, header: str | None) -> Principal:
        """Find the principal of *header*, the value of ``X-Api-Key``.

        Raises:
            Unauthenticated: the value is missing or malformed, or the key is unknown or was revoked.
            StoreUnavailable: the key cannot be checked now.
        """
        if not header:
            msg = "This call needs an API key in the header X-Api-Key."
            raise Unauthenticated(msg)
        parsed, principal = parse_key(header), None
        if parsed is not None:  # keys from before a change of the prefix stay valid
            principal = await self._lookups.submit(self._vault.digests(header))
            if principal is None and self._vault.reload():
                principal = await self._lookups.submit(self._vault.digests(header))
        if principal is not None:
            return principal
        if parsed is None or parsed.prefix != self.prefix:
            msg = (
                f"What was sent is no API key; one looks like {self.prefix}_live_92_ and 43 more characters."
            )
        else:
            msg = "This API key is unknown or was revoked, or it has expired; use one that is valid."
        raise Unauthenticated(msg)

    def remembered(self, api_key: str) -> tuple[Principal, bytes] | None:
        """Return the principal of *api_key* at its last lookup, and the key's digest; None if they are not in memory.

        The key may have been revoked since then: do not act for the key, or show anything to its user, before the
        digest is looked up.
        """
        digest = self._vault.digests(api_key).first
        principal = self._remembered.get(digest)
        return None if principal is None else (principal, digest)

    async def principal(self, key_id: str) -> Principal | None:
        """Find the principal of the key *key_id*; None if there is none or it was revoked. This counts as a use of the key."""
        async with self._database.read() as connection:
            key = await store.find_valid_by_id(connection, key_id)
        if key is None:
            return None
        self._note_companies([key])
        if key.untouched:
            self._note_used([key_id])
        return _principal(key.record)

    async def _look_up(self, keys: Sequence[Digests]) -> Sequence[Principal | None]:
        candidates = dict.fromkeys(digest for digests in keys for digest in (digests.first, *digests.others))
        async with self._database.read() as connection:
            valid = await store.find_valid(connection, list(candidates))
        principals: list[Principal | None] = []
        for digests in keys:
            key = next((valid[each] for each in (digests.first, *digests.others) if each in valid), None)
            principal = None if key is None else _principal(key.record)
            principals.append(principal)
            if principal is None:
                self._remembered.pop(digests.first, None)
            else:
                if len(self._remembered) >= REMEMBERED:
                    self._remembered.clear()
                self._remembered[digests.first] = principal
            if key is not None and key.pepper != digests.pepper:
                # only the key itself gives the digest with the current pepper
                self._touches.submit(Redigest(key.record.id, key.digest, digests.first, digests.pepper))
        self._note_used([key.record.id for key in valid.values() if key.untouched])
        self._note_companies(valid.values())
        return principals

    def _note_companies(self, keys: Iterable[ValidKey]) -> None:
        if self._directory is not None:
            for key in keys:
                self._directory.saw(key.companies_version)

    def _note_used(self, key_ids: Sequence[str]) -> None:
        for key_id in key_ids:
            if key_id not in self._touching:
                self._touching.add(key_id)
                self._touches.submit(key_id)

    async def _touch(self, changes: Sequence[str | Redigest]) -> Sequence[None]:
        key_ids = [change for change in changes if isinstance(change, str)]
        redigests = dict.fromkeys(change for change in changes if not isinstance(change, str))
        try:
            async with self._database.write() as connection:
                if key_ids:
                    await store.touch(connection, key_ids)
                if redigests:
                    check = secret_checks.check_of_pepper(self._vault)
                    await secret_store.redigest(connection, list(redigests), check=check)
        except StoreUnavailable as error:
            _log.warning("the last use of %d API keys was not written: %s", len(changes), error)
        finally:
            self._touching.difference_update(key_ids)
        return [None] * len(changes)


async def _check_pace(connection: Connection, company_id: int) -> None:
    """Limit how fast a company makes keys, as each key has a rate limit of its own. Raises KeysTooFast."""
    if await store.count_made(connection, company_id, within_ms=60_000) >= MADE_PER_MINUTE:
        raise KeysTooFast(MADE_PER_MINUTE)


def _check_maker(by: Principal | None) -> None:
    """Refuse keys to apps: a key in clear would outlive the connection. Raises Forbidden."""
    if by is not None and by.kind == APP:
        msg = "An app gets no API keys; make or rotate this one with a key, or as a person in the portal."
        raise Forbidden(msg)


def _principal(key: KeyRecord) -> Principal:
    return Principal(
        key.id, key.company_id, key.name, frozenset(key.scopes), key.pins, key.networks, key.expires_ms
    )


def _check_scopes(scopes: Sequence[str], *, is_platform: bool) -> tuple[str, ...]:
    """Return the distinct *scopes* of a new key; *is_platform* if it is of no company. Raises BodyInvalid."""
    chosen = tuple(dict.fromkeys(scopes))
    if is_platform:
        message = (
            f"must be '{OPERATOR}' alone, which may do everything, or '{EVENTS_WRITE}' alone, which emits events of every "
            "company and does nothing else: the key is of no company"
        )
        is_valid = len(chosen) == 1 and chosen[0] in PLATFORM_SCOPES
        faults = [] if is_valid else [FieldError("/scopes", message)]
    elif not scopes:
        faults = [FieldError("/scopes", f"must name at least one of {', '.join(COMPANY_SCOPES)}")]
    else:
        named = [(f"/scopes/{at}", scope) for at, scope in enumerate(scopes) if scope not in COMPANY_SCOPES]
        faults = unknown_names("scope", named, COMPANY_SCOPES)
    if faults:
        raise BodyInvalid(faults)
    return chosen
