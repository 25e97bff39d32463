"""Reading events out of request bodies: what came in becomes drafts, or a list of everything that is wrong with it."""

import hashlib
import secrets
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec

from trunkline.errors import BodyInvalid, EventRejected, FieldError
from trunkline.ingest.submissions import Warned
from trunkline.model.events import Draft
from trunkline.model.times import read_time
from trunkline.schemas.catalog import SchemaCatalog
from trunkline.schemas.modes import Modes
from trunkline.store.quarantine import QuarantinedDraft

FIELDS = ("type", "payload", "metadata", "companyId", "createdUtc", "version")
MAX_BATCH = 1000

CompanyOf = Callable[[int | None], int]
"""Tells which company an event is for, given the ``companyId`` that its body names (None for none)."""


@dataclass(frozen=True, slots=True)
class Item:
    """One event of a request: its members as parsed, and as the bytes that came in. *path* is where it stands."""

    path: str
    parsed: Any
    raw: Mapping[str, msgspec.Raw]


@dataclass(slots=True)
class Reading:
    """What the items of a request came to: *drafts* for the log, *quarantined* for the quarantine, each in their order.

    *warned* are those among the drafts whose payload breaks its schema; *company_ids* are of all items.
    """

    drafts: list[Draft]
    company_ids: list[int]
    quarantined: list[QuarantinedDraft]
    warned: list[Warned]

    def hold(self, index: int, draft: Draft, broken: Sequence[FieldError], *, version: int | None) -> None:
        """Take the item at *index* in, for the quarantine; *version* is the one that it names."""
        self.company_ids.append(draft.company_id)
        self.quarantined.append(
            QuarantinedDraft(index, f"qtn_{secrets.token_hex(12)}", draft, broken, version)
        )

    def add(self, draft: Draft, broken: Sequence[FieldError]) -> None:
        """Take an item in, for the log; *broken* is what is wrong with it all the same."""
        self.company_ids.append(draft.company_id)
        if broken:
            self.warned.append(Warned(len(self.drafts), tuple(fault.path for fault in broken)))
        self.drafts.append(draft)


def split_single(compact: bytes, parsed: Any) -> Item:
    """Read the body of ``POST /events``. Raises BodyInvalid where it is no object."""
    if not isinstance(parsed, dict):
        raise BodyInvalid([FieldError("", "must be a JSON object with 'type' and 'payload'")])
    return Item("", parsed, msgspec.json.decode(compact, type=dict[str, msgspec.Raw]))


def split_batch(compact: bytes, parsed: Any, *, max_item_bytes: int) -> list[Item]:
    """Read the body of ``POST /events/batch``. Raises BodyInvalid where it is no ``{"events": [...]}``."""
    if not isinstance(parsed, dict):
        raise BodyInvalid([FieldError("", "must be a JSON object with 'events'")])
    if unknown := [name for name in parsed if name != "events"]:
        raise BodyInvalid(
            [FieldError(f"/{name}", "is not a field here; send {'events': [...]}") for name in unknown]
        )
    events = parsed.get("events")
    if not isinstance(events, list) or not 1 <= len(events) <= MAX_BATCH:
        raise BodyInvalid([FieldError("/events", f"must be a list of 1 to {MAX_BATCH} events")])
    raws = msgspec.json.decode(compact, type=dict[str, list[msgspec.Raw]])["events"]
    items: list[Item] = []
    errors: list[FieldError] = []
    for index, (event, raw) in enumerate(zip(events, raws, strict=True)):
        path = f"/events/{index}"
        if not isinstance(event, dict):
            errors.append(FieldError(path, "must be a JSON object with 'type' and 'payload'"))
        elif len(bytes(raw)) > max_item_bytes:
            errors.append(
                FieldError(path, f"is larger than the {max_item_bytes} bytes that one event may have")
            )
        else:
            items.append(Item(path, event, msgspec.json.decode(raw, type=dict[str, msgspec.Raw])))
    if errors:
        raise EventRejected(errors)
    return items


def read_drafts(
    items: Sequence[Item], *, catalog: SchemaCatalog, company_of: CompanyOf, now_text: str
) -> list[Draft]:
    """Read *items* as ``read_events`` does where every type is rejected."""
    modes = Modes("reject", {}, catalog=catalog)
    return read_events(items, catalog=catalog, modes=modes, company_of=company_of, now_text=now_text).drafts


def read_events(
    items: Sequence[Item], *, catalog: SchemaCatalog, modes: Modes, company_of: CompanyOf, now_text: str
) -> Reading:
    """Check *items*, all or none; a payload that breaks its schema is a fault only where its type is rejected.

    Raises:
        EventRejected: with every fault of every item, each at its JSON pointer.
        Forbidden, BadQuery: from *company_of*.
    """
    reading = Reading([], [], [], [])  # as types with defaults it would take half a microsecond more
    errors: list[FieldError] = []
    for index, item in enumerate(items):
        faults, broken, created = _faults(item, catalog)
        if faults or (broken and modes.of(item.parsed["type"]) == "reject"):
            errors.extend(FieldError(item.path + fault.path, fault.message) for fault in (*faults, *broken))
            continue
        try:
            company_id = company_of(item.parsed.get("companyId"))
        except BodyInvalid as error:
            errors.extend(FieldError(item.path + fault.path, fault.message) for fault in error.errors)
            continue
        draft = _draft(item, catalog, company_id, created or now_text)
        if broken and modes.of(draft.type) == "quarantine":
            reading.hold(index, draft, broken, version=item.parsed.get("version"))
        else:
            reading.add(draft, broken)
    if errors:
        raise EventRejected(errors)
    return reading


