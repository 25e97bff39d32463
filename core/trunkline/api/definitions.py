"""Actions, searches and lookups over HTTP: their lists, their schemas, and their OpenAPI models.

The routes that call them belong to the plugins ``actions`` and ``searches``, which are built from these parts.
"""

import functools
import hashlib
from collections.abc import Iterable, Mapping, Sequence
from typing import Annotated, Any

import orjson
from fastapi import Depends, Query, Request, Response
from pydantic import BaseModel, Field, RootModel, WithJsonSchema, create_model
from pydantic.alias_generators import to_camel, to_pascal
from pydantic.json_schema import JsonSchemaValue

from trunkline.api.paging import ListQuery, page_of
from trunkline.api.problems import responses
from trunkline.api.requests import QueryModel, answer_schema
from trunkline.api.routing import Route, bind
from trunkline.api.schema_form import inlined
from trunkline.api.security import Caller, requires
from trunkline.contract import Operations, Routes
from trunkline.errors import NotFound
from trunkline.schemas.catalog import Json
from trunkline.schemas.definitions import CALL_PREFIX, FOLDERS, Definition, Kind
from trunkline.schemas.fields import item_list
from trunkline.schemas.shapes.references import References

JSON = "application/json"

DOCUMENT = "x-document"
"""The member of a component that holds its whole schema as text: FastAPI would read the references in it as its own."""


class ShownDefinition(BaseModel):
    """An action, a search or a lookup, with the schemas of its input and output."""

    name: str = Field(examples=["create_order"])
    title: str
    description: str
    method: str = Field(examples=["POST"])
    path: str = Field(examples=["/api/v1/integrations/orders"])
    input_schema: dict[str, Any]
    output_schema: dict[str, Any]
    items: str | None = Field(
        default=None,
        description="the member of the answer with the list of items; absent if the answer is the record itself",
        examples=["results"],
    )
    single: bool | None = Field(
        default=None,
        description="true if a search answers with the record itself, and with 404 if there is none; otherwise absent",
    )


class DefinitionHandlers:
    """Answers the calls that show the provided definitions of *kind*."""

    def __init__(self, operations: Operations, kind: Kind) -> None:
        self._operations = operations
        self._kind: Kind = kind

    async def list_definitions(
        self, _: Annotated[Caller, Depends(requires(None))], query: Annotated[ListQuery, Query()]
    ) -> Response:
        """List the operations that this deployment provides, with the schemas of their input and output."""
        provided = self._operations.provided(self._kind)
        definitions, cursor = page_of(provided, query, name=lambda definition: definition.name)
        views = [_view(definition) for definition in definitions]
        answer = {FOLDERS[self._kind]: views, "count": len(views), "next_cursor": cursor}
        return Response(orjson.dumps(answer), media_type=JSON)

    async def show_schemas(self, request: Request, name: str) -> Response:
        """Serve `{"input": …, "output": …}` with an ETag; public."""
        provided = self._operations.provided(self._kind)
        definition = next((definition for definition in provided if definition.name == name), None)
        if definition is None:
            raise NotFound(self._kind, name)
        document = orjson.dumps({"input": definition.input, "output": definition.output})
        etag = f'"{hashlib.sha256(document).hexdigest()[:32]}"'
        return answer_schema(request, document, etag=etag)


def definition_routes(operations: Operations, kind: Kind) -> Sequence[Routes]:
    """Make the routes that list the provided operations of *kind*, and serve their schemas."""
    plural = FOLDERS[kind]
    handlers = DefinitionHandlers(operations, kind)
    fields: dict[str, Any] = {
        plural: (list[ShownDefinition], ...),
        "count": (int, ...),
        "next_cursor": (str | None, Field(description="null on the last page")),
    }
    list_route = Route(
        "GET",
        "",
        DefinitionHandlers.list_definitions,
        response_model=create_model(f"{kind.capitalize()}List", **fields),
        summary=f"List {plural}",
        operation_id=f"list{plural.capitalize()}",
    )
    schema_route = Route(
        "GET",
        "/{name}.json",
        DefinitionHandlers.show_schemas,
        summary=f"The JSON Schemas of one of the {plural}",
        operation_id=f"get{kind.capitalize()}Schemas",
        responses={200: {"content": {"application/schema+json": {}}}},
        response_class=Response,
    )
    listing = bind(handlers, [list_route], tags=[plural.capitalize()])
    schemas = bind(handlers, [schema_route], tags=["Schemas"])
    return [Routes(listing, prefix=f"/{plural}"), Routes(schemas, prefix=f"/{plural}", base="/schemas")]


