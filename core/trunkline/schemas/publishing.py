"""The schemas of event types that receivers get: they allow fields that may be added later.

Incoming payloads are validated by the type's own schema, which may refuse unknown fields. A receiver must not refuse them:
a new field does not make a new version.
"""

from collections.abc import Iterable, Mapping
from dataclasses import replace

import msgspec
import orjson

from trunkline.schemas.catalog import EventType

COMMENT = "Fields may be added to this object and to those in it: ignore those that you do not know."
_CLOSING = {"additionalProperties", "unevaluatedProperties"}
_HAS_SCHEMA = _CLOSING | {"else", "items", "propertyNames", "then", "unevaluatedItems"}
_HAS_SCHEMAS_BY_NAME = {"$defs", "definitions", "dependentSchemas", "patternProperties", "properties"}
_HAS_SCHEMAS = {"allOf", "anyOf", "prefixItems"}
_REFUSED_BY = {"not": {"not"}, "if": {"if", "then", "else"}, "contains": {"maxContains"}}
"""Maps each keyword that contains a schema to the keywords that refuse a payload if this schema matches.

An opened schema matches more payloads, so such keywords could refuse more.
"""
_MAY_OPEN = (b'"$ref"', b'"additionalProperties"', b'"unevaluatedProperties"')

Members = dict[str, msgspec.Raw]


def published(event_type: EventType) -> EventType:
    """Return *event_type* with a schema that allows further fields in every object, and says so in a comment.

    Numbers keep their digits. Every payload that is valid by the type's own schema is valid by the opened schema. So
    ``oneOf`` becomes ``anyOf``: two opened alternatives may match at once. ``not``, ``if`` and ``contains`` keep their
    schemas; if these refer to opened schemas, the keywords refuse nothing.
    """
    comment = {"$comment": orjson.dumps(COMMENT)}
    document = _object(comment | _raws(_open(event_type.schema_json)))
    if b"\n" in event_type.schema_json:
        document = msgspec.json.format(document, indent=2)
    return replace(event_type, schema=orjson.loads(document), schema_json=document)


def _open(schema: bytes) -> bytes:
    """Open a schema and its subschemas."""
    if not schema.lstrip().startswith(b"{"):
        return schema  # true or false
    members = _raws(schema)
    dropped = {
        name
        for keyword, refusing in _REFUSED_BY.items()
        if b'"$ref"' in members.get(keyword, b"")
        for name in refusing
    }
    dropped |= {name for name in _CLOSING if members.get(name, b"").strip() == b"false"}
    opened = {name: raw for name, raw in members.items() if name not in dropped}
    for name, raw in opened.items():
        if name in _HAS_SCHEMA:
            opened[name] = _open(raw)
        elif name in _HAS_SCHEMAS:
            opened[name] = _open_each(raw)
        elif name in _HAS_SCHEMAS_BY_NAME:
            opened[name] = _object({own: _open(schema) for own, schema in _raws(raw).items()})
    if any(word in opened.get("oneOf", b"") for word in _MAY_OPEN):
        alternatives = _open_each(opened.pop("oneOf"))
        if "anyOf" in opened:
            every = _list(opened.get("allOf", b"[]"))
            opened["allOf"] = _array([*every, b'{"anyOf":%b}' % alternatives])
        else:
            opened["anyOf"] = alternatives
    return _object(opened)


def _open_each(schemas: bytes) -> bytes:
    return _array(map(_open, _list(schemas)))


def _raws(text: bytes) -> dict[str, bytes]:
    return {name: bytes(raw) for name, raw in msgspec.json.decode(text, type=Members).items()}


def _list(text: bytes) -> list[bytes]:
    return [bytes(raw) for raw in msgspec.json.decode(text, type=list[msgspec.Raw])]


def _object(members: Mapping[str, bytes]) -> bytes:
    return b"{" + b",".join(orjson.dumps(name) + b":" + value for name, value in members.items()) + b"}"


def _array(values: Iterable[bytes]) -> bytes:
    return b"[" + b",".join(values) + b"]"
