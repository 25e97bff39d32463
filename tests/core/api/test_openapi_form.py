"""The form that client generators need, checked for every schema, answer and example of the document."""

import json
import re

import jsonschema
import pytest
from openapi_spec_validator import OpenAPIV30SpecValidator, OpenAPIV31SpecValidator

from trunkline.api.openapi_3_0 import as_3_0
from trunkline.api.schema_form import formed, mapped, references
from trunkline.targets.signatures import new_secret

MAX_INT64 = 2**63 - 1


@pytest.fixture
async def document(api):
    return (await api.anonymous.get("/openapi.json")).json()


def schemas_in(value, place="#"):
    if isinstance(value, list):
        for number, item in enumerate(value):
            yield from schemas_in(item, f"{place}/{number}")
    elif isinstance(value, dict):
        for key, inner in value.items():
            if key == "schema":
                yield from inside(inner, f"{place}/schema")
            elif key == "schemas":
                for name, schema in inner.items():
                    yield from inside(schema, f"{place}/schemas/{name}")
            elif key not in {"example", "examples"}:
                yield from schemas_in(inner, f"{place}/{key}")


def inside(schema, place):
    yield place, schema
    found = []
    mapped(schema, lambda inner: found.append(inner) or inner)
    for number, inner in enumerate(found):
        yield from inside(inner, f"{place}/{number}")


def faults_of(schema):
    kinds = schema.get("type", ())
    if {"integer", "number"} & {kinds if isinstance(kinds, str) else "", *kinds} and "format" not in schema:
        yield "says not how wide its number is (format)"
    if any(abs(schema.get(bound, 0)) > MAX_INT64 for bound in ("minimum", "maximum")):
        yield "has a bound beyond int64"
    if any("anyOf" in choice for choice in schema.get("anyOf", ())):
        yield "has a union within a union"
    if any(set(choice) == {"required"} for choice in schema.get("anyOf", ())):
        yield "is a union of required members"
    if "const" in schema and "type" not in schema:
        yield "has a constant without its type"
    if isinstance(schema.get("const"), bool):
        yield "has a constant boolean, of which Java's generator makes an enum that does not compile"
    if any("default" in member for member in schema.get("properties", {}).values()):
        yield "has a member with a default, which generators take for required"


def test_every_schema_is_one_that_generators_read(document):
    found = list(schemas_in(document))
    assert len(found) > 1000
    wrong = [f"{place} {fault}" for place, schema in found for fault in faults_of(schema)]
    assert not wrong, "\n".join(wrong)


def test_what_is_absent_from_answers_is_not_null_and_what_changes_takes_null(document):
    schemas = document["components"]["schemas"]
    assert schemas["Envelope"]["properties"]["metadata"]["type"] == "object"
    assert {"type": "null"} in schemas["SubscriptionView"]["properties"]["disabled_utc"]["anyOf"]
    assert {"type": "null"} in schemas["UpdateSubscription"]["properties"]["description"]["anyOf"]
    assert schemas["CreateWebhookSubscription"]["properties"]["description"]["type"] == "string"


def test_schemas_are_brought_into_form():
    for use, schema, expected in (
        ("answer", {"anyOf": [{"anyOf": [{"type": "string"}, {"type": "null"}]}, {"type": "null"}]}, {"anyOf": [{"type": "string"}, {"type": "null"}]}),
        ("answer", {"type": "integer", "maximum": 9.223372036854776e18, "minimum": 1.0}, {"type": "integer", "minimum": 1, "format": "int64"}),
        ("answer", {"const": "a"}, {"const": "a", "type": "string"}),
        ("answer", {"const": True}, {"type": "boolean"}),
        ("creation", {"properties": {"a": {"type": "string", "default": "b"}}}, {"properties": {"a": {"type": "string", "description": 'Default: `"b"`.'}}}),
        ("creation", {"anyOf": [{"required": ["a"]}, {"required": ["b"]}]}, {"description": "At least `a` or `b` is required."}),
        ("creation", {"type": "string", "anyOf": [{"format": "date"}, {"format": "date-time"}]}, {"type": "string", "description": "Format: `date` or `date-time`."}),
    ):  # fmt: skip
        assert formed(schema, use) == expected


