"""Replacing the pepper and the encryption key while processes run.

At each moment every process can decrypt and verify everything: it has the old and the new secret, one as the current and one
as an *other* one. Sealed rows are sealed again one by one. A digest cannot be made without its API key, so a new digest is
made when the key is next used (``access.keys``). The check value is replaced last: while it belongs to the old secret, the
replacement is unfinished, and the next request for a replacement resumes it.
"""

import asyncio
from collections.abc import AsyncIterator

from msgspec import Struct

from trunkline.access import secret_checks
from trunkline.access.secret_checks import ENCRYPTION_KEY, PEPPER
from trunkline.access.secrets_file import SecretSource, new_secret
from trunkline.access.vault import LOOK_SECONDS, Vault, pepper_id
from trunkline.errors import Unreadable
from trunkline.store import secrets as store
from trunkline.store.database import Database
from trunkline.store.secrets import SealedRow

BATCH = 100
"""How many rows are sealed again in one transaction. It takes about 10 ms, and other transactions wait no longer than that."""
_PAUSE_SECONDS = 0.01


class Sealed(Struct, frozen=True):
    """The sealed rows of a database: how many with the current key, how many with another, and which cannot be decrypted.

    *unreadable* has the ids of subscriptions; deleted ones are not counted.
    """

    current: int
    others: int
    unreadable: tuple[str, ...]


class Digested(Struct, frozen=True):
    """The number of keys digested with the current pepper, and with another or unknown one; revoked keys are not counted."""

    current: int
    others: int


class SecretReplacement:
    """Replaces the secrets of *database*; *source* is the source of the secrets in *vault*."""

    def __init__(self, database: Database, *, source: SecretSource, vault: Vault) -> None:
        self._database = database
        self._source = source
        self._vault = vault

    async def has_begun(self, name: str) -> bool:
        """Return whether a replacement is unfinished: the check value does not match the current secret *name*."""
        async with self._database.read() as connection:
            checks = await store.checks(connection)
        return name not in checks or not secret_checks.is_current(self._vault, name, checks[name])

    async def renew_in_file(self, name: str) -> bool:
        """Put a new secret *name* into the file and keep the previous one; False if another replacement must be finished first.

        Raises SettingsInvalid: the file cannot be written.
        """
        file = self._source.file
        if file is None or name not in self._source.kept_in_file:
            return False
        if name == ENCRYPTION_KEY:
            await self._seal_again()  # with the current key, so that older keys can be removed
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
                used = [each for each in kept.other_peppers if counts.get(pepper_id(each.encode()))]
                needed = kept.other_peppers if counts.get(None) else tuple(used)
            file.replace(kept.with_others(name, needed).replaced(name, new_secret()))
        self._vault.take(self._source.read())
        return True

    async def replace_encryption_key(self) -> int:
        """Seal all rows with the current key; returns how many were sealed again."""
        written = await self._seal_again()
        if self._source.file is not None:
            await asyncio.sleep(LOOK_SECONDS * 1.2)  # until then a process may not have read the new file
        written += await self._seal_again()
        await self._write_check(ENCRYPTION_KEY)
        return written

    async def replace_pepper(self) -> None:
        """Replace the check value of the pepper. Each key gets a digest with the current pepper when it is next used."""
        await self._write_check(PEPPER)

    async def forget_others(self) -> bool:
        """Leave only the current secrets in the file; False if there is none, because the settings have the secrets.

        Raises SettingsInvalid.
        """
        file = self._source.file
        if file is None:
            return False
        async with self._database.write() as connection:
            await store.wait_for_turn(connection)
            kept = file.read()
            for name in (PEPPER, ENCRYPTION_KEY):
                kept = kept.with_others(name, ())
            file.replace(kept)
        self._vault.take(self._source.read())
        return True

    async def count_sealed(self) -> Sealed:
        """Count the sealed rows; reads every row."""
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
        """Count keys by the pepper of their digests."""
        async with self._database.read() as connection:
            counts = await store.count_keys_by_pepper(connection)
        current = counts.get(self._vault.pepper_id, 0)
        return Digested(current, sum(counts.values()) - current)

    async def _seal_again(self) -> int:
        """Seal the rows of other keys again with the current key, in small transactions.

        Returns how many rows were sealed again. Rows that cannot be decrypted are left unchanged.
        """
        written = 0
        async for rows in self._pages():
            old = [row for row in rows if not self._vault.is_current(row.sealed, context=row.id.encode())]
            again = [(row, sealed) for row in old if (sealed := self._again(row)) is not None]
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
