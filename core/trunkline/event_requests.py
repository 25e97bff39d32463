"""Reading events out of request bodies: what came in becomes drafts, or a list of everything that is wrong with it."""

import hashlib
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import msgspec

from trunkline.errors import BodyInvalid, EventRejected, FieldError
from trunkline.events import Draft
from trunkline.schemas import SchemaCatalog

FIELDS = ("type", "payload", "metadata", "companyId", "createdUtc")
MAX_BATCH = 1000
_TIME = re.compile(r"(\d{4}-\d{2}-\d{2})[Tt ](\d{2}:\d{2}:\d{2})(\.\d{1,9})?([Zz]|[+-]\d{2}:\d{2})", re.ASCII)

CompanyOf = Callable[[int | None], int]
"""Tells which company an event is for, given the ``companyId`` that its body names (None for none)."""


@dataclass(frozen=True, slots=True)
class Item:
    """One event of a request: its members as parsed, and as the bytes that came in. *path* is where it stands."""

    path: str
    parsed: Any
    raw: Mapping[str, msgspec.Raw]


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
    """Check *items* and make drafts of them, all or none.

    Raises:
        EventRejected: with every fault of every item, each at its JSON pointer.
        Forbidden, BadQuery: from *company_of*.
    """
    drafts: list[Draft] = []
    errors: list[FieldError] = []
    for item in items:
        found, created = _faults(item, catalog)
        if found:
            errors.extend(FieldError(item.path + fault.path, fault.message) for fault in found)
            continue
        try:
            company_id = company_of(item.parsed.get("companyId"))
        except BodyInvalid as error:
            errors.extend(FieldError(item.path + fault.path, fault.message) for fault in error.errors)
            continue
        metadata = bytes(item.raw["metadata"]) if item.parsed.get("metadata") else b""
        drafts.append(
            Draft(company_id, item.parsed["type"], created or now_text, bytes(item.raw["payload"]), metadata)
        )
    if errors:
        raise EventRejected(errors)
    return drafts


def fingerprint(call: str, items: Sequence[Item], drafts: Sequence[Draft]) -> bytes:
    """Hash what a request asks for, so that a repeated idempotency key can be told from a reused one.

    White space does not count; the order of members does, and so does the company, which a header may have named.
    """
    digest = hashlib.sha256(call.encode())
    for item, draft in zip(items, drafts, strict=True):
        digest.update(b"%d;" % draft.company_id)
        for name, raw in item.raw.items():
            value = bytes(raw)
            digest.update(b"%d:%b=%d:%b;" % (len(name), name.encode(), len(value), value))
        digest.update(b"\n")
    return digest.digest()


def read_time(text: str) -> str | None:
    """Turn an ISO 8601 time with an offset into one with ``Z``, sub-second digits untouched; None if it is not one."""
    match = _TIME.fullmatch(text)
    if match is None:
        return None
    day, clock, fraction, offset = match.groups(default="")
    try:
        moment = datetime.fromisoformat(f"{day}T{clock}{offset.upper()}").astimezone(UTC)
    except (ValueError, OverflowError):
        return None
    return f"{moment.replace(tzinfo=None).isoformat()}{fraction}Z"


def _faults(item: Item, catalog: SchemaCatalog) -> tuple[list[FieldError], str | None]:
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
    errors.extend(_payload_faults(parsed, catalog))
    return errors, created


def _payload_faults(parsed: Mapping[str, Any], catalog: SchemaCatalog) -> list[FieldError]:
    errors: list[FieldError] = []
    name = parsed.get("type")
    if name is None:
        errors.append(FieldError("/type", "is required"))
    elif not isinstance(name, str) or catalog.get(name) is None:
        errors.append(
            FieldError("/type", f"is not a known event type; known are {', '.join(catalog.names())}")
        )
    if "payload" not in parsed:
        errors.append(FieldError("/payload", "is required"))
    elif not isinstance(parsed["payload"], dict):
        errors.append(FieldError("/payload", "must be an object"))
    elif not errors:
        errors.extend(
            FieldError(f"/payload{fault.path}", fault.message)
            for fault in catalog.check(str(name), parsed["payload"])
        )
    return errors
