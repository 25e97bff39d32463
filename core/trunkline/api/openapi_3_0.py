"""The OpenAPI 3.0 document, for generators that cannot read 3.1: converted from the 3.1 document, without the pushes."""

from typing import Any

from trunkline.api.schema_form import Schema, mapped, reached

_NULL = {"type": "null"}
_KIND_OF_FORMAT = {"int32": "integer", "int64": "integer", "float": "number", "double": "number"}
_DROPPED = ("$schema", "$id", "$comment", "$defs", "propertyNames", "contains", "if", "then", "else", "patternProperties", "prefixItems",
            "dependentRequired", "dependentSchemas", "unevaluatedItems", "unevaluatedProperties", "contentMediaType", "contentEncoding")  # fmt: skip
"""Keywords that OpenAPI 3.0 lacks. They only restrict values, so a schema without them accepts more values."""


def as_3_0(document: dict[str, Any]) -> dict[str, Any]:
    """Convert *document*, OpenAPI 3.1 in the form of ``schema_form``, to OpenAPI 3.0."""
    info = {**document["info"], "license": {"name": document["info"]["license"]["name"]}}
    made: dict[str, Any] = _converted(
        {key: value for key, value in document.items() if key not in {"webhooks", "info", "openapi"}}
    )
    schemas = made["components"].pop("schemas")
    used = reached([made["paths"], made["components"]], schemas)
    made["components"]["schemas"] = {name: schema for name, schema in schemas.items() if name in used}
    made["tags"] = [tag for tag in made["tags"] if tag["name"] != "Pushed events"]
    return {"openapi": "3.0.3", "info": info, **made}


def _converted(value: Any) -> Any:
    """Convert every schema in *value*: each schema under a member ``schema``, and each component."""
    if isinstance(value, list):
        return [_converted(item) for item in value]
    if not isinstance(value, dict):
        return value
    return {
        key: _schema(inner)
        if key == "schema" and isinstance(inner, dict)
        else {name: _schema(schema) for name, schema in inner.items()}
        if key == "schemas"
        else inner
        if key in {"example", "examples"}
        else _converted(inner)
        for key, inner in value.items()
    }


def _schema(schema: Schema) -> Schema:
    made = mapped({key: value for key, value in schema.items() if key not in _DROPPED}, _schema)
    if made.get("examples"):
        made["example"] = made["examples"][0]
    made.pop("examples", None)
    if "const" in made:
        made["enum"] = [made.pop("const")]
    if made.get("required") == []:
        del made["required"]
    if isinstance(made.get("type"), list):
        made = _one_of_types(made)
    for bound, limit in (("exclusiveMinimum", "minimum"), ("exclusiveMaximum", "maximum")):
        if isinstance(made.get(bound), int | float) and not isinstance(made.get(bound), bool):
            made[limit], made[bound] = made[bound], True
    if "prefixItems" in schema:  # 3.0 has one schema for all items
        made["items"] = {}
    choices = made.get("anyOf", [])
    if _NULL in choices:
        made = _nullable([choice for choice in choices if choice != _NULL], made)
    if "$ref" in made and len(made) > 1:
        made["allOf"] = [{"$ref": made.pop("$ref")}]
    return made


def _one_of_types(schema: Schema) -> Schema:
    """Write a list of types as a union, in which a format stands beside the type that it is for."""
    made = {key: value for key, value in schema.items() if key not in {"type", "format"}}
    form: str = schema.get("format", "")
    kind_of_form = _KIND_OF_FORMAT.get(form, "string")
    choices = [
        {"type": kind, "format": form} if form and kind == kind_of_form else {"type": kind}
        for kind in schema["type"]
    ]
    return {"anyOf": choices} | made


def _nullable(choices: list[Schema], schema: Schema) -> Schema:
    """Write that *schema* is one of *choices* or null; in 3.0 only a schema with a type can be ``nullable``."""
    made = {key: value for key, value in schema.items() if key != "anyOf"}
    if len(choices) == 1:
        own = {"type": "object", "allOf": choices} if "$ref" in choices[0] else choices[0]
        return own | made | {"nullable": True}
    typed = next(choice for choice in choices if "type" in choice)
    enum = {"enum": [*typed["enum"], None]} if "enum" in typed else {}
    return made | {
        "anyOf": [(choice | enum | {"nullable": True}) if choice is typed else choice for choice in choices]
    }