def read_payload(compact: bytes, parsed: Any) -> bytes:
    """Read the body ``{"payload": {...}}``; returns the payload as it came in. Raises BodyInvalid."""
    if not isinstance(parsed, dict):
        raise BodyInvalid([FieldError("", "must be a JSON object with 'payload'")])
    errors = [FieldError(f"/{name}", "is not known here") for name in parsed if name != "payload"]
    if "payload" not in parsed:
        errors.append(FieldError("/payload", "is required"))
    elif not isinstance(parsed["payload"], dict):
        errors.append(FieldError("/payload", "must be an object"))
    if errors:
        raise BodyInvalid(errors)
    return bytes(msgspec.json.decode(compact, type=dict[str, msgspec.Raw])["payload"])


def check_payload(
    catalog: SchemaCatalog, event_type: str, payload: Any, *, version: int | None = None
) -> list[FieldError]:
    """Tell what is wrong with *payload* as one of *event_type*, with pointers into the event. Raises KeyError."""
    found = catalog.check(event_type, payload, version=version)
    return [FieldError(f"/payload{fault.path}", fault.message) for fault in found] if found else found


def fingerprint(call: str, items: Sequence[Item], company_ids: Sequence[int]) -> bytes:
    """Hash what a request asks for, so that a repeated idempotency key can be told from a reused one.

    *company_ids* are those of the items. White space does not count; the order of members does, and so does the company,
    which a header may have named.
    """
    digest = hashlib.sha256(call.encode())
    for item, company_id in zip(items, company_ids, strict=True):
        digest.update(b"%d;" % company_id)
        for name, raw in item.raw.items():
            value = bytes(raw)
            digest.update(b"%d:%b=%d:%b;" % (len(name), name.encode(), len(value), value))
        digest.update(b"\n")
    return digest.digest()


def _draft(item: Item, catalog: SchemaCatalog, company_id: int, created_utc: str) -> Draft:
    kind = catalog.get(item.parsed["type"], item.parsed.get("version"))
    assert kind is not None  # its faults were looked for
    metadata = bytes(item.raw["metadata"]) if item.parsed.get("metadata") else b""
    return Draft(company_id, kind.name, created_utc, bytes(item.raw["payload"]), metadata, kind.version)


def _faults(item: Item, catalog: SchemaCatalog) -> tuple[list[FieldError], list[FieldError], str | None]:
    """Give the faults of the envelope, those of a payload that breaks its schema, and the time that is named."""
    parsed = item.parsed
    errors = [
        FieldError(f"/{name}", f"is not a field of an event; known fields are {', '.join(FIELDS)}")
        for name in parsed
        if name not in FIELDS
    ]
    metadata, company_id = parsed.get("metadata"), parsed.get("companyId")
    if metadata is not None and not isinstance(metadata, dict):
        errors.append(FieldError("/metadata", "must be an object"))
    if company_id is not None and (type(company_id) is not int or not 0 < company_id < 2**63):
        errors.append(FieldError("/companyId", "must be a positive whole number"))
    created: str | None = None
    if (given := parsed.get("createdUtc")) is not None:
        created = read_time(given) if isinstance(given, str) else None
        if created is None:
            errors.append(
                FieldError(
                    "/createdUtc", "must be an ISO 8601 time with an offset, such as 2026-01-28T10:30:00Z"
                )
            )
    form = _form_faults(parsed, catalog)
    if form:
        return [*errors, *form], [], created
    version = parsed.get("version")
    return errors, check_payload(catalog, parsed["type"], parsed["payload"], version=version), created


def _form_faults(parsed: Mapping[str, Any], catalog: SchemaCatalog) -> list[FieldError]:
    errors: list[FieldError] = []
    name = parsed.get("type")
    if name is None:
        errors.append(FieldError("/type", "is required"))
    elif not isinstance(name, str) or catalog.get(name) is None:
        errors.append(
            FieldError("/type", f"is not a known event type; known are {', '.join(catalog.names())}")
        )
    elif (version := parsed.get("version")) is not None and (
        type(version) is not int or catalog.get(name, version) is None
    ):
        there = ", ".join(map(str, catalog.versions(name)))
        errors.append(FieldError("/version", f"is not a version of {name}; the versions there are: {there}"))
    if "payload" not in parsed:
        errors.append(FieldError("/payload", "is required"))
    elif not isinstance(parsed["payload"], dict):
        errors.append(FieldError("/payload", "must be an object"))
    return errors
