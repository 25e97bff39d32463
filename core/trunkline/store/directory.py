"""The directory of companies: a cache of their references, and of the companies that are being erased.

The cache is valid until the counter of company changes (``stream_head.companies_version``) moves. An append reads the
counter together with the position, under the log's lock; an API call reads the counter together with the caller's key.
So no process uses outdated entries, and no process reads unchanged entries again.
"""

from collections import OrderedDict
from collections.abc import Collection, Iterable, Iterator, Mapping
from typing import Any

from sqlalchemy import BigInteger, String

from trunkline.errors import CompanyErased, CompanyUnknown
from trunkline.model.environments import company_number
from trunkline.store import companies, sql
from trunkline.store.connection import Connection
from trunkline.store.database import Database
from trunkline.store.sql import text

REMEMBERED = 10_000
"""The size of each cache.

There are three caches: the reference of each company (None if it has none), the company of each reference, and the
companies that exist.
"""
_NOBODY: Mapping[int, str | None] = {}


class CompanyDirectory:
    """Caches the references of companies; *remembered* is the size of each cache."""

    def __init__(self, database: Database, *, remembered: int = REMEMBERED) -> None:
        self._database = database
        self._remembered = remembered
        self._version, self._newest = -1, 0
        self._references: OrderedDict[int, str | None] = OrderedDict()
        self._ids: OrderedDict[str, int] = OrderedDict()
        self._existing: OrderedDict[int, None] = OrderedDict()
        self._erasing: frozenset[int] = frozenset()

    def saw(self, version: int) -> None:
        """Note the value of the change counter that was just read."""
        self._newest = max(self._newest, version)

    @property
    def newest(self) -> int:
        """The newest value of the change counter that this process has seen."""
        return self._newest

    @property
    def is_erasing(self) -> bool:
        """Whether this process knows of a company that is being erased."""
        return bool(self._erasing)

    def refusals(self, requests: Iterable[Iterable[int]]) -> Iterator[tuple[int, CompanyErased]]:
        """Yield the index and the error of each request (a collection of company ids) that names a company being erased."""
        for number, company_ids in enumerate(requests):
            try:
                self.check_open(company_ids)
            except CompanyErased as refusal:
                yield number, refusal

    def check_open(self, company_ids: Iterable[int]) -> None:
        """Raise CompanyErased if this process knows that one of the companies is being erased."""
        if self._erasing:
            for company_id in company_ids:
                if company_id in self._erasing:
                    raise CompanyErased(company_id)

    async def id_of(self, name: int | str) -> int:
        """Find the id of a company by its id or reference *name*. Raises CompanyUnknown, CompanyErased."""
        if isinstance(name, int):
            if self._newest != self._version:
                await self._refresh()
            self.check_open((name,))
            return name
        company_id = (await self.ids_of({name})).get(name)
        if company_id is None:
            raise CompanyUnknown(name)
        return company_id

    async def existing(self, name: int | str) -> int:
        """Find the id of an existing company.

        It reads the change counter itself, for callers that have not looked up a key.

        Raises CompanyUnknown, CompanyErased.
        """
        await self._refresh()
        company_id = await self.id_of(name)
        if isinstance(name, int) and company_id not in self._existing:
            version = self._version
            async with self._database.read() as connection:
                if not await companies.exists(connection, company_id):
                    raise CompanyUnknown(name)
            if version == self._version:
                self._remember(self._existing, {company_id: None})
        return company_id

    async def ids_of(self, references: Collection[str]) -> dict[str, int]:
        """Find the ids of the companies with *references*; unknown references are left out."""
        if self._newest != self._version:
            await self._refresh()
        known = {reference: self._ids[reference] for reference in references if reference in self._ids}
        if missing := [reference for reference in references if reference not in known]:
            version = self._version
            async with self._database.read() as connection:
                found = await _ids(connection, missing)
            known |= found
            if version == self._version:
                self._remember(self._ids, found)
        return known

    def remembered_id(self, reference: str) -> int | None:
        """Find the id of the company with *reference* in the cache; None if the database has to be queried."""
        return self._ids.get(reference) if self._newest == self._version else None

    async def reference_of(self, company_id: int) -> str | None:
        """Find a company's reference, which is the same in both environments; None if it has none."""
        company_id = company_number(company_id)
        if self._newest != self._version:
            await self._refresh()
        if not self._version:
            return None
        if company_id not in self._references:
            version = self._version
            async with self._database.read() as connection:
                found = await _references(connection, [company_id])
            if version != self._version:
                return found[company_id]
            self._remember(self._references, found)
        return self._references[company_id]

    def cached_references(self, company_ids: Iterable[int]) -> tuple[int, Mapping[int, str | None]] | None:
        """Find the references of companies in the cache, with the change counter at which they are valid.

        None if the cache lacks the reference of any of the companies.

        Raises CompanyErased if this process knows that one of the companies is being erased.
        """
        if not self._newest:
            return 0, _NOBODY
        if self._newest != self._version:
            return None
        company_ids = set(company_ids)
        self.check_open(company_ids)
        numbers = {company_number(company_id) for company_id in company_ids}
        known = {number: self._references[number] for number in numbers if number in self._references}
        return (self._version, known) if len(known) == len(numbers) else None

    async def references(
        self, connection: Connection, version: int, company_ids: Iterable[int]
    ) -> Mapping[int, str | None]:
        """Find the references of companies, by number.

        The caller holds the log's lock, and has read *version* while holding it. The lock prevents changes of
        companies. Raises CompanyErased if one of them is being erased.
        """
        if not version:
            return _NOBODY
        if version != self._version:
            self._renew(version, await _erasing(connection))
        company_ids = set(company_ids)
        self.check_open(company_ids)
        numbers = {company_number(company_id) for company_id in company_ids}
        missing = [number for number in numbers if number not in self._references]
        if not missing:
            return self._references
        known = {number: self._references[number] for number in numbers - set(missing)}
        found = await _references(connection, missing)
        if version == self._version:
            self._remember(self._references, found)
        return known | found

    async def _refresh(self) -> None:
        async with self._database.read() as connection:
            statement = text(
                "SELECT h.companies_version, c.company_id FROM stream_head AS h "
                "LEFT JOIN companies AS c ON c.erasure IS NOT NULL WHERE h.id = 1"
            )
            rows = (await connection.execute(statement)).all()
        version = rows[0][0]
        if version > self._version:
            self._renew(version, frozenset(row[1] for row in rows if row[1] is not None))

    def _renew(self, version: int, erasing: frozenset[int]) -> None:
        self._version, self._erasing = version, erasing
        self.saw(version)
        self._references.clear()
        self._ids.clear()
        self._existing.clear()

    def _remember(self, known: OrderedDict[Any, Any], found: Mapping[Any, Any]) -> None:
        known.update(found)
        while len(known) > self._remembered:
            known.popitem(last=False)


