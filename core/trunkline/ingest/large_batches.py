"""Splits a large batch into its events before any of them is parsed.

A parser holds the interpreter lock until it is done, so a large body is not parsed as a whole. Its events are first cut out as
bytes, and then each is parsed separately. An event that is too large is refused without parsing.
"""

import json
import re
from collections.abc import Callable
from typing import Any, NoReturn

import msgspec

from trunkline.errors import BodyInvalid, EventRejected, FieldError
from trunkline.ingest.requests import MAX_BATCH, MAX_UNKNOWN, Item, check_count, too_large, unknown_fields

ReadJson = Callable[[bytes], tuple[bytes, Any]]
"""Parses strictly. Returns the JSON without white space, and its values. Raises BodyInvalid."""

_MANY_SEPARATORS = 100_000
"""If a batch has at least this number of commas, its events are counted before they are cut out."""
_TOKEN = re.compile(rb'"(?:[^"\\]|\\.)*"|[\[\]{},]', re.DOTALL)
_OFFSET = re.compile(r" \(byte (\d+)\)")


def split(body: bytes, *, max_item_bytes: int, read_json: ReadJson) -> list[Item]:
    """Read the body of ``POST /events/batch``, event by event. Call it in a thread.

    Raises:
        BodyInvalid: the body is not JSON, or not of the form ``{"events": [...]}``.
        EventRejected: events are not objects, too large, or not valid JSON. Each fault has its JSON pointer.
    """
    events = _events_of(body)
    if events[:1] != b"[" or _has_more(events, MAX_BATCH, max_item_bytes):
        check_count(0)
    decoded = msgspec.json.decode(events, type=list[msgspec.Raw])
    check_count(len(decoded))
    raws = list(map(bytes, decoded))
    raws.reverse()
    items: list[Item] = []
    errors: list[FieldError] = []
    for index in range(len(raws)):
        path = f"/events/{index}"
        raw = raws.pop()  # freed after it was read, because together they are another copy of the body
        if len(raw) > max_item_bytes:
            errors.append(too_large(path, max_item_bytes))
            continue
        try:
            compact, parsed = read_json(raw)
        except BodyInvalid as error:
            errors.extend(FieldError(path + fault.path, fault.message) for fault in error.errors)
            continue
        if isinstance(parsed, dict):
            items.append(Item(path, parsed, msgspec.json.decode(compact, type=dict[str, msgspec.Raw])))
        else:
            errors.append(FieldError(path, "must be a JSON object with 'type' and 'payload'"))
    if errors:
        raise EventRejected(errors)
    return items


def _events_of(body: bytes) -> bytes:
    """Cut the list of events of a batch out of *body*, without white space."""
    try:
        compact = msgspec.json.format(body, indent=-1)
        members = msgspec.json.decode(compact, type=dict[str, msgspec.Raw])
    except msgspec.ValidationError:
        _refuse("must be a JSON object with 'events'")
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        _refuse(f"is not valid JSON: {_place(str(error), body)}")
    if unknown := [name for name in members if name != "events"]:
        raise BodyInvalid(unknown_fields(unknown[:MAX_UNKNOWN]))
    if "events" not in members:
        check_count(0)
    events = bytes(members["events"])
    colon = compact.index(b":")
    if colon + len(events) + 2 != len(compact) or json.loads(compact[1:colon]) != "events":
        _refuse("names the key 'events' twice in one object")
    return events


def _refuse(message: str) -> NoReturn:
    raise BodyInvalid([FieldError("", message)])


def _place(message: str, body: bytes) -> str:
    """Replace the byte position in a parser's message with line and column, as in the rest of the API."""
    if (offset := _OFFSET.search(message)) is None:
        return message
    before = body[: int(offset[1])]
    line, column = before.count(b"\n") + 1, len(before) - before.rfind(b"\n")
    return f"{_OFFSET.sub('', message)} (line {line}, column {column})"


def _has_more(events: bytes, most: int, max_item_bytes: int) -> bool:
    """Return whether a list in compact JSON has over *most* items, unparsed. Raises EventRejected at the first too large one."""
    if events.count(b",") < _MANY_SEPARATORS:
        return False
    depth = count = 0
    began = 1
    for token in _TOKEN.finditer(events):
        at = token.start()
        if at - began > max_item_bytes:
            raise EventRejected([too_large(f"/events/{count}", max_item_bytes)])
        match events[at]:
            case 0x5B | 0x7B:  # [ {
                depth += 1
            case 0x5D | 0x7D:  # ] }
                depth -= 1
            case 0x2C if depth == 1:  # ,
                count += 1
                began = at + 1
                if count >= most:
                    return True
            case _:
                pass
    return False
