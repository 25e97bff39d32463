"""The catalogue: event types with their fields and examples, actions, searches and lookups.

An event of a type can be sent by hand; it is stored and delivered like any other.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from itertools import groupby
from typing import Annotated, Literal

import orjson
from fastapi import Depends
from msgspec import Struct
from starlette.requests import Request
from starlette.responses import Response

from trunkline import Definition, EmittedEvent, EventType, Json, NotFound
from trunkline.pages import Product, alternatives, sample_envelope
from trunkline.routes import CALL_PREFIX, EventRejected, company_number, environment_member
from trunkline_portal import curl, schema_rows
from trunkline_portal.access import EVENTS_READ, EVENTS_WRITE, Integrates, RequiresScope, Viewer
from trunkline_portal.forms import Submitted, read_payload
from trunkline_portal.operational import is_operational
from trunkline_portal.portal import Pages, Portal
from trunkline_portal.routing import EITHER, Table, get, post

CATALOGUE = "/catalogue"
"""Path of the section below ``Viewer.root``."""
SendsEvents = Annotated[Viewer, Depends(RequiresScope(EVENTS_WRITE))]
Folder = Literal["actions", "searches", "lookups"]
KINDS: Mapping[str, str] = {"actions": "action", "searches": "search", "lookups": "lookup"}
_METADATA = {"source": "test"}
"""The metadata that ``POST /api/v1/events/test`` gives to its events."""
_TITLES = {"": "Event types", "actions": "Actions", "searches": "Searches", "lookups": "Lookups"}
_SENTENCE = re.compile(r"(?<=[.!?])\s+(?=[A-Z])")


class Entry(Struct, frozen=True):
    """One line of a list; *href* follows the catalogue's address. *note*, such as a method and a path, is in monospace."""

    href: str
    title: str
    name: str
    meaning: str
    note: str = ""
    is_deprecated: bool = False


