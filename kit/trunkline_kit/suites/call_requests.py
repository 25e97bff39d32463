"""Calls of actions, searches and lookups, and mistaken and hostile variations of these calls."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import httpx2
import orjson

from trunkline.schemas.catalog import Json
from trunkline.schemas.definitions import Definition
from trunkline_kit.checks import not_applicable

NEIGHBOUR_ID = 93
CANARY = "canary 9f2c71"
"""Text in a call that must not appear in logs."""
HOSTILE = (
    "'; DROP TABLE events; --",
    '" OR 1=1 --',
    "' OR '1'='1",
    "%_\\",
    "{{7*7}} ${7*7} %s {0}",
    "<script>alert(1)</script>",
    "Zo\u00eb \U0001f98a \u202e\ufdfa e\u0301 \u2028",
    "\u007f\u0085\ufeff",
)
LEAKS = (
    "Traceback",
    "sqlalchemy",
    "sqlite3",
    "asyncpg",
    "INSERT INTO",
    "SELECT ",
    '.py"',
    "OperationalError",
)
"""Words that reveal internals in an answer."""
WRONG: tuple[Json, ...] = (7, -1, 2**70, 1.5, True, None, [], ["x"], {}, {"a": 1}, "x" * 5000, "not this")
_PLAIN_ONLY = {"format", "enum", "const", "pattern", "x-lookup"}


@dataclass(frozen=True, slots=True)
class Request:
    """A call: the parameters of its path, and its body or its query."""

    parameters: Mapping[str, Json] = field(default_factory=dict[str, Json])
    input: Mapping[str, Json] = field(default_factory=dict[str, Json])

    def with_input(self, **changes: Json) -> "Request":
        """Return a copy of the call with *changes* in its input."""
        return replace(self, input={**self.input, **changes})

    def without(self, name: str) -> "Request":
        """Return a copy of the call without the field *name*."""
        return replace(self, input={key: value for key, value in self.input.items() if key != name})


def plain_texts(definition: Definition) -> list[str]:
    """List the names of the input fields that take any text."""
    properties: Mapping[str, Mapping[str, Json]] = definition.input.get("properties", {})
    return [
        name
        for name, schema in properties.items()
        if schema.get("type") == "string" and not _PLAIN_ONLY & set(schema) and name != "cursor"
    ]


def list_of(definition: Definition, answer: httpx2.Response) -> list[Json]:
    """Return the list in a search's or a lookup's answer; a single record is returned as a list of one."""
    if definition.is_single:
        return [answer.json()]
    properties: Mapping[str, Mapping[str, Json]] = definition.output.get("properties", {})
    arrays = [name for name, schema in properties.items() if schema.get("type") == "array"]
    name = definition.listed.items if definition.listed else next(iter(arrays), None)
    if name is None:
        not_applicable(f"the answer of '{definition.name}' has no list")
    items: Any = answer.json().get(name)
    return list(items)


def texts_of(values: Mapping[str, Json]) -> dict[str, str]:
    """Convert *values* to the texts of query parameters."""
    return {
        name: str(value).lower() if isinstance(value, bool) else str(value) for name, value in values.items()
    }


def body_of(values: Mapping[str, Json]) -> bytes:
    """Write *values* as a JSON body; an integer of 2^64 or more, which orjson cannot write, is replaced by 2^70."""
    small = {
        name: "@huge@" if isinstance(value, int) and value >= 2**64 else value
        for name, value in values.items()
    }
    return orjson.dumps(small).replace(b'"@huge@"', str(2**70).encode())


def detail_of(answer: httpx2.Response) -> str:
    """Return the detail of a refusal, or the beginning of the answer."""
    try:
        return str(answer.json().get("detail", ""))[:300]
    except (ValueError, AttributeError):
        return answer.text[:100]
