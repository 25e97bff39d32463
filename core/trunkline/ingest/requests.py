"""Reads request bodies: their events become a submission, or a list of all their faults.

Call ``RequestReader.read``, or ``RequestReader.steps`` if other tasks must be able to run between the steps.
"""

import hashlib
import secrets
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, Literal

import msgspec
from msgspec import Struct, structs

from trunkline.errors import BodyInvalid, EventRejected, FieldError, Refused, but_not, unknown_name
from trunkline.errors.spelling import MAX_CORRECTED, correction
from trunkline.ingest.submissions import Submission, Warned
from trunkline.model.companies import is_reference
from trunkline.model.events import Draft
from trunkline.model.times import read_time
from trunkline.runtime.pauses import Steps, run_through
from trunkline.schemas.budget import Budget
from trunkline.schemas.catalog import SchemaCatalog
from trunkline.schemas.modes import Modes
from trunkline.schemas.sentences import MAX_FAULTS
from trunkline.store.quarantine import QuarantinedDraft

FIELDS = ("type", "payload", "metadata", "companyId", "createdUtc", "version")
MAX_BATCH = 1000
MAX_UNKNOWN = 50
"""The maximum number of unknown fields that a refusal lists."""
MAX_STEPS = 10_000
"""The limit of steps to explain the payload faults of one request (50 to 100 ms); then only first faults are listed."""
EXPLAINED_AT_ONCE = 4
"""Number of payloads whose faults are explained in one step; each takes 0.5 ms."""
_UNKNOWN = f"is not a field of an event; known fields are {', '.join(FIELDS)}"
_NOT_OURS = FieldError("/companyId", "must name a company for which the key may emit")
_NOT_COUNTED = FieldError("/events", f"must be a list of 1 to {MAX_BATCH} events")

Call = Literal["event", "batch"]
"""The call that a body was sent to: ``POST /events`` or ``POST /events/batch``."""
CompanyOf = Callable[[int | str | None], int]
"""Finds the company of an event from the ``companyId`` in its body: an id, a reference, or None if absent."""


class Item(Struct, frozen=True):
    """One event of a request, with its members as parsed values and as received bytes. *path* is its JSON pointer in the request."""

    path: str
    parsed: Any
    raw: Mapping[str, msgspec.Raw]


def split_single(compact: bytes, parsed: Any) -> Item:
    """Read the body of ``POST /events``. Raises BodyInvalid if it is not an object."""
    if not isinstance(parsed, dict):
        raise BodyInvalid([FieldError("", "must be a JSON object with 'type' and 'payload'")])
    return Item("", parsed, msgspec.json.decode(compact, type=dict[str, msgspec.Raw]))


def split_batch(compact: bytes, parsed: Any, *, max_item_bytes: int) -> list[Item]:
    """Read the body of ``POST /events/batch``. Raises BodyInvalid if it is not of the form ``{"events": [...]}``."""
    if not isinstance(parsed, dict):
        raise BodyInvalid([FieldError("", "must be a JSON object with 'events'")])
    if unknown := [name for name in parsed if name != "events"]:
        raise BodyInvalid(unknown_fields(unknown))
    events = parsed.get("events")
    if not isinstance(events, list):
        raise BodyInvalid([_NOT_COUNTED])
    check_count(len(events))
    raws = msgspec.json.decode(compact, type=dict[str, list[msgspec.Raw]])["events"]
    items: list[Item] = []
    errors: list[FieldError] = []
    for index, (event, raw) in enumerate(zip(events, raws, strict=True)):
        path = f"/events/{index}"
        if not isinstance(event, dict):
            errors.append(FieldError(path, "must be a JSON object with 'type' and 'payload'"))
        elif len(bytes(raw)) > max_item_bytes:
            errors.append(too_large(path, max_item_bytes))
        else:
            items.append(Item(path, event, msgspec.json.decode(raw, type=dict[str, msgspec.Raw])))
    if errors:
        raise EventRejected(errors)
    return items


def unknown_fields(names: Iterable[str]) -> list[FieldError]:
    """List a fault for each unknown member of a batch."""
    return [FieldError(f"/{name}", "is not a field here; send {'events': [...]}") for name in names]


def check_count(count: int) -> None:
    """Check the number of events of a batch. Raises BodyInvalid."""
    if not 1 <= count <= MAX_BATCH:
        raise BodyInvalid([_NOT_COUNTED])


def too_large(path: str, max_bytes: int) -> FieldError:
    """Make the fault for an event at *path* that is too large."""
    return FieldError(path, f"is larger than the {max_bytes} bytes that one event may have")