class CataloguePages(Pages):
    """The lists of the catalogue, and the page of each entry."""

    def _show_list(self, request: Request, viewer: Viewer, kind: str, entries: Iterable[Entry]) -> Response:
        query = request.query_params.get("q", "").strip()
        words = query.casefold().split()
        matching = [
            entry
            for entry in entries
            for text in (f"{entry.title} {entry.name} {entry.meaning} {entry.note}".casefold(),)
            if all(word in text for word in words)
        ]
        groups: list[tuple[str, Iterable[Entry]]] = [("", matching)] if matching else []
        if not kind:  # event types, by their subject: the part of their names before the dot
            by_subject = groupby(
                matching, lambda e: "operational" if is_operational(e.name) else e.name.partition(".")[0]
            )
            groups = [(subject.replace("_", " ").capitalize(), list(them)) for subject, them in by_subject]
        root = f"{viewer.root}{CATALOGUE}"
        return self._portal.render(
            viewer,
            "catalogue.html",
            kind=kind,
            query=query,
            address=f"{root}/{kind}".rstrip("/"),
            tabs=[
                (f"{root}/{folder}".rstrip("/"), title, folder == kind) for folder, title in _TITLES.items()
            ],
            groups=groups,
            docs=docs_url(self._portal),
        )

    async def show_types(self, request: Request, viewer: Integrates) -> Response:
        """Show the list of event types."""
        entries = [
            Entry(kind.name, kind.title, kind.name, _sentences(kind.description)[0], "", kind.deprecated)
            for kind in self._portal.event_types()
        ]
        return self._show_list(request, viewer, "", entries)

    async def show_operation(self, request: Request, viewer: Integrates, kind: Folder, name: str) -> Response:
        """Show an action, a search or a lookup."""
        product = self._context.deployment.product()
        definition = next(
            (definition for definition in _offered(product, kind) if definition.name == name), None
        )
        if definition is None:
            raise NotFound(KINDS[kind], name)
        example = definition.examples[0] if definition.examples else None
        arguments = {**example.parameters, **example.input} if example else None
        page = "lookups" if kind == "lookups" else f"{kind}/{definition.name}"
        return self._portal.render(
            viewer,
            "catalogue_operation.html",
            definition=definition,
            kind=kind,
            kinds=_TITLES[kind],
            address=f"/api/v1{CALL_PREFIX}{definition.path}",
            scope="integrations:write" if definition.kind == "action" else "integrations:read",
            inputs=list(schema_rows.rows_of(product.inputs(definition), arguments)),
            outputs=list(schema_rows.rows_of(product.outputs(definition), example and example.output)),
            one_of=[" and ".join(names) for names in alternatives(definition)],
            curl=curl.call(self._portal.base_url(request), definition, example) if example else None,
            answer=example and example.output,
            docs=_joined(docs_url(self._portal), page),
        )

    async def show_type(self, request: Request, viewer: Integrates, name: str) -> Response:
        """Show an event type, or one of the other lists."""
        if name not in KINDS:
            return await self._show_type(request, viewer, name)
        entries = [
            Entry(
                f"{name}/{each.name}",
                each.title,
                each.name,
                each.description,
                note=f"{each.method} {CALL_PREFIX}{each.path}",
            )
            for each in _offered(self._context.deployment.product(), name)
        ]
        return self._show_list(request, viewer, name, entries)

    async def _show_type(
        self,
        request: Request,
        viewer: Viewer,
        name: str,
        *,
        payload: str | None = None,
        faults: Sequence[tuple[str, str]] = (),
    ) -> Response:
        """Show an event type; *payload* is the editor's text, *faults* are its errors. Raises NotFound."""
        event_type = find_type(self._portal.event_types(), name)
        product = self._context.deployment.product()
        envelope = sample_envelope(event_type)
        del envelope["payload"]
        envelope |= await company_members(self._portal, viewer.chosen_company_id)
        envelope["payload"] = orjson.Fragment(event_type.example_json)  # whose numbers keep their digits
        return self._portal.render(
            viewer,
            "catalogue_type.html",
            status=422 if faults else 200,
            type=event_type,
            sentences=_sentences(event_type.description),
            rows=list(
                schema_rows.rows_of(product.payload(event_type), schema_rows.exact(event_type.example_json))
            ),
            envelope=orjson.dumps(envelope),
            payload=payload,
            faults=faults,
            is_operational=is_operational(name),
            may_send=viewer.has(EVENTS_WRITE),
            curl=curl.send_event(self._portal.base_url(request), event_type),
            emitters=[action for action in product.actions if name in action.emits],
            order_key=product.order_keys().get(name),
            retries=self._context.deployment.retries,
            related=[] if is_operational(name) else product.related(event_type),
            docs=None if is_operational(name) else _joined(docs_url(self._portal), name),
        )

    async def send(self, request: Request, viewer: SendsEvents, name: str, fields: Submitted) -> Response:
        """Send an event with the payload that was entered."""
        find_type(self._context.events.types(), name)
        try:
            payload_json, payload = read_payload(fields["payload"])
            event = EmittedEvent(viewer.company_id, name, payload, _METADATA, payload_json=payload_json)
            accepted = await self._context.emit(event)
        except EventRejected as error:
            faults = [(fault.path, fault.message) for fault in error.errors]
            return await self._show_type(request, viewer, name, payload=fields["payload"], faults=faults)
        may_see = viewer.has(EVENTS_READ)
        path = f"/events/{accepted.event_id}" if may_see else f"{CATALOGUE}/{name}"
        flash = f"Event {accepted.event_id} of type {name} was stored, and goes to every subscription that it matches."
        return self._portal.redirect(viewer, f"{viewer.root}{path}", flash=flash)


ROUTES = Table(
    CataloguePages,
    get("/catalogue", CataloguePages.show_types),
    get("/catalogue/{kind}/{name}", CataloguePages.show_operation),
    get("/catalogue/{name}", CataloguePages.show_type),
    below=EITHER,
)
SENDING_ROUTES = Table(CataloguePages, post("/catalogue/{name}", CataloguePages.send, bucket="write"))


def find_type(types: Iterable[EventType], name: str) -> EventType:
    """Find the event type *name* among *types*. Raises NotFound."""
    for event_type in types:
        if event_type.name == name:
            return event_type
    raise NotFound("event type", name)


async def company_members(portal: Portal, company_id: int | None) -> dict[str, Json]:
    """Return the envelope members that describe the company; empty for an operator who looks at no company."""
    if company_id is None:
        return {}
    reference = await portal.context.companies.reference_of(company_id)
    named = {"companyRef": reference} if reference else {}
    return {"companyId": company_number(company_id), **named, **environment_member(company_id)}


def docs_url(portal: Portal) -> str | None:
    """Return the address of the public documentation; None if its plugin does not run."""
    return "/docs/events" if portal.runs("docs") else None


def _offered(product: Product, kind: str) -> Sequence[Definition]:
    return {"actions": product.actions, "searches": product.searches, "lookups": product.lookups}[kind]


def _sentences(description: str) -> list[str]:
    return _SENTENCE.split(description.strip()) or [""]


def _joined(docs: str | None, page: str) -> str | None:
    return docs and f"{docs}/{page}"
