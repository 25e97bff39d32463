"""The methods of both clients that are not single API calls (``operations.py``): emit, act, follow, consume, verify."""

from __future__ import annotations

import logging
import math
import secrets
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from trunkline_client import completeness, steps
from trunkline_client.errors import EventQuarantined, Refused
from trunkline_client.events import Event, Place, Places, read_event
from trunkline_client.methods import iterator, method
from trunkline_client.operations import Operations
from trunkline_client.steps import Call, Item
from trunkline_client.wire import write_json

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from trunkline_client.completeness import Completeness, Kept
    from trunkline_client.steps import Steps, Stream

_PAGE = 200
_log = logging.getLogger("trunkline_client")


class Hub(Operations):
    """The methods of ``Client`` and ``AsyncClient``."""

    def __init__(self) -> None:
        self._definitions: dict[str, Sequence[Mapping[str, Any]]] = {}

    @iterator
    def follow(
        self,
        places: Places | None = None,
        *,
        types: Iterable[str] = (),
        since: str | None = None,
        filter: Mapping[str, Any] | None = None,
        wait_seconds: float = 30,
    ) -> Stream[Event]:
        """Yield every event after the stored position, oldest first, and wait for new events; never end.

        If no position is stored, begin at *since* (ISO 8601), or at the oldest event that the hub keeps. If the hub
        is unavailable or busy, wait and continue. An event counts as handled when the next one is requested.

        Raises:
            Refused: the key or a type's name is not valid, or the hub no longer keeps the events after the position.
        """
        place = places.load() if places else Place()
        query = {"limit": _PAGE, "wait": math.ceil(wait_seconds), "types": ",".join(types)}
        if filter is not None:
            query["filter"] = write_json(filter).decode()
        while True:
            start = {"cursor": place.cursor} if place.cursor else {"since": since}
            call = _get("/api/v1/events", query | start)
            page = (yield from steps.request(call, tries=None)).content
            for event in map(read_event, page["events"]):
                if event.id > place.id:
                    yield Item(event)
                    place = Place(place.cursor, event.id)
                    if places:
                        places.save(place)
            if page["next_cursor"] != place.cursor:
                place = Place(page["next_cursor"], place.id)
                if places:
                    places.save(place)

    @iterator
    def consume(
        self,
        name: str,
        *,
        types: Sequence[str] | None = None,
        filter: Mapping[str, Any] | None = None,
        start: str | None = None,
        lease_seconds: int = 60,
        wait_seconds: int = 30,
        limit: int = _PAGE,
    ) -> Stream[Event]:
        """Yield the events of the consumer *name*, whose cursor the hub keeps, and wait for new events; never end.

        Programs that use the same name share the events: each page of events goes to one of them. A page is committed
        when the event after the page's last event is requested; if that takes longer than *lease_seconds*, the page's
        events are given again, to any of the programs. *types*, *filter* and *start* (``now``, ``beginning``, a cursor
        or a time) define the consumer. Without them a new consumer reads every event from now on.

        Raises:
            Refused: the key, a type's name or a filter is not valid.
        """
        path = f"/api/v1/consumers/{quote(name, safe='')}"
        wanted = {"event_types": types, "filter": filter, "start": start}
        definition = {key: value for key, value in wanted.items() if value is not None}
        define = Call("PUT", path, body=write_json(definition), headers=_JSON)
        query = {"limit": limit, "wait": wait_seconds, "lease_seconds": lease_seconds}
        is_defined = not definition
        while True:
            if not is_defined:
                yield from steps.request(define, tries=None)
                is_defined = True
            try:
                page = (yield from steps.request(_get(f"{path}/events", query), tries=None)).content
            except Refused as refused:
                if refused.status != 404:
                    raise
                is_defined = False
                continue
            for envelope in page["events"]:
                yield Item(read_event(envelope))
            if page["lease"] is None:
                continue
            body = write_json({"cursor": page["cursor"], "lease": page["lease"]})
            commit = Call("POST", f"{path}/commit", body=body, headers=_JSON, is_idempotent=True)
            try:
                yield from steps.request(commit, tries=None)
            except Refused as refused:
                if refused.status == 404:  # deleted meanwhile
                    continue
                if refused.status != 409:
                    raise
                _log.warning(
                    "The lease of %d events of the consumer %r has lapsed: they are given out again. "
                    "Handle a page within lease_seconds (%d), or ask for a smaller limit.",
                    len(page["events"]), name, lease_seconds,
                )  # fmt: skip

    @method
    def emit(
        self,
        type: str,
        payload: Mapping[str, Any],
        *,
        metadata: Mapping[str, Any] | None = None,
        company_id: int | str | None = None,
        idempotency_key: str | None = None,
    ) -> Steps[Event]:
        """Emit an event; return it as it was stored. Only an operator's key needs *company_id*, an id or a reference.

        Raises:
            EventQuarantined: the event breaks its schema, and was put in quarantine.
        """
        event: dict[str, Any] = {"type": type, "payload": payload}
        if metadata:
            event["metadata"] = metadata
        if company_id is not None:
            event["companyId"] = company_id
        answer = (
            yield from steps.request(_writing("POST", "/api/v1/events", event, idempotency_key))
        ).content
        if "quarantined" in answer:
            quarantined = answer["quarantined"]
            raise EventQuarantined(quarantined["id"], errors=steps.faults(quarantined["errors"]))
        return read_event(answer)

    @method
    def act(
        self,
        name: str,
        input: Mapping[str, Any] | None = None,
        /,
        *,
        idempotency_key: str | None = None,
        **values: Any,
    ) -> Steps[dict[str, Any]]:
        """Carry out the action *name*, and return its output: ``hub.act("create_lead", first_name="Jane", …)``.

        None is sent as null, which clears a field; leave out a field to keep its value. Fields may also be given as
        the mapping *input*; one called ``idempotency_key`` must be.

        Raises:
            LookupError: there is no such action.
            TypeError: *values* lacks a parameter of the action's path, or has more than a DELETE takes.
        """
        action = yield from self._find("actions", name)
        path, rest = _fill(action, input, values)
        if action["method"] == "DELETE" and rest:
            msg = f"'{name}' takes no {next(iter(rest))}; it deletes what its path names"
            raise TypeError(msg)
        content = None if action["method"] == "DELETE" else rest
        call = _writing(action["method"], path, content, idempotency_key)
        return dict((yield from steps.request(call)).content)

    @method
    def search(
        self, name: str, input: Mapping[str, Any] | None = None, /, **values: Any
    ) -> Steps[dict[str, Any] | None]:
        """Find a record: ``hub.search("find_client", email="jane@example.com")``. None if no record matches.

        A field that is None is left out. Fields may also be given as the mapping *input*.

        Raises:
            LookupError: there is no such search.
        """
        search = yield from self._find("searches", name)
        path, query = _fill(search, input, values)
        if "items" not in search:
            return (yield from _single(path, query))
        answer = (yield from steps.request(_get(path, query))).content
        return next(map(dict[str, Any], answer.get(search["items"], ())), None)

    @iterator
    def search_all(
        self, name: str, input: Mapping[str, Any] | None = None, /, **values: Any
    ) -> Stream[dict[str, Any]]:
        """Yield every record that a search finds, page by page: ``for client in hub.search_all("list_clients")``.

        A field that is None is left out. Fields may also be given as the mapping *input*.

        Raises:
            LookupError: there is no such search.
        """
        search = yield from self._find("searches", name)
        path, query = _fill(search, input, values)
        if "items" in search:
            yield from _all_items(path, query, search["items"])
        elif record := (yield from _single(path, query)):
            yield Item(record)

    @iterator
    def lookup(self, name: str, query: str | None = None) -> Stream[dict[str, Any]]:
        """Yield every item of a lookup, or the items that match *query*: ``hub.lookup("employees")``.

        Raises:
            LookupError: there is no such lookup.
        """
        lookup = yield from self._find("lookups", name)
        yield from _all_items(*_fill(lookup, None, {"q": query}), lookup["items"])

    @method
    def call(
        self, verb: str, path: str, body: Mapping[str, Any] | None = None, /, **query: Any
    ) -> Steps[Any]:
        """Make a call that has no method here, such as a route of your own plugin. It is retried if *verb* allows that."""
        content = None if body is None else write_json(body)
        headers = {} if body is None else _JSON
        given = {name: steps.text_of(value) for name, value in query.items() if value is not None}
        return (yield from steps.request(Call(verb, path, given, content, headers))).content

    @method
    def verify_complete(
        self,
        kept: Kept,
        *,
        from_: str | int | None = None,
        to: str | int | None = None,
        types: Iterable[str] = (),
        filter: Mapping[str, Any] | None = None,
        subscription: str | None = None,
    ) -> Steps[Completeness]:
        """Compare the events in *kept* with the hub's events between two cursors, times or ids.

        *types*, *filter* or *subscription* select the events that you should have. The comparison takes one call if
        nothing is missing, and a few more calls to find missing events.

        Raises:
            Refused: the hub no longer keeps the first of these events.
        """
        wanted = {"types": ",".join(types), "subscription": subscription}
        if filter is not None:
            wanted["filter"] = write_json(filter).decode()
        return (yield from completeness.verify(kept, from_, to, wanted))

    @iterator
    def fetch(self, ids: Iterable[int]) -> Stream[Event]:
        """Yield the events with the given *ids*, such as the ids that ``verify_complete`` reports as missing."""
        for one in ids:
            yield Item(read_event((yield from steps.request(_get(f"/api/v1/events/{one}", {}))).content))

    def _find(self, kind: str, name: str) -> Steps[Mapping[str, Any]]:
        if kind not in self._definitions:
            self._definitions[kind] = (yield from steps.request(_get(f"/api/v1/{kind}", {}))).content[kind]
        for definition in self._definitions[kind]:
            if definition["name"] == name:
                return definition
        known = ", ".join(definition["name"] for definition in self._definitions[kind]) or "none"
        msg = f"the hub has no {_ONE[kind]} '{name}'; it has: {known}"
        raise LookupError(msg)