def examples_in(value, place="#"):
    if isinstance(value, list):
        for number, item in enumerate(value):
            yield from examples_in(item, f"{place}/{number}")
    elif isinstance(value, dict):
        if "schema" in value:
            for name, example in value.get("examples", {}).items():
                yield f"{place}/{name}", value["schema"], example["value"]
            if "example" in value:
                yield place, value["schema"], value["example"]
        for key, inner in value.items():
            if key not in {"schema", "schemas", "example", "examples"}:
                yield from examples_in(inner, f"{place}/{key}")


def test_every_example_is_valid(document):
    examples = list(examples_in(document))
    for place, schema in schemas_in(document):
        examples += [(place, schema, example) for example in schema.get("examples", ())]
    assert len(examples) > 80
    for place, schema, example in examples:
        validator = jsonschema.Draft202012Validator(schema | {"components": document["components"]})
        assert [error.message for error in validator.iter_errors(example)] == [], place


def test_every_answer_has_its_headers_and_every_call_the_problems_of_its_form(document):
    for path, item in document["paths"].items():
        for method, operation in item.items():
            call = f"{method.upper()} {path}"
            expected = {"400"}
            if operation["security"]:
                expected |= {"401", "403", "429", "503"}
                references = [parameter.get("$ref", "") for parameter in operation["parameters"]]
                names = {reference.rpartition("/")[2] for reference in references}
                assert {"CompanyId", "Environment"} <= names, call
            if "{" in path:
                expected |= {"404"}
            if "requestBody" in operation:
                expected |= {"413", "415", "422"}
            assert expected <= operation["responses"].keys(), call
            for status, answer in operation["responses"].items():
                if "$ref" not in answer and status != "default":
                    assert "X-Request-Id" in answer["headers"], f"{call} {status}"
    for path in ("/api/v1/subscriptions/{subscription_id}", "/api/v1/companies/{company_id}",
                 "/api/v1/integrations/clients/{client_id}", "/schemas/events/{name}.json"):  # fmt: skip
        answers = document["paths"][path]["get"]["responses"]
        assert "ETag" in answers["200"]["headers"], path
        assert "304" in answers, path
    responses = document["components"]["responses"]
    assert {"Retry-After", "X-Request-Id"} <= responses["TooManyRequests"]["headers"].keys()
    assert "WWW-Authenticate" in responses["Unauthenticated"]["headers"]
    assert document["components"]["parameters"]["Environment"]["schema"]["enum"] == ["live", "test"]


def test_every_tag_is_declared(document):
    operations = [operation for item in document["paths"].values() for operation in item.values()]
    used = {tag for operation in operations for tag in operation["tags"]}
    assert used <= {tag["name"] for tag in document["tags"]}
    assert all(tag["description"] for tag in document["tags"])


def operation_ids(document) -> list[str]:
    return [operation["operationId"] for item in document["paths"].values() for operation in item.values()]


@pytest.mark.slow
async def test_the_document_for_older_generators_is_valid_and_has_every_call(api, document):
    older = (await api.anonymous.get("/openapi-3.0.json")).json()
    assert older["openapi"] == "3.0.3"
    assert [error.message for error in OpenAPIV30SpecValidator(older).iter_errors()] == []
    assert operation_ids(older) == operation_ids(document)
    view = older["components"]["schemas"]["SubscriptionView"]["properties"]
    assert (view["description"]["type"], view["description"]["nullable"]) == ("string", True)
    assert as_3_0(document) == older


@pytest.mark.parametrize(
    ("schema", "older"),
    [
        ({"type": "object", "required": []}, {"type": "object"}),
        (
            {"type": ["string", "integer"], "format": "int64", "maxLength": 9},
            {"anyOf": [{"type": "string"}, {"type": "integer", "format": "int64"}], "maxLength": 9},
        ),
        (
            {"type": ["string", "integer", "null"], "format": "date"},
            {"anyOf": [{"type": "string", "format": "date", "nullable": True}, {"type": "integer"}]},
        ),
        ({"type": ["number", "null"], "format": "double"}, {"type": "number", "format": "double", "nullable": True}),
        (
            {"type": ["string", "null"], "enum": ["a", None], "examples": ["a"]},
            {"type": "string", "enum": ["a", None], "example": "a", "nullable": True},
        ),
    ],
)  # fmt: skip
def test_a_schema_for_older_generators_is_valid_and_says_the_same(schema, older):
    info = {"title": "t", "version": "1", "license": {"name": "l"}}
    path = {"/": {"head": {"responses": {"default": {"$ref": "#/components/schemas/Thing"}}}}}
    document = {"info": info, "paths": path, "components": {"schemas": {"Thing": schema}}, "tags": []}
    made = as_3_0({"openapi": "3.1.0", **document})
    assert made["components"]["schemas"]["Thing"] == older
    assert [error.message for error in OpenAPIV30SpecValidator(made).iter_errors()] == []


