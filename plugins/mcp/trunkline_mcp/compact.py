"""The compact form of a tool: a model reads the whole list in each conversation, so the list is kept short.

The form leaves out the schemas of answers, titles, examples, lengths and null. The full form of each tool is a resource
(``resources``). The hub always checks a call against the full definition.
"""

from mcp_types import Tool

from trunkline import Json
from trunkline_mcp import schemas

_LEFT_OUT = frozenset(
    {"title", "examples", "example", "minLength", "maxLength", "minItems", "maxItems", "uniqueItems"}
)
_LARGEST_INTEGER = 2**53 - 1
_KEY = {"type": "string", "description": "The same text again gives the first answer and does nothing twice."}


def compact(tool: Tool) -> Tool:
    """Return the compact form of *tool*."""
    written = _schema(tool.input_schema)
    properties = written.get("properties", {})
    if tool.input_schema.get("properties", {}).get(schemas.IDEMPOTENCY_KEY) == schemas.KEY_SCHEMA:
        properties[schemas.IDEMPOTENCY_KEY] = _KEY
    return tool.model_copy(update={"input_schema": written, "output_schema": None})


def _schema(schema: Json) -> Json:
    """Write one schema and its subschemas."""
    if not isinstance(schema, dict):
        return schema
    one, is_nullable = _without_null(schema)
    written: dict[str, Json] = {}
    for key, value in one.items():
        if key in _LEFT_OUT or (key == "default" and value is None):
            continue
        if key == "maximum" and value == _LARGEST_INTEGER:
            continue
        if key in schemas.NAMED and isinstance(value, dict):
            written[key] = {name: _schema(child) for name, child in value.items()}
        elif key == "enum" and is_nullable:
            written[key] = [choice for choice in value if choice is not None]
        elif key in schemas.DATA:
            written[key] = value
        else:
            written[key] = [_schema(child) for child in value] if isinstance(value, list) else _schema(value)
    told = str(written.get("description", ""))
    if is_nullable and "default" not in schema and "null" not in told:
        written["description"] = f"{told} May be null.".lstrip()
    return written


def _without_null(schema: dict[str, Json]) -> tuple[dict[str, Json], bool]:
    """Remove null from the types of *schema*; a single remaining type is written without a list."""
    types = schema.get("type")
    if isinstance(types, list) and "null" in types:
        left = [kind for kind in types if kind != "null"]
        return {**schema, "type": left[0] if len(left) == 1 else left}, True
    for key in ("anyOf", "oneOf"):
        branches = schema.get(key)
        if isinstance(branches, list) and {"type": "null"} in branches:
            left = [branch for branch in branches if branch != {"type": "null"}]
            beside = {name: value for name, value in schema.items() if name != key}
            if len(left) == 1 and isinstance(left[0], dict):
                return {**left[0], **beside}, True
            return {**beside, key: left}, True
    return schema, False
