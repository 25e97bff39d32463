"""Makes, lists and changes companies for the operator, and deletes them with all their data."""

import contextlib
import secrets
import zoneinfo
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import orjson

from trunkline.access.company_limits import CompanyLimits, faults_of, merged
from trunkline.errors import (
    BodyInvalid,
    CompanyErased,
    CompanyUnknown,
    Conflict,
    FieldError,
    NotFound,
    but_not,
    pointer,
)
from trunkline.model import cursors, treatments
from trunkline.model.companies import GIVEN_FORM, may_be_given
from trunkline.model.company_rows import CompanyRows
from trunkline.model.environments import TEST, company_number, environment_member, in_environment
from trunkline.model.etags import check_match
from trunkline.model.times import utc_or_none
from trunkline.store import companies as store
from trunkline.store import directory, erasures, subscriptions
from trunkline.store.companies import Company
from trunkline.store.connection import Connection
from trunkline.store.database import Database
from trunkline.store.directory import CompanyDirectory
from trunkline.store.erasures import Erasure

MAX_METADATA_BYTES = 8 * 1024
MAX_RECIPIENTS = 20
MAX_ADDRESS = 254
MAX_NAME = 200
_CURSOR = "c"


class Companies:
    """Makes, shows, changes and deletes companies. A company without a record can still be used by its id.

    *plugins* returns the rows of companies in the tables of plugins.
    """

    def __init__(
        self,
        database: Database,
        *,
        limits: CompanyLimits,
        directory: CompanyDirectory,
        plugins: Callable[[], Sequence[CompanyRows]],
    ) -> None:
        self._database = database
        self._limits = limits
        self._directory = directory
        self._plugins = plugins
        self.find, self.reference_of = directory.id_of, directory.reference_of

    async def existing(self, name: int | str, *, make: bool = False) -> int:
        """Find the id of a company that exists, or *make* it (``contract.Companies``). Raises CompanyUnknown, CompanyErased."""
        try:
            return await self._directory.existing(name)
        except CompanyUnknown:
            if not make:
                raise
        # *name* is not a valid reference, or the company was just made
        with contextlib.suppress(BodyInvalid, Conflict):
            await (self.create({"reference": name}) if isinstance(name, str) else self.change(name, {}))
        return await self._directory.existing(name)

    async def create(self, values: Mapping[str, Any]) -> dict[str, Any]:
        """Make a company and show it. Raises BodyInvalid, or Conflict if another company has its reference."""
        _check(values)
        if "delivery" in values:
            values = {**values, "delivery": _treatment({}, values["delivery"])}
        await self._check_case(values.get("reference"))
        async with self._database.write() as connection:
            await directory.count_change(connection)
            company_id = await store.new_id(connection)
            await store.lock(connection, company_id)
            company = await self._change(connection, company_id, values)
            test_limits = await _test_limits(connection, company_id)
        return self._view(company_id, company, test_limits)

    async def view(self, name: int | str) -> dict[str, Any]:
        """Show a company; without a record it has only an id and limits. Raises CompanyUnknown, or NotFound if it was deleted."""
        company_id = company_number(name if isinstance(name, int) else await self._directory.id_of(name))
        async with self._database.read() as connection:
            company = await store.find(connection, company_id)
            if company is None and await erasures.was_erased(connection, company_id):
                raise NotFound("company", company_id)
            test_limits = await _test_limits(connection, company_id)
        return self._view(company_id, company, test_limits)

    async def page(
        self, *, reference: str | None = None, cursor: str | None = None, limit: int = 50
    ) -> dict[str, Any]:
        """List the companies that have a record because they were made or changed, by id. Raises BadCursor."""
        after = cursors.decode(cursor, kind=_CURSOR) if cursor is not None else 0
        async with self._database.read() as connection:
            found = await store.page(connection, reference=reference, after=after, limit=limit + 1)
            shown = found[:limit]
            tests = await store.limits_of_all(connection, [-company.id for company in shown])
        return {
            "companies": [self._view(company.id, company, tests.get(-company.id, {})) for company in shown],
            "next_cursor": cursors.encode(shown[-1].id, kind=_CURSOR) if len(found) > limit else None,
        }

    async def change(
        self, name: int | str, values: Mapping[str, Any], *, if_match: str | None = None
    ) -> dict[str, Any]:
        """Change the members of a company named in *values*, and show it; None resets a member.

        Raises BodyInvalid, CompanyUnknown, CompanyErased, PreconditionFailed, or Conflict if another company has the reference.
        """
        _check(values)
        company_id = company_number(await self._directory.id_of(name))
        await self._check_case(values.get("reference"), of=company_id)
        async with self._database.write() as connection:
            if "delivery" in values:
                treatment = await self._treat(connection, company_id, values["delivery"])
                values = {**values, "delivery": treatment}
            if "reference" in values:
                await directory.count_change(connection)
            if await store.lock(connection, company_id) is None:
                raise CompanyErased(company_id)
            if if_match is not None:
                before = await store.find(connection, company_id)
                test_limits = await _test_limits(connection, company_id)
                check_match(if_match, self._view(company_id, before, test_limits))
            company = await self._change(connection, company_id, values)
            test_limits = await _test_limits(connection, company_id)
        return self._view(company_id, company, test_limits)

    async def delete(self, name: int | str, *, environment: str | None = None) -> dict[str, Any]:
        """Stop a company at once, begin its erasure, and return the receipt.

        A call during the erasure gives the same receipt. Its test environment is erased too; if *environment* is
        ``test``, only the test environment is erased. Raises CompanyUnknown.
        """
        company_id = name if isinstance(name, int) else await self._directory.id_of(name)
        if environment == TEST:
            company_id = in_environment(company_id, TEST)
        async with self._database.write() as connection:
            erasure_id = f"era_{secrets.token_hex(12)}"
            erasure = await erasures.begin(connection, company_id, id=erasure_id, plugins=self._plugins())
        return receipt(erasure)

    async def receipt(self, erasure_id: str) -> dict[str, Any]:
        """Show the receipt of an erasure; while the erasure runs, it also counts the remaining rows. Raises NotFound."""
        async with self._database.read() as connection:
            erasure = await erasures.find(connection, erasure_id)
            if erasure is None:
                raise NotFound("erasure", erasure_id)
            if erasure.completed_ms is not None:
                return receipt(erasure)
            remaining, age_ms = await erasures.left(connection, erasure)
        removed = sum(erasure.removed.get(table, 0) for table in remaining)
        seconds = round(sum(remaining.values()) / removed * age_ms / 1000) if removed else None
        return {**receipt(erasure), "remaining": remaining, "estimated_seconds": seconds}

    async def _check_case(self, reference: str | None, *, of: int = 0) -> None:
        """Make sure that no company other than *of* has a reference that differs from *reference* only in case.

        Raises Conflict. This check reads every reference, so call it before taking the log's lock.
        """
        if reference is None:
            return
        async with self._database.read() as connection:
            holders = await store.holders_in_any_case(connection, reference)
        for company_id, held in holders.items():
            if company_id != of and held != reference:
                msg = (
                    f"The reference '{reference}' differs from '{held}', that of company {company_id}, in upper and lower case "
                    "only; choose another, or change that company."
                )
                raise Conflict(msg, errors=[FieldError("/reference", msg)])

    async def _change(self, connection: Connection, company_id: int, values: Mapping[str, Any]) -> Company:
        changes = dict(values)
        if test := changes.pop("test", None):
            tested_id = in_environment(company_id, TEST)
            tested = await store.lock(connection, tested_id)
            if tested is None:
                raise CompanyErased(tested_id)
            await store.change(connection, tested_id, {"limits": merged(tested.limits, test["limits"] or {})})
        if (reference := changes.get("reference")) is not None:
            holder = await store.holder_of(connection, reference)
            if holder not in {None, company_id}:
                msg = f"The reference '{reference}' is that of company {holder}; choose another, or change that company."
                raise Conflict(msg, errors=[FieldError("/reference", msg)])
        if "limits" in changes:
            own = await store.limits_of(connection, company_id)
            changes["limits"] = merged(own, changes["limits"] or {})
        return await store.change(connection, company_id, changes)

    async def _treat(
        self, connection: Connection, company_id: int, changes: Mapping[str, Any] | None
    ) -> dict[str, Any] | None:
        """Change a company's default delivery settings in both environments; returns all settings that are set.

        Call it before taking the log's lock, because making a subscription takes that lock last. Raises CompanyErased.
        """
        company = await store.lock(connection, company_id)
        if company is None:
            raise CompanyErased(company_id)
        treatment = _treatment(company.delivery, changes)
        if treatment != (company.delivery or None):
            both = [company_id, in_environment(company_id, TEST)]
            await subscriptions.give_defaults(connection, both, treatment or {})
        return treatment

    def _view(
        self, company_id: int, company: Company | None, test_limits: Mapping[str, int]
    ) -> dict[str, Any]:
        limits = self._limits.shown(company_id, company.limits if company else {})
        return {
            "id": company_id,
            "reference": company and company.reference,
            "name": company and company.name,
            "limits": limits["limits"],
            "own_limits": limits["own_limits"],
            "delivery": {name: company and company.delivery.get(name) for name in treatments.NAMES},
            "test": self._limits.shown(in_environment(company_id, TEST), test_limits),
            "time_zone": company and company.time_zone,
            "metadata": company.metadata if company else {},
            "alert_recipients": company.alert_recipients if company else [],
            "created_utc": utc_or_none(company.created_ms if company else None),
            "updated_utc": utc_or_none(company.updated_ms if company else None),
        }


