"""The calls that both clients make, as values, and the reading of answers. No I/O."""

import math
import secrets
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote

import msgspec

from trunkline.client.errors import EventQuarantined, HubError
from trunkline.client.events import Event, Place, read_event, read_json, write_json
from trunkline.version import __version__

PAGE = 200
TRIES = 4
"""How often a call that must not be repeated blindly is made: it carries an idempotency key, so it may be."""
_LONGEST_WAIT_SECONDS = 30.0


@dataclass(frozen=True, slots=True)
class Call:
    """One call of the API."""

    method: str
    path: str
    query: Mapping[str, str] = field(default_factory=dict[str, str])
    body: bytes | None = field(default=None, repr=False)
    headers: Mapping[str, str] = field(default_factory=dict[str, str])

    def arguments(self) -> dict[str, Any]:
        """Give the arguments of httpx2's ``request``."""
        return {
            "method": self.method,
            "url": self.path,
            "params": self.query,
            "content": self.body,
            "headers": self.headers,
        }


class Attempts:
    """Counts the failures of a call that may be made *limit* times (None: for ever)."""

    def __init__(self, limit: int | None) -> None:
        self._limit = limit
        self._failed = 0

    def wait_after(self, error: HubError) -> float:
        """Count a failure; gives the seconds to wait before the next attempt.

        Raises:
            HubError: *error*, where another attempt is of no use or was the last.
        """
        self._failed += 1
        if not error.is_passing or self._failed == self._limit:
            raise error
        if error.retry_after_seconds is not None:
            return error.retry_after_seconds
        return min(0.5 * 2.0 ** min(self._failed - 1, 10), _LONGEST_WAIT_SECONDS)


def default_headers(key: str, *, environment: str | None) -> dict[str, str]:
    """The headers of every call."""
    named = {} if environment is None else {"X-Environment": environment}
    return {"X-Api-Key": key, "User-Agent": f"trunkline-client/{__version__}", **named}


def page(place: Place, *, types: Iterable[str], since: str | None, wait_seconds: float) -> Call:
    """Ask for the events after *place*, or from *since*; the hub waits up to *wait_seconds*, rounded up, for the first."""
    query = {"limit": str(PAGE), "wait": str(math.ceil(wait_seconds))}
    if names := ",".join(types):
        query["types"] = names
    if place.cursor:
        query["cursor"] = place.cursor
    elif since:
        query["since"] = since
    return Call("GET", "/api/v1/events", query)


def emit(
    type: str,
    payload: Mapping[str, Any],
    *,
    metadata: Mapping[str, Any] | None,
    company_id: int | str | None,
    idempotency_key: str | None,
) -> Call:
    """Put an event on the stream."""
    event: dict[str, Any] = {"type": type, "payload": payload}
    if metadata:
        event["metadata"] = metadata
    if company_id is not None:
        event["companyId"] = company_id
    return _writing("POST", "/api/v1/events", event, idempotency_key)


def emitted(answer: Mapping[str, Any]) -> Event:
    """Read the answer to ``emit``. Raises EventQuarantined."""
    if "quarantined" in answer:
        quarantined = answer["quarantined"]
        raise EventQuarantined(quarantined["id"], errors=_faults(quarantined["errors"]))
    return read_event(answer)


def listed(kind: str) -> Call:
    """Ask which ``actions`` or ``searches`` there are."""
    return Call("GET", f"/api/v1/{kind}")


def act(action: Mapping[str, Any], values: Mapping[str, Any], *, idempotency_key: str | None) -> Call:
    """Carry out an action, as the hub lists it. Values that stand in its path are put there.

    Raises:
        TypeError: *values* lacks one that stands in the path, or has more than a DELETE takes.
    """
    path, rest = _fill(action, values)
    if action["method"] != "DELETE":
        return _writing(action["method"], path, rest, idempotency_key)
    if rest:
        msg = f"'{action['name']}' takes no {next(iter(rest))}; it deletes what its path names"
        raise TypeError(msg)
    return Call("DELETE", path, headers={"Idempotency-Key": idempotency_key or secrets.token_urlsafe(24)})