_ONE = {"actions": "action", "searches": "search", "lookups": "lookup"}
_JSON = {"Content-Type": "application/json"}


def _get(path: str, query: Mapping[str, Any]) -> Call:
    given = {name: steps.text_of(value) for name, value in query.items() if value is not None and value != ""}
    return Call("GET", path, given, longer_seconds=query.get("wait") or 0)


def _writing(method: str, path: str, content: Mapping[str, Any] | None, idempotency_key: str | None) -> Call:
    headers = {"Idempotency-Key": idempotency_key or secrets.token_urlsafe(24)}
    if content is None:
        return Call(method, path, headers=headers)
    return Call(method, path, body=write_json(content), headers=headers | _JSON)


def _fill(
    definition: Mapping[str, Any], input: Mapping[str, Any] | None, values: Mapping[str, Any]
) -> tuple[str, dict[str, Any]]:
    """Fill the parameters of a definition's path; the other values are left for the body or the query."""
    rest = {**(input or {}), **values}
    try:
        return steps.fill(definition["path"], rest), rest
    except KeyError as missing:
        msg = f"'{definition['name']}' needs {missing.args[0]}"
        raise TypeError(msg) from None


def _single(path: str, query: Mapping[str, Any]) -> Steps[dict[str, Any] | None]:
    """Get the record with which a search answers; None if there is none."""
    try:
        return dict((yield from steps.request(_get(path, query))).content)
    except Refused as error:
        if error.status == 404:
            return None
        raise


def _all_items(path: str, query: Mapping[str, Any], items: str) -> Stream[dict[str, Any]]:
    """Yield the members of the list *items* of each page."""
    cursor = None
    while True:
        answer = (
            yield from steps.request(_get(path, {**query, "cursor": cursor or query.get("cursor")}))
        ).content
        for item in answer.get(items, ()):
            yield Item(dict(item))
        if not (cursor := answer.get("next_cursor")):
            return