def _treatment(before: Mapping[str, Any], changes: Mapping[str, Any] | None) -> dict[str, Any] | None:
    """Apply *changes* to delivery settings; None resets a setting. Returns the result, or None if no setting is left."""
    after = {**before, **changes} if changes is not None else {}
    return {name: value for name, value in after.items() if value is not None} or None


def receipt(erasure: Erasure) -> dict[str, Any]:
    """Show an erasure."""
    return {
        "id": erasure.id,
        "company_id": company_number(erasure.company_id),
        **environment_member(erasure.company_id),
        "status": "running" if erasure.completed_ms is None else "completed",
        "removed": dict(erasure.removed),
        "created_utc": utc_or_none(erasure.created_ms),
        "completed_utc": utc_or_none(erasure.completed_ms),
    }


async def _test_limits(connection: Connection, company_id: int) -> dict[str, int]:
    return await store.limits_of(connection, in_environment(company_id, TEST))


def _check(values: Mapping[str, Any]) -> None:
    """Check the values of a company. Raises BodyInvalid."""
    faults = faults_of(values.get("limits") or {})
    in_test = faults_of((values.get("test") or {}).get("limits") or {})
    faults += [FieldError(f"/test{fault.path}", fault.message) for fault in in_test]
    for option, value in (values.get("delivery") or {}).items():
        if option not in treatments.NAMES:
            message = f"is not one of {', '.join(treatments.NAMES)}"
            faults.append(FieldError(f"/delivery/{option[:60]}", message))
        elif value is not None:
            in_option = treatments.faults_in(option, value)
            faults += [FieldError(f"/delivery{fault.path}", fault.message) for fault in in_option]
    reference, name, zone = (values.get(key) for key in ("reference", "name", "time_zone"))
    if reference is not None and not may_be_given(reference):
        faults.append(FieldError("/reference", f"must be {GIVEN_FORM}{but_not(reference)}"))
    if name is not None and not 0 < len(name) <= MAX_NAME:
        faults.append(FieldError("/name", f"must have 1 to {MAX_NAME} characters"))
    if zone is not None:
        try:
            zoneinfo.ZoneInfo(zone)
        except (zoneinfo.ZoneInfoNotFoundError, ValueError, OSError):
            message = f"is no time zone of the IANA database, such as Europe/Berlin: '{zone[:60]}'"
            faults.append(FieldError("/time_zone", message))
    if len(orjson.dumps(values.get("metadata") or {})) > MAX_METADATA_BYTES:
        faults.append(FieldError("/metadata", f"must have at most {MAX_METADATA_BYTES} bytes as JSON"))
    faults += _rounded(values.get("metadata"), "/metadata")
    faults += _recipient_faults(values.get("alert_recipients") or [])
    if faults:
        raise BodyInvalid(faults)


def _rounded(value: Any, path: str) -> list[FieldError]:
    """Find the numbers that were read as floats for their length."""
    if isinstance(value, dict | list):
        members = value.items() if isinstance(value, dict) else enumerate(value)
        return [fault for name, member in members for fault in _rounded(member, path + pointer(name))]
    if not isinstance(value, float) or -(2**63) < value < 2**64:
        return []
    return [
        FieldError(path, "must lie between -2^63 and 2^64, as numbers beyond are rounded; send it as text")
    ]


def _recipient_faults(recipients: Sequence[str]) -> list[FieldError]:
    if len(recipients) > MAX_RECIPIENTS:
        return [FieldError("/alert_recipients", f"must be at most {MAX_RECIPIENTS} addresses")]
    faults: list[FieldError] = []
    for index, address in enumerate(recipients):
        local, _, domain = address.rpartition("@")
        is_plain = len(address) <= MAX_ADDRESS and address.isprintable() and " " not in address
        if not (is_plain and local and "." in domain):
            message = f"is no e-mail address: '{address[:60]}'"
            faults.append(FieldError(f"/alert_recipients/{index}", message))
    return faults