async def count_change(connection: Connection) -> None:
    """Advance the counter of company changes in the caller's transaction. Appends wait until the transaction has ended."""
    statement = text("UPDATE stream_head SET companies_version = companies_version + 1 WHERE id = 1")
    await connection.execute(statement)


async def _erasing(connection: Connection) -> frozenset[int]:
    rows = await connection.execute(text("SELECT company_id FROM companies WHERE erasure IS NOT NULL"))
    return frozenset(row[0] for row in rows)


async def _references(connection: Connection, company_ids: Collection[int]) -> dict[int, str | None]:
    is_among_them, ids = sql.one_of(connection, "company_id", "ids", BigInteger)
    statement = text(f"SELECT company_id, reference FROM companies WHERE {is_among_them}").bindparams(ids)
    found: dict[int, str | None] = dict.fromkeys(company_ids)
    found.update((row[0], row[1]) for row in await connection.execute(statement, {"ids": list(company_ids)}))
    return found


async def _ids(connection: Connection, references: Collection[str]) -> dict[str, int]:
    is_among_them, named = sql.one_of(connection, "reference", "named", String)
    statement = text(f"SELECT reference, company_id FROM companies WHERE {is_among_them}").bindparams(named)
    rows = await connection.execute(statement, {"named": list(references)})
    return {row[0]: row[1] for row in rows}
