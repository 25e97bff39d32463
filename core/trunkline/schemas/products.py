"""A product, from which connectors are generated: its brand, its catalog, and the form fields of each schema.

Everything here is pure. A generator (``contract.Connector``) turns a ``Product`` into files. The generator knows the
platform's names; the schemas are read here, once for all generators.
"""

import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from operator import attrgetter
from typing import Literal

from trunkline.schemas.authorization import AuthorizationServer, own_server
from trunkline.schemas.catalog import EventType, Json
from trunkline.schemas.definitions import Definition
from trunkline.schemas.fields import Field, Reference, as_form, item_list, read_fields, with_examples
from trunkline.schemas.versions import HEADER, write_header

_PAGING = frozenset({"limit", "cursor"})
_IS_ID = re.compile(r"^id$|_id$|Id$")


@dataclass(frozen=True, slots=True)
class Brand:
    """A product's name and look. *slug* begins every generated name; *color* is ``#rrggbb``.

    *logo* is an SVG document for light backgrounds, *logo_dark* for dark ones; if a logo is missing, a generator draws
    the product's initial. *keys_url* is the page on which people make their API keys, *docs_url* the page about the
    connectors; if they are empty, connectors link to the website. *categories* are the product's categories in a
    platform's directory, in the platform's words.
    """

    slug: str
    title: str
    description: str
    color: str
    homepage: str
    author: str
    email: str
    repository: str
    version: str = "1.0.0"
    logo: str | None = field(default=None, repr=False)
    logo_dark: str | None = field(default=None, repr=False)
    keys_url: str = ""
    docs_url: str = ""
    categories: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Product:
    """A product for which a connector is made. *api_url* is the hub's address without a trailing slash; *auth* is the way to sign in.

    *issuer* is the OAuth server at which users sign in; None for the hub itself. Everything is sorted by name.
    """

    brand: Brand
    api_url: str
    event_types: tuple[EventType, ...]
    actions: tuple[Definition, ...] = ()
    searches: tuple[Definition, ...] = ()
    lookups: tuple[Definition, ...] = ()
    auth: Literal["key", "oauth", "both"] = "key"
    issuer: AuthorizationServer | None = None

    @property
    def takes_keys(self) -> bool:
        """Return True if users may paste an API key."""
        return self.auth != "oauth"

    @property
    def takes_oauth(self) -> bool:
        """Return True if users may sign in by OAuth, in the portal or at the product's issuer."""
        return self.auth != "key"

    @property
    def authorization_server(self) -> AuthorizationServer:
        """The OAuth server at which users sign in. Raises EndpointsUnknown, which is Refused, if its endpoints are unknown."""
        if self.issuer is None:
            return own_server(self.api_url)
        self.issuer.require_endpoints()
        return self.issuer

    @property
    def versions_header(self) -> tuple[str, str]:
        """The name and value of the header in which a connector states the event type versions that it was made for."""
        versions = {event_type.name: event_type.version for event_type in self.event_types}
        return HEADER, write_header(versions)

    def inputs(self, definition: Definition) -> tuple[Field, ...]:
        """The fields of a call: the parameters of the path first, then the body's or the query's fields."""
        parameters = (replace(field, is_parameter=True) for field in self._read(definition.parameters))
        examples = [example.input for example in definition.examples]
        return (*parameters, *with_examples(self._read(definition.input), examples))

    def form(self, definition: Definition) -> tuple[Field, ...]:
        """The fields that a form shows for a call, prepared by ``fields.as_form``.

        For a search that answers in pages, ``limit`` and ``cursor`` are left out, because the connector sets them.
        """
        fields = self.inputs(definition)
        if definition.kind == "search" and definition.is_paged:
            fields = tuple(entry for entry in fields if entry.name not in _PAGING)
        return as_form(fields, is_update=definition.method == "PATCH")

    def outputs(self, definition: Definition) -> tuple[Field, ...]:
        """The fields of an answer."""
        return self._read(definition.output)

    def records(self, search: Definition) -> Field | None:
        """The list of records in the answer of *search*; None if the answer is a single record, or has no such list."""
        name = item_list(search)
        return next((entry for entry in self.outputs(search) if entry.name == name), None)

    def payload(self, event_type: EventType) -> tuple[Field, ...]:
        """The fields of an event's payload."""
        return self._read(event_type.schema)

    def order_keys(self) -> Mapping[str, str]:
        """Maps event types with a required id to the field that orders their events: the one that most types have."""
        ids: dict[str, list[str]] = {}
        for event_type in self.event_types:
            required = [entry.name for entry in self.payload(event_type) if entry.is_required]
            ids[event_type.name] = [name for name in required if _IS_ID.search(name)]
        number = Counter(name for names in ids.values() for name in names)
        return {name: max(own, key=number.__getitem__) for name, own in ids.items() if own}

    def related(self, event_type: EventType) -> list[EventType]:
        """The other types about the same kind of record, or about a record whose id is in the payload of *event_type*."""
        own, fields = _kind(event_type), {entry.name for entry in self.payload(event_type)}
        return [
            other
            for other in self.event_types
            if other.name != event_type.name
            and ((kind := _kind(other)) == own or not fields.isdisjoint({f"{kind}_id", f"{kind}Id"}))
        ]

    def lookup(self, name: str) -> Definition | None:
        """Find a lookup by its name."""
        return next((lookup for lookup in self.lookups if lookup.name == name), None)

    def _read(self, schema: Mapping[str, Json]) -> tuple[Field, ...]:
        return read_fields(schema, find=self._reference)

    def _reference(self, reference: Json) -> Reference | None:
        """Resolve an ``x-lookup``; None if no plugin provides that lookup."""
        if reference is None:
            return None
        details: Mapping[str, Json] = {"lookup": reference} if isinstance(reference, str) else reference
        lookup = self.lookup(details["lookup"])
        if lookup is None or lookup.listed is None:
            return None
        return Reference(
            lookup,
            value=details.get("value", lookup.listed.value),
            label=details.get("label", lookup.listed.label),
            where=details.get("where", {}),
        )