class RequestReader:
    """Reads the events of requests, and checks each against its type in *catalog*.

    *modes* decide what happens to a payload that does not fit its schema. *max_event_bytes* limits an event of a batch.
    """

    __slots__ = ("_catalog", "_max_event_bytes", "_modes")

    def __init__(self, catalog: SchemaCatalog, modes: Modes, *, max_event_bytes: int) -> None:
        self._catalog = catalog
        self._modes = modes
        self._max_event_bytes = max_event_bytes

    def read(
        self,
        call: Call,
        compact: bytes,
        parsed: Any,
        *,
        company_of: CompanyOf,
        now_text: Callable[[], str],
        namespace: int = 0,
        key: str | None = None,
    ) -> Submission:
        """Read the events of a body, all or none: *parsed* has its values, *compact* its bytes (see ``read_json``).

        *now_text* gives the time for quarantined events without a time. *key* is the request's idempotency key, and
        *namespace* the namespace of the key.

        Raises:
            BodyInvalid: the body does not have the form that *call* requires.
            EventRejected: an event is faulty. The error has every fault of every event, each with its JSON pointer.
            Forbidden, BadQuery: from *company_of*.
        """
        how = {"company_of": company_of, "now_text": now_text, "namespace": namespace, "key": key}
        return run_through(self.steps(call, compact, parsed, **how))

    def steps(self, call: Call, compact: bytes, parsed: Any, **how: Any) -> Steps[Submission]:
        """Read like ``read``, but in steps."""
        if call == "event":
            items = [split_single(compact, parsed)]
        else:
            items = split_batch(compact, parsed, max_item_bytes=self._max_event_bytes)
        return self.item_steps(call, items, **how)

    def item_steps(
        self,
        call: Call,
        items: Sequence[Item],
        *,
        company_of: CompanyOf,
        now_text: Callable[[], str],
        namespace: int = 0,
        key: str | None = None,
    ) -> Steps[Submission]:
        """Read *items*, the events of a body, like ``read``, but in steps.

        A payload that does not fit its schema is a fault only if the mode of its type is ``reject``. *now_text* gives the
        time for quarantined events without one. *key* is the request's idempotency key, in its *namespace*.
        """
        drafts: list[Draft] = []
        quarantined: list[QuarantinedDraft] = []
        warned: list[Warned] = []
        company_ids: list[int] = []
        errors: list[FieldError] = []
        explained, ended_early = 0, False
        budget = Budget(MAX_STEPS)
        for index, item in enumerate(items):
            faults, broken, created = _faults(item, self._catalog, budget, corrects=index < MAX_CORRECTED)
            if broken:
                explained += 1
                if explained % EXPLAINED_AT_ONCE == 0:
                    yield
            if faults or (broken and self._modes.of(item.parsed["type"]) == "reject"):
                ended_early |= len(broken) == MAX_FAULTS
                errors.extend(_at(item, (*faults, *broken)))
                continue
            try:
                company_id = company_of(item.parsed.get("companyId"))
            except BodyInvalid as error:
                errors.extend(_at(item, error.errors))
                continue
            except Refused as error:  # Forbidden, BadQuery
                error.errors = (*error.errors, *_at(item, [_NOT_OURS]))
                raise
            company_ids.append(company_id)
            version = item.parsed.get("version")
            kind = self._catalog.get(item.parsed["type"], version)
            assert kind is not None  # its faults were checked
            metadata = bytes(item.raw["metadata"]) if item.parsed.get("metadata") else b""
            payload = bytes(item.raw["payload"])
            draft = Draft(company_id, kind.name, created or "", payload, metadata, kind.version)
            if broken and self._modes.of(draft.type) == "quarantine":
                draft = structs.replace(draft, created_utc=created or now_text())
                identifier = f"qtn_{secrets.token_hex(12)}"
                quarantined.append(QuarantinedDraft(index, identifier, draft, broken, version))
                continue
            if broken:
                warned.append(Warned(len(drafts), tuple(fault.path for fault in broken)))
            drafts.append(draft)
        if errors:
            raise EventRejected(errors, ended_early=ended_early)
        hashed = fingerprint(call, items, company_ids) if key else b""
        return Submission(drafts, namespace, key or None, hashed, quarantined, warned)


