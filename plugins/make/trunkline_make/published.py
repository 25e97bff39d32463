"""The parts of a published app that scenarios refer to, and its required fields."""

import json
from collections.abc import Iterator

from trunkline import Json
from trunkline.pages import ReadFile
from trunkline_make import names

_KINDS = ("connection", "webhook", "module")
"""Kinds of components that scenarios refer to. The lists of dropdowns are left out, because they are parts of forms."""
_FORMS = ("params", "staticParams", "mappableParams")
_FIELDS = (*_FORMS, "interface")
_OF_ALL_EVENTS = (f"module {names.WATCH}", f"module {names.POLL}")
"""Modules with the fields of several event types: a new event type may change a field's type."""
_ALIKE = {"email": "text", "integer": "number", "uinteger": "number"}
_LIST = ("select", "text", "number")
"""The types to which a select field may change: all of them keep a value that was typed or mapped before."""


def keys(read: ReadFile) -> Iterator[str]:
    """List the components, the fields of their forms, and their output fields with types."""
    for owner, codes in _components(read):
        yield owner
        for code, fields in codes.items():
            for path, field in _flat(fields):
                yield f"{owner} {code}: {path}"
                if owner not in _OF_ALL_EVENTS:
                    kind = field["type"]
                    kinds = _LIST if kind == "select" else (_ALIKE.get(kind, kind),)
                    yield from (f"{owner} {code}: {path} is {kind}" for kind in kinds)


def demands(read: ReadFile) -> Iterator[tuple[str, str]]:
    """List the required fields, each with its component."""
    for owner, codes in _components(read):
        for code in _FORMS:
            yield from ((owner, path) for path, field in _flat(codes.get(code)) if field.get("required"))


def _components(read: ReadFile) -> Iterator[tuple[str, dict[str, Json]]]:
    """Yield each component with the lists of its fields."""
    components = _json(read, "makecomapp.json").get("components", {})
    for kind in _KINDS:
        for name, component in components.get(kind, {}).items():
            files = component["codeFiles"]
            codes = {code: _json(read, path) for code in _FIELDS if (path := files.get(code)) is not None}
            yield f"{kind} {name}", codes


def _json(read: ReadFile, path: str) -> Json:
    return json.loads(read(path) or b"{}")


def _flat(fields: Json, prefix: str = "") -> Iterator[tuple[str, Json]]:
    """Yield *fields* and their nested fields, each with its path."""
    for field in fields if isinstance(fields, list) else ():
        path = f"{prefix}{field['name']}"
        yield path, field
        yield from _flat(field.get("spec"), f"{path}.")
