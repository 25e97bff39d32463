"""Checks that this process has the pepper and the encryption key of the database.

The database has a known text, digested with the pepper and sealed with the encryption key. Every start checks both before it
writes anything. A database of an earlier version has no such text: the key must then open the sealed rows, and any pepper
is accepted.
"""

from collections.abc import Mapping, Sequence

from trunkline.access.secrets_file import NAMES
from trunkline.access.vault import Vault
from trunkline.errors import SettingsInvalid, Unreadable
from trunkline.store import secrets as store
from trunkline.store.database import Database
from trunkline.store.secrets import SealedRow

PEPPER, ENCRYPTION_KEY = NAMES
LOOKED_AT = 100
"""The number of the oldest sealed rows to try without a check value: the key must open half, as rows may be damaged."""
_TEXT = "trunkline: check"
_CONTEXT = b"trunkline: check"


class SecretChecks:
    """Compares the secrets of *vault* with those of *database*."""

    def __init__(self, database: Database, vault: Vault) -> None:
        self._database = database
        self._vault = vault

    async def verify(self) -> None:
        """Make sure that the secrets belong to the database, whatever the database's version; writes nothing.

        Raises:
            SettingsInvalid: a secret does not belong to the database.
            StoreUnavailable
        """
        async with self._database.read() as connection:
            checks = await store.checks(connection)
            rows = [] if ENCRYPTION_KEY in checks else await store.sealed_rows(connection, limit=LOOKED_AT)
        self._judge(checks, rows)

    async def write_missing(self) -> None:
        """Write the missing check values of the database. If several processes start together, the first one's values are kept.

        Raises:
            SettingsInvalid: another process has written different values meanwhile.
            StoreUnavailable
        """
        async with self._database.read() as connection:
            checks = await store.checks(connection)
        self._judge(checks, ())
        if checks.keys() >= set(NAMES):
            return
        async with self._database.write() as connection:
            await store.insert_checks(connection, check_values(self._vault))
            checks = await store.checks(connection)
            self._judge(checks, ())
            await store.name_peppers(connection, self._vault.pepper_id)

    async def are_ours(self) -> bool:
        """Return whether the secrets still belong to the database. Raises StoreUnavailable."""
        async with self._database.read() as connection:
            checks = await store.checks(connection)
        if not unfit(self._vault, checks):
            return True
        return self._vault.reload() and not unfit(self._vault, checks)

    async def require(self) -> None:
        """Make sure that the secrets still belong to the database. Raises SettingsInvalid, StoreUnavailable."""
        if not await self.are_ours():
            async with self._database.read() as connection:
                self._judge(await store.checks(connection), ())

    def _judge(self, checks: Mapping[str, bytes], rows: Sequence[SealedRow]) -> None:
        wrong = unfit(self._vault, checks)
        if sum(_opens(self._vault, row.sealed, context=row.id.encode()) for row in rows) * 2 < len(rows):
            wrong.append(ENCRYPTION_KEY)
        if wrong:
            names = " and ".join(f"'auth.{name}'" for name in wrong)
            msg = (
                f"Setting {names}: {'is not that' if len(wrong) == 1 else 'are not those'} of this database; use what it was set up with, "
                f"or put that into {' and '.join(f'auth.other_{name}s' for name in wrong)} while you give new for old."
            )
            raise SettingsInvalid(msg)


def check_values(vault: Vault) -> dict[str, bytes]:
    """Make the check values of the current secrets."""
    return {
        PEPPER: check_of_pepper(vault),
        ENCRYPTION_KEY: vault.seal(_TEXT.encode(), context=_CONTEXT),
    }


def check_of_pepper(vault: Vault) -> bytes:
    """Make the check value of the pepper."""
    return vault.digest(_TEXT)


def is_current(vault: Vault, name: str, value: bytes) -> bool:
    """Return whether the check *value* was made with the current value of the secret *name*, not with an *other* value."""
    if name == PEPPER:
        return value == vault.digest(_TEXT)
    return vault.is_current(value, context=_CONTEXT)


def unfit(vault: Vault, checks: Mapping[str, bytes]) -> list[str]:
    """List the secrets of which no value, current or other, matches the check value in *checks*."""
    wrong: list[str] = []
    digests = vault.digests(_TEXT)
    if PEPPER in checks and checks[PEPPER] not in (digests.first, *digests.others):
        wrong.append(PEPPER)
    if ENCRYPTION_KEY in checks and not _opens(vault, checks[ENCRYPTION_KEY], context=_CONTEXT):
        wrong.append(ENCRYPTION_KEY)
    return wrong


def _opens(vault: Vault, sealed: bytes, *, context: bytes) -> bool:
    try:
        vault.unseal(sealed, context=context)
    except Unreadable:
        return False
    return True