def read_payload(compact: bytes, parsed: Any) -> bytes:
    """Read the body ``{"payload": {...}}``, and return the bytes of the payload as received. Raises BodyInvalid."""
    if not isinstance(parsed, dict):
        raise BodyInvalid([FieldError("", "must be a JSON object with 'payload'")])
    unknown = [name for name in parsed if name != "payload"]
    errors = [FieldError(f"/{name}", "is not known here; known is payload") for name in unknown[:MAX_UNKNOWN]]
    if "payload" not in parsed:
        errors.append(FieldError("/payload", "is required"))
    elif not isinstance(parsed["payload"], dict):
        errors.append(FieldError("/payload", "must be an object"))
    if errors:
        raise BodyInvalid(errors)
    return bytes(msgspec.json.decode(compact, type=dict[str, msgspec.Raw])["payload"])


def check_payload(
    catalog: SchemaCatalog,
    event_type: str,
    payload: Any,
    *,
    version: int | None = None,
    budget: Budget | None = None,
) -> list[FieldError]:
    """List the faults of *payload* for *event_type*, with pointers into the event. Raises KeyError for an unknown type."""
    faults = catalog.check(event_type, payload, version=version, budget=budget)
    return [FieldError(f"/payload{fault.path}", fault.message) for fault in faults] if faults else faults


def fingerprint(call: str, items: Sequence[Item], company_ids: Sequence[int]) -> bytes:
    """Hash the events of a request, to recognize another request with the same idempotency key.

    *company_ids* are the companies of the items. White space does not matter; the order of members does. The companies
    are hashed too, because a header may name the company instead of the body.
    """
    digest = hashlib.sha256(call.encode())
    for item, company_id in zip(items, company_ids, strict=True):
        digest.update(b"%d;" % company_id)
        for name, raw in item.raw.items():
            value = bytes(raw)
            digest.update(b"%d:%b=%d:%b;" % (len(name), name.encode(), len(value), value))
        digest.update(b"\n")
    return digest.digest()


def _at(item: Item, faults: Iterable[FieldError]) -> Iterator[FieldError]:
    return (FieldError(item.path + fault.path, fault.message) for fault in faults)


def _faults(
    item: Item, catalog: SchemaCatalog, budget: Budget, *, corrects: bool
) -> tuple[list[FieldError], list[FieldError], str | None]:
    """Return the faults of the envelope and of the payload, and the time in the event. *corrects*: suggest known names."""
    parsed = item.parsed
    unknown = [name for name in parsed if name not in FIELDS]
    corrected = MAX_CORRECTED if corrects else 0
    errors = [
        FieldError(f"/{name}", _UNKNOWN + (correction(name, FIELDS) if number < corrected else ""))
        for number, name in enumerate(unknown[:MAX_UNKNOWN])
    ]
    if len(unknown) > MAX_UNKNOWN:
        errors.append(FieldError("", f"has {len(unknown) - MAX_UNKNOWN} more fields that no event has"))
    metadata, company_id = parsed.get("metadata"), parsed.get("companyId")
    if metadata is not None and not isinstance(metadata, dict):
        errors.append(FieldError("/metadata", "must be an object"))
    if company_id is not None and not _names_company(company_id):
        form = "must be a positive whole number, or a company's reference"
        errors.append(FieldError("/companyId", form + but_not(company_id)))
    created: str | None = None
    if (text := parsed.get("createdUtc")) is not None:
        created = read_time(text) if isinstance(text, str) else None
        if created is None:
            form = "must be an ISO 8601 time with an offset, such as 2026-01-28T10:30:00Z"
            errors.append(FieldError("/createdUtc", form + but_not(text)))
    if faults := _form_faults(parsed, catalog, corrects=corrects):
        return [*errors, *faults], [], created
    version = parsed.get("version")
    broken = check_payload(catalog, parsed["type"], parsed["payload"], version=version, budget=budget)
    return errors, broken, created


def _names_company(value: Any) -> bool:
    if isinstance(value, str):
        return is_reference(value)
    return type(value) is int and 0 < value < 2**63


def _form_faults(parsed: Mapping[str, Any], catalog: SchemaCatalog, *, corrects: bool) -> list[FieldError]:
    errors: list[FieldError] = []
    name = parsed.get("type")
    if name is None:
        errors.append(FieldError("/type", "is required"))
    elif not isinstance(name, str) or catalog.get(name) is None:
        fault = unknown_name("event type", name, catalog.names(), corrects=corrects)
        errors.append(FieldError("/type", fault))
    elif (version := parsed.get("version")) is not None and (
        type(version) is not int or catalog.get(name, version) is None
    ):
        known = ", ".join(map(str, catalog.versions(name)))
        fault = f"is not a version of {name}; the versions there are: {known}{but_not(version)}"
        errors.append(FieldError("/version", fault))
    if "payload" not in parsed:
        errors.append(FieldError("/payload", "is required"))
    elif not isinstance(parsed["payload"], dict):
        errors.append(FieldError("/payload", "must be an object"))
    return errors
