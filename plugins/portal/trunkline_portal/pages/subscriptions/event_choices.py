"""The event types offered by a form: in groups, with their fields and the comparisons for filters."""

from collections.abc import Iterator, Mapping, Sequence
from itertools import groupby

from msgspec import Struct

from trunkline import EventType
from trunkline.pages import Field, Product
from trunkline.routes import takes_type, type_groups
from trunkline_portal.pages.subscriptions.filter_rows import write_value
from trunkline_portal.portal import Portal
from trunkline_portal.schema_rows import values_of

MOST_SHOWN = 40
"""If the product has more event types than this, their fields are shown only in the catalogue, to keep the page small."""


class Line(Struct, frozen=True):
    """One field of a payload, by its path in a filter. *choices* are its possible values as a filter's row has them."""

    path: str
    title: str
    kind: str
    is_required: bool
    description: str
    choices: tuple[str, ...]

    @property
    def compared_as(self) -> str:
        """Return the kind of the field's values; for a list, the kind of its items."""
        return self.kind.removeprefix("list of ")


class Choice(Struct, frozen=True):
    """One event type to choose, with the fields of its payload. Each name in *chosen_by* chooses it; the first is its own."""

    name: str
    chosen_by: tuple[str, ...]
    title: str
    description: str
    is_deprecated: bool
    lines: tuple[Line, ...]


class Group(Struct, frozen=True):
    """Event types about one object. Each of *names* chooses several of them, including future ones."""

    names: tuple[str, ...]
    title: str
    choices: tuple[Choice, ...]
    is_operational: bool = False


class Suggestion(Struct, frozen=True):
    """A field for a filter, and the event types that have it."""

    line: Line
    event_types: tuple[str, ...]


def groups_of(portal: Portal) -> list[Group]:
    """List the product's event types by the first part of their names; the last group has the operational types."""
    product = portal.context.deployment.product()
    by_part = groupby(product.event_types, key=lambda event_type: event_type.name.partition(".")[0])
    groups = [
        _group(product, name.replace("_", " ").capitalize(), tuple(types), is_operational=False)
        for name, types in by_part
    ]
    operational = portal.context.events.operational_types()
    return [*groups, _group(product, "Operational events", operational, is_operational=True)]


def suggestions_of(groups: Sequence[Group]) -> list[Suggestion]:
    """List every path once, in order. Title, kind and choices are taken from the first type that has the path."""
    found: dict[str, Suggestion] = {}
    for choice in _choices(groups):
        for line in choice.lines:
            known = found.get(line.path, Suggestion(line, ()))
            found[line.path] = Suggestion(known.line, (*known.event_types, choice.name))
    return [found[path] for path in sorted(found)]


def kinds_of(groups: Sequence[Group], chosen: Sequence[str]) -> Mapping[str, str]:
    """Map each path in the *chosen* event types to the kind of its values; paths with several kinds are left out.

    *chosen* may contain groups and ``*``.
    """
    kinds_at: dict[str, set[str]] = {}
    for choice in _choices(groups):
        if takes_type(chosen, choice.name):
            for line in choice.lines:
                kinds_at.setdefault(line.path, set()).add(line.compared_as)
    return {path: next(iter(kinds)) for path, kinds in kinds_at.items() if len(kinds) == 1}


def _choices(groups: Sequence[Group]) -> Iterator[Choice]:
    for group in groups:
        yield from group.choices


def _group(product: Product, title: str, types: Sequence[EventType], *, is_operational: bool) -> Group:
    choices = tuple(
        Choice(
            event_type.name,
            (event_type.name, *type_groups([event_type.name]), *(() if is_operational else ("*",))),
            event_type.title,
            event_type.description,
            event_type.deprecated,
            tuple(_lines(product.payload(event_type), "payload")),
        )
        for event_type in types
    )
    names = tuple(type_groups(event_type.name for event_type in types))
    return Group(names, title, choices, is_operational)


def _lines(fields: Sequence[Field], holder: str, title: str = "") -> Iterator[Line]:
    """Yield the fields that a path can name: dots separate its names, and a form strips blanks."""
    for field in fields:
        if not field.name or "." in field.name or field.name != field.name.strip():
            continue
        path = f"{holder}.{field.name}"
        kind = f"list of {field.item_kind}" if field.kind == "list" and field.item_kind else field.kind
        choices = tuple(write_value(value, field.item_kind or field.kind) for value in values_of(field))
        yield Line(path, f"{title}{field.title}", kind, field.is_required, field.description, choices)
        if field.kind == "object":
            yield from _lines(field.fields, path, f"{title}{field.title}: ")
