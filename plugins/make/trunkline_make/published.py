"""What people's scenarios refer to in an app that was published."""

import json
from collections.abc import Iterator

from trunkline import Json
from trunkline.pages import ReadFile

_KINDS = ("connection", "webhook", "module")
"""Lists for dropdowns are missing: they belong to their forms."""
_FIELDS = ("params", "staticParams", "mappableParams", "interface")


def keys(read: ReadFile) -> Iterator[str]:
    """List the components, the fields of their forms, and those of what they give."""
    components = _json(read, "makecomapp.json").get("components", {})
    for kind in _KINDS:
        for name, component in components.get(kind, {}).items():
            yield f"{kind} {name}"
            for code in _FIELDS:
                if (path := component["codeFiles"].get(code)) is not None:
                    yield from (f"{kind} {name} {code}: {field}" for field in _names(_json(read, path)))


def _json(read: ReadFile, path: str) -> Json:
    return json.loads(read(path) or b"{}")


def _names(fields: Json, prefix: str = "") -> Iterator[str]:
    for field in fields if isinstance(fields, list) else ():
        yield f"{prefix}{field['name']}"
        yield from _names(field.get("spec"), f"{prefix}{field['name']}.")