def _view(definition: Definition) -> dict[str, Json]:
    items = item_list(definition)
    return {
        "name": definition.name,
        "title": definition.title,
        "description": definition.description,
        "method": definition.method,
        "path": f"/api/v1{CALL_PREFIX}{definition.path}",
        "input_schema": definition.input,
        "output_schema": definition.output,
        **({"items": items} if items else {}),
        **({"single": True} if definition.is_single else {}),
    }


# ---- the parts of the route of a call --------------------------------------------------------------------------------


def call_options(definition: Definition) -> dict[str, Any]:
    """Return the keyword arguments that FastAPI's ``add_api_route`` needs for the call, except the function."""
    answers = _content(example.output for example in definition.examples)
    model, status = _output_model(definition), definition.success_status
    properties: Mapping[str, Mapping[str, Json]] = definition.parameters.get("properties", {})
    parameters = References(definition.parameters)
    extra: dict[str, Any] = {
        "parameters": [
            {
                "name": name,
                "in": "path",
                "required": True,
                "description": schema.get("description", ""),
                "schema": inlined(dict(schema), parameters),
            }
            for name, schema in properties.items()
        ],
        "responses": {str(status): {"content": answers}},
    }
    described = responses(400, 401, 403, 404, 422, 429, 502, 503)
    if definition.takes_body or definition.kind == "action":
        described |= responses(409, 413)
    if definition.takes_body:
        described |= responses(415)
        extra["requestBody"] = {"content": _content(example.input for example in definition.examples)}
    if status != 200:
        described[200] = {"model": model, "description": "What an earlier call has made"}
    return {
        "operation_id": f"lookUp{_camel(definition)}"
        if definition.kind == "lookup"
        else to_camel(_snake(definition)),
        "summary": definition.title,
        "description": definition.description,
        "status_code": status,
        "response_model": model,
        "responses": described,
        "openapi_extra": extra,
    }


# Pydantic takes 0.2 to 0.6 ms per model, so each is made once for equal definitions.


@functools.lru_cache(maxsize=256)
def body_model(definition: Definition) -> type[RootModel[Json]]:
    """Make the model of the call's body. The model takes any JSON, which the definition's own schema validates."""
    return _model(f"{_camel(definition)}Input", definition.input)


@functools.lru_cache(maxsize=256)
def query_model(definition: Definition) -> type[QueryModel]:
    """Make the model of the call's query. The model takes any text, which the definition's own schema validates."""
    fields: dict[str, Any] = {}
    document = References(definition.input)
    for number, (name, schema) in enumerate(definition.input.get("properties", {}).items()):
        annotation = Annotated[str | None, WithJsonSchema(inlined(dict(schema), document))]
        absent = ... if name in definition.input.get("required", ()) else None
        described = Field(default=absent, alias=name, description=schema.get("description"))
        # The name itself might be that of a model's method.
        fields[f"parameter_{number}"] = annotation, described
    return create_model(f"{_camel(definition)}Query", __base__=QueryModel, **fields)


@functools.lru_cache(maxsize=256)
def _output_model(definition: Definition) -> type[RootModel[Json]]:
    return _model(
        f"{_camel(definition)}{'Lookup' if definition.kind == 'lookup' else ''}Output", definition.output
    )


def _content(examples: Iterable[Json]) -> dict[str, Json]:
    numbered = {f"example{number}": {"value": value} for number, value in enumerate(examples, start=1)}
    return {JSON: {"examples": numbered}}


def _snake(definition: Definition) -> str:
    return definition.name.replace("-", "_")


def _camel(definition: Definition) -> str:
    return to_pascal(_snake(definition))


def _model(name: str, schema: Mapping[str, Json]) -> type[RootModel[Json]]:
    component = {"title": name, DOCUMENT: orjson.dumps(schema).decode()}

    def describe(_cls: type[BaseModel], _core: object, _handler: object) -> JsonSchemaValue:
        return dict(component)

    body = {"__get_pydantic_json_schema__": classmethod(describe), "__module__": __name__}
    return type(name, (RootModel[Json],), body)