REFERRING = {
    "type": "object",
    "properties": {
        "total": {"$ref": "#/$defs/Money", "title": "Total", "description": "What it costs."},
        "tree": {"$ref": "#branch", "title": "Tree", "description": "Of categories."},
        "place": {"type": "array", "prefixItems": [{"type": "number"}], "items": False, "title": "P", "description": "p"},
        "loop": {"$ref": "#/$defs/Loop", "title": "Loop", "description": "Anything."},
        "extra": {"oneOf": [{"$ref": "#/$defs/Money"}, {"$ref": "#/definitions/Event"}, True], "title": "E", "description": "e"},
    },
    "required": ["total"],
    "additionalProperties": False,
    "$defs": {
        "Money": {"type": "object", "properties": {"value": {"type": "number"}, "any": True}, "required": ["value"]},
        "Loop": {"$ref": "#/$defs/Loop"},
        "Branch": {"$anchor": "branch", "type": "object", "properties": {"parent": {"$ref": "#/$defs/Branch"}}},
    },
    "definitions": {"Event": {"type": "string"}},
}  # fmt: skip
RECORD = {"total": {"value": 1, "any": 2}, "tree": {"parent": {}}, "place": [1.5], "loop": {}}


@pytest.mark.parametrize("path", ["openapi.json", "openapi-3.0.json", "asyncapi.json"])
async def test_definitions_within_the_schemas_of_a_product_become_components(
    make_hub, sqlite_database_url, tmp_path, path
):
    said = {"title": "Order Placed", "description": "An order."}
    query = {"kind": {"$ref": "#/$defs/Kind", "title": "Kind", "description": "k"}}
    kinds = {"type": "object", "properties": query, "$defs": {"Kind": {"type": "string", "enum": ["a", "b"]}}}
    kinds["additionalProperties"] = False
    made = {
        "events/order.placed": said | REFERRING | {"examples": [RECORD]},
        "actions/place_order": said | {"name": "place_order", "method": "POST", "path": "/orders", "input": REFERRING, "output": REFERRING, "examples": [{"input": RECORD, "output": RECORD}]},
        "searches/get_order": said | {"name": "get_order", "method": "GET", "path": "/orders", "single": True, "input": kinds, "output": REFERRING, "examples": [{"input": {"kind": "a"}, "output": RECORD}]},
    }  # fmt: skip
    for name, document in made.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / f"{name}.json").write_text(json.dumps(document))
    provider = {"provider_url": "http://127.0.0.1:9", "provider_secret": new_secret("standard")}
    settings = {f"actions.{key}": value for key, value in provider.items()}
    hub = await make_hub(sqlite_database_url, settings | {"product.schemas": str(tmp_path)})
    document = (await hub.anonymous.get(f"/{path}")).json()
    components = document["components"]["schemas"]
    assert set(references(document)) <= set(components)
    assert not re.search(r'"#/(\$defs|components/schemas/\w+/)|"x-document"', json.dumps(document))
    assert not [name for name in components if "$defs" in components[name]]
    owner = "PlaceOrderInput" if path == "openapi-3.0.json" else "OrderPlacedPayload"
    validator = jsonschema.Draft202012Validator(components[owner] | {"components": document["components"]})
    validator.validate(RECORD)
    for wrong in ({"total": {}}, {"total": {"value": 1}, "tree": {"parent": {"parent": 1}}}):
        assert not validator.is_valid(wrong)
    if path != "asyncapi.json":
        check = OpenAPIV30SpecValidator if "3.0" in path else OpenAPIV31SpecValidator
        assert [error.message for error in check(document).iter_errors()] == []
        (kind, *_) = document["paths"]["/api/v1/integrations/orders"]["get"]["parameters"]
        assert kind["schema"]["enum"] == ["a", "b"]