def search(search: Mapping[str, Any], values: Mapping[str, Any]) -> Call:
    """Look for a record. Raises TypeError as ``act`` does."""
    path, rest = _fill(search, values)
    return Call("GET", path, {name: _text(value) for name, value in rest.items()})


def lookup(name: str, *, query: str | None, cursor: str | None) -> Call:
    """Ask for a page of a list."""
    filters = {"q": query, "cursor": cursor}
    return Call(
        "GET",
        f"/api/v1/integrations/lookups/{quote(name, safe='')}",
        {key: value for key, value in filters.items() if value},
    )


def items(answer: Mapping[str, Any]) -> Sequence[Mapping[str, Any]]:
    """The items of a lookup's or a search's page: the one list in it."""
    return next(value for value in answer.values() if isinstance(value, list))


def first_item(answer: Mapping[str, Any]) -> dict[str, Any] | None:
    """The first item of a page, if it has any."""
    return next(map(dict[str, Any], items(answer)), None)


def found(search: Mapping[str, Any], answer: Mapping[str, Any]) -> dict[str, Any] | None:
    """The first record in a search's answer, if it has any; or the answer, where that is the record itself."""
    return dict(answer) if search.get("single") else first_item(answer)


def is_missing(search: Mapping[str, Any], error: HubError) -> bool:
    """Whether *error* only says that there is no record of the id that a search asked for."""
    return bool(search.get("single")) and error.status == 404


def find(name: str, definitions: Sequence[Mapping[str, Any]], *, kind: str) -> Mapping[str, Any]:
    """Find a definition by its name. Raises LookupError, which names those that there are."""
    definition = next((entry for entry in definitions if entry["name"] == name), None)
    if definition is None:
        known = ", ".join(entry["name"] for entry in definitions) or "none"
        msg = f"the hub has no {kind} '{name}'; it has: {known}"
        raise LookupError(msg)
    return definition


def read(status: int, headers: Mapping[str, str], body: bytes) -> Any:
    """Read an answer; None for one without a body. Raises HubError for one that is no success."""
    if 200 <= status <= 299:
        return read_json(body) if body else None
    wait = headers.get("retry-after", "")
    seconds = float(wait) if wait.isdecimal() else None
    try:
        problem = read_json(body)
        detail = problem["detail"]
        errors = _faults(problem.get("errors", ()))
    except (msgspec.DecodeError, KeyError, TypeError):  # something between us and the hub answered
        raise HubError(status, f"answered {status}", retry_after_seconds=seconds) from None
    raise HubError(
        status,
        detail,
        errors=errors,
        request_id=problem.get("request_id"),
        retry_after_seconds=seconds,
    )


def unreachable(error: Exception) -> HubError:
    """Make the error for a call that got no answer."""
    return HubError(0, f"the hub cannot be reached: {error or type(error).__name__}")


def _faults(errors: Iterable[Mapping[str, str]]) -> list[tuple[str, str]]:
    return [(fault["path"], fault["message"]) for fault in errors]


def _writing(method: str, path: str, content: Mapping[str, Any], idempotency_key: str | None) -> Call:
    headers = {
        "Content-Type": "application/json",
        "Idempotency-Key": idempotency_key or secrets.token_urlsafe(24),
    }
    return Call(method, path, body=write_json(content), headers=headers)


def _fill(definition: Mapping[str, Any], values: Mapping[str, Any]) -> tuple[str, dict[str, Any]]:
    """Put the values that a path names into it; the others are left for the body or the query."""
    path, rest = definition["path"], {name: value for name, value in values.items() if value is not None}
    for name in values:
        if f"{{{name}}}" in path:
            path = path.replace(f"{{{name}}}", quote(_text(values[name]), safe=""))
            del rest[name]
    if "{" in path:
        msg = f"'{definition['name']}' needs {path[path.index('{') + 1 : path.index('}')]}"
        raise TypeError(msg)
    return path, rest


def _text(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