def _kind(event_type: EventType) -> str:
    """Return the kind of record that *event_type* is about: the part of its name before the dot."""
    return event_type.name.partition(".")[0]


def alternatives(definition: Definition) -> tuple[tuple[str, ...], ...]:
    """Sets of fields: a call must fill in all fields of at least one set. Empty if there is no such rule."""
    branches: Sequence[Mapping[str, Json]] = definition.input.get("anyOf", ())
    return tuple(tuple(branch["required"]) for branch in branches if "required" in branch)


def json_remarks(
    product: Product, *, platform: str, reason: Callable[[Field], str] | None = None
) -> list[str]:
    """List, in sentences, the fields that people write as JSON on *platform*, and the reasons.

    *reason* gives the reason for a field, empty if a form can show the field; the default is ``Field.json_because``.
    """
    return [
        f"On {platform}, '{title}' of '{definition.title}' is written as JSON, because {why}"
        for definition in (*product.actions, *product.searches)
        for title, why in _reasons(product.form(definition), reason or attrgetter("json_because"))
    ]


def registration(product: Product, *, redirect_uri: str, method: str) -> list[str]:
    """Describe how to register the platform with the product's own issuer, before people connect.

    Empty if there is no such issuer.

    *redirect_uri* describes the redirect URI, *method* how the platform sends the secret (``client_secret_basic`` or
    ``client_secret_post``).
    """
    if product.issuer is None or not product.takes_oauth:
        return []
    server = product.authorization_server
    remark = (
        f"Users sign in at {server.issuer}: register a confidential client there, with {redirect_uri}, the grants "
        f"authorization_code and refresh_token, PKCE (S256), {method} and the scopes {', '.join(server.scopes)}; its access "
        f"tokens must be JWTs for {server.audience}"
    )
    return [remark]


def _reasons(fields: Iterable[Field], reason: Callable[[Field], str]) -> Iterator[tuple[str, str]]:
    for entry in fields:
        if why := reason(entry):
            yield entry.title, why
        else:
            yield from _reasons(entry.fields, reason)


def sample_envelope(event_type: EventType) -> dict[str, Json]:
    """Make an event of *event_type* from its example, in the form in which events are pushed and polled."""
    return {
        "id": 45678,
        "type": event_type.name,
        "createdUtc": "2026-01-28T10:30:00Z",
        "companyId": 92,
        "payload": event_type.example,
    }
