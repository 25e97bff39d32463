"""The routes below ``/api/v1/integrations`` that read: one per search and per lookup."""

from typing import Annotated, Any

import orjson
from fastapi import APIRouter, Depends, Query, Request, Response

from trunkline import Definition, PluginContext
from trunkline.routes import (
    CALL_PREFIX,
    Caller,
    Operations,
    Routes,
    StrictRoute,
    call_options,
    etag_of,
    query_model,
    requires,
)

Reads = Annotated[Caller, Depends(requires("integrations:read"))]


def make_routes(context: PluginContext) -> Routes:
    """Build the route of each search and each lookup that a plugin carries out."""
    router = APIRouter(route_class=StrictRoute)
    operations = context.operations
    definitions = [*operations.provided("search"), *operations.provided("lookup")]
    # fixed parts come first
    for definition in sorted(definitions, key=lambda definition: definition.path.replace("{", "~")):
        tag = "Lookups" if definition.kind == "lookup" else "Searches"
        look = _make_function(operations, definition)
        router.add_api_route(
            definition.path, look, methods=[definition.method], tags=[tag], **call_options(definition)
        )
    return Routes(router, prefix=CALL_PREFIX)


def _make_function(operations: Operations, definition: Definition) -> Any:
    model = query_model(definition)

    async def look(request: Request, caller: Reads, query: Any) -> Response:
        answered = await operations.call(
            definition,
            company_id=caller.company_id,
            key_id=caller.principal.key_id,
            parameters=request.path_params,
            input=query.model_dump(by_alias=True, exclude_unset=True),
        )
        headers = {"ETag": etag_of(orjson.loads(answered.body))} if definition.is_single else {}
        return Response(answered.body, answered.status, headers=headers, media_type="application/json")

    # made at run time, as no type checker could read it
    look.__annotations__["query"] = Annotated[model, Query()]
    return look
