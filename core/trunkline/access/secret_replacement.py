"""New peppers and encryption keys for old, while processes run.

At each moment every process can open and verify everything: it has both the old and the new, one of them as an other one. What
is sealed is sealed again row by row. A key's digest cannot be made without the key, so it is made anew when the key is next
used (``access.keys``). The check value comes last: as long as it is of the old one, the replacement is not finished, and
whoever asks for one goes on with that.
"""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass

from trunkline.access import secret_checks
from trunkline.access.secret_checks import ENCRYPTION_KEY, PEPPER
from trunkline.access.secrets_file import SecretSource, new_secret
from trunkline.access.vault import LOOK_SECONDS, Vault, pepper_id
from trunkline.errors import Unreadable
from trunkline.store import secrets as store
from trunkline.store.database import Database
from trunkline.store.secrets import SealedRow

BATCH = 100
"""Rows that are sealed again in one transaction: it takes some 10 ms, and nobody waits longer for his own."""
_PAUSE_SECONDS = 0.01


@dataclass(frozen=True, slots=True)
class Sealed:
    """What is sealed in a database: how many rows with the key, how many with another one, and whose do not open.

    *unreadable* has the ids of subscriptions; deleted ones are in none of the numbers.
    """

    current: int
    others: int
    unreadable: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Digested:
    """How many keys that are not revoked stand under the pepper, and under others or unknown ones."""

    current: int
    others: int


class SecretReplacement:
    """Replaces the secrets of *database*; *source* is where *vault* has them from."""

    def __init__(self, database: Database, *, source: SecretSource, vault: Vault) -> None:
        self._database = database
        self._source = source
        self._vault = vault

    async def has_begun(self, name: str) -> bool:
        """Tell whether another secret *name* than the database's makes what is new, so that a replacement is to be finished."""
        async with self._database.read() as connection:
            checks = await store.checks(connection)
        return name not in checks or not secret_checks.is_current(self._vault, name, checks[name])

    async def renew_in_file(self, name: str) -> bool:
        """Put a new secret *name* into the file, the one before beside it; False where a replacement is to be finished first.

        Raises:
            OSError: the file cannot be written.
        """
        file = self._source.file
        if file is None or name not in self._source.kept_in_file:
            return False
        if name == ENCRYPTION_KEY:
            await self._seal_again()  # with the one so far, so that older ones can go
        async with self._database.write() as connection:
            await store.wait_for_turn(connection)
            self._vault.reload()
            checks = await store.checks(connection)
            if name not in checks or not secret_checks.is_current(self._vault, name, checks[name]):
                return False
            kept = file.read()
            needed: tuple[str, ...] = ()
            if name == PEPPER:
                counts = await store.count_keys_by_pepper(connection)
                needed = tuple(
                    other
                    for other in kept.other_peppers
                    if counts.get(None) or counts.get(pepper_id(other.encode()))
                )
            file.replace(kept.with_others(name, needed).replaced(name, new_secret()))
        self._vault.take(self._source.read())
        return True

    async def replace_encryption_key(self) -> int:
        """Seal everything with the key that seals now; returns how many rows were sealed again."""
        written = await self._seal_again()
        if self._source.file is not None:
            await asyncio.sleep(LOOK_SECONDS * 1.2)  # until then a process may not have seen the new file
        written += await self._seal_again()
        await self._write_check(ENCRYPTION_KEY)
        return written

    async def replace_pepper(self) -> None:
        """Have keys digested with the pepper from their next use on."""
        await self._write_check(PEPPER)

    async def forget_others(self) -> None:
        """Leave only what makes what is new in the file. Raises OSError."""
        file = self._source.file
        if file is None:
            return
        async with self._database.write() as connection:
            await store.wait_for_turn(connection)
            kept = file.read()
            for name in (PEPPER, ENCRYPTION_KEY):
                kept = kept.with_others(name, ())
            file.replace(kept)
        self._vault.take(self._source.read())

    async def count_sealed(self) -> Sealed:
        """Look at every row."""
        current = others = 0
        unreadable: list[str] = []
        async for rows in self._pages():
            for row in rows:
                if row.is_deleted:
                    continue
                if self._vault.is_current(row.sealed, context=row.id.encode()):
                    current += 1
                elif self._again(row) is None:
                    unreadable.append(row.id)
                else:
                    others += 1
        return Sealed(current, others, tuple(unreadable))

    async def count_digested(self) -> Digested:
        """Count keys by the pepper under which they stand."""
        async with self._database.read() as connection:
            counts = await store.count_keys_by_pepper(connection)
        current = counts.get(self._vault.pepper_id, 0)
        return Digested(current, sum(counts.values()) - current)

    async def _seal_again(self) -> int:
        """Seal each row with the key where it is not yet, in small transactions; returns how many. Rows that do not open stay."""
        written = 0
        async for rows in self._pages():
            again = [
                (row, sealed)
                for row in rows
                if not self._vault.is_current(row.sealed, context=row.id.encode())
                and (sealed := self._again(row)) is not None
            ]
            if again:
                async with self._database.write() as connection:
                    written += await store.reseal(connection, again)
                await asyncio.sleep(_PAUSE_SECONDS)
        return written

    async def _pages(self) -> AsyncIterator[list[SealedRow]]:
        after = 0
        while True:
            async with self._database.read() as connection:
                rows = await store.sealed_rows(connection, after=after, limit=BATCH)
            if not rows:
                return
            yield rows
            after = rows[-1].no

    def _again(self, row: SealedRow) -> bytes | None:
        context = row.id.encode()
        try:
            return self._vault.seal(self._vault.unseal(row.sealed, context=context), context=context)
        except Unreadable:
            return None

    async def _write_check(self, name: str) -> None:
        async with self._database.write() as connection:
            await store.replace_check(connection, name, secret_checks.check_values(self._vault)[name])
