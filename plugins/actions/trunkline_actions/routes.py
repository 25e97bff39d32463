"""The routes below ``/api/v1/integrations`` that write: one per action."""

import re
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request, Response

from trunkline import BodyInvalid, Definition, FieldError, PluginContext
from trunkline.routes import (
    CALL_PREFIX,
    LOCATION,
    Caller,
    IdempotencyKey,
    IfMatch,
    Operations,
    Routes,
    StrictRoute,
    body_model,
    call_options,
    check_idempotency_key,
    requires,
)

Writes = Annotated[Caller, Depends(requires("integrations:write", bucket="write"))]

_Nothing = Annotated[None, Depends(lambda: None)]
"""The parameter ``if_match`` or ``body`` of a route that does not take it."""


def make_routes(context: PluginContext) -> Routes:
    """Build the route of each action that a plugin carries out; a PATCH route also takes PUT."""
    router = APIRouter(route_class=StrictRoute, tags=["Actions"])
    definitions = context.operations.provided("action")
    # fixed parts come first
    for definition in sorted(definitions, key=lambda definition: definition.path.replace("{", "~")):
        act = _make_function(context.operations, definition)
        options = call_options(definition)
        if location := _location(context.operations, definition):
            options["openapi_extra"][LOCATION] = location
        router.add_api_route(definition.path, act, methods=[definition.method], **options)
        if definition.method == "PATCH":
            put: dict[str, Any] = {
                "operation_id": f"{options['operation_id']}ByPut",
                "description": f"{definition.description}\n\nPUT does what PATCH does: what is absent stays as it is.",
            }
            router.add_api_route(definition.path, act, methods=["PUT"], **(options | put))
    return Routes(router, prefix=CALL_PREFIX)


def _location(operations: Operations, definition: Definition) -> str | None:
    """Return the address of a record that a POST creates; None if no search reads a record below the POST's path."""
    if definition.method != "POST":
        return None
    found = re.compile(rf"{re.escape(definition.path)}/\{{\w+\}}")
    paths = [search.path for search in operations.provided("search") if found.fullmatch(search.path)]
    return f"/api/v1{CALL_PREFIX}{paths[0]}" if paths else None


def _make_function(operations: Operations, definition: Definition) -> Any:
    async def act(
        request: Request,
        caller: Writes,
        body: Any,
        idempotency_key: IdempotencyKey = None,
        if_match: IfMatch = None,
    ) -> Response:
        key = check_idempotency_key(idempotency_key)
        has_body = request.headers.get("content-length", "0") != "0" or "transfer-encoding" in request.headers
        if has_body and not definition.takes_body:
            raise BodyInvalid(
                [FieldError("", "must be left out: everything that this call takes is in its path")]
            )
        sent = {} if body is None else body.root
        if not isinstance(sent, dict):
            raise BodyInvalid([FieldError("", "must be an object")])
        answered = await operations.call(
            definition,
            company_id=caller.company_id,
            key_id=caller.principal.key_id,
            parameters=request.path_params,
            input=sent,
            input_json=b"" if body is None else await request.body(),
            idempotency_key=key,
            if_match=if_match,
        )
        return Response(answered.body, answered.status, media_type="application/json")

    if not definition.takes_if_match:
        act.__annotations__["if_match"] = _Nothing
    if not definition.takes_body:  # a DELETE, all of whose parameters are in its path
        act.__annotations__["body"] = _Nothing
        return act
    model = body_model(definition)
    act.__annotations__["body"] = model  # made at run time, so no type checker could read it in the signature
    if not definition.input.get("properties"):  # n8n sends no body instead of an empty one
        act.__annotations__["body"] = model | None
        act.__defaults__ = (None, *(act.__defaults__ or ()))
    return act
