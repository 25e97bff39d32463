"""The tools for actions, searches and lookups."""

import re
from collections.abc import Callable, Mapping, Sequence

from mcp_types import CallToolResult, Tool, ToolAnnotations

from trunkline import Definition, FieldError, Json
from trunkline.routes import Caller, Operations, check_idempotency_key
from trunkline_mcp import schemas
from trunkline_mcp.names import name_tools
from trunkline_mcp.refusals import refuse_arguments
from trunkline_mcp.tools import MAX_ANSWER, READ_ONLY, Arguments, Offered, Run, answered

_READ, _WRITE = "integrations:read", "integrations:write"


def make_tools(operations: Operations, definitions: Sequence[Definition]) -> list[Offered]:
    """Make a tool of each of *definitions*, which have a provider; the tools are named by ``names``."""
    names = name_tools(definitions)
    lookups = {definition.name: definition for definition in definitions if definition.kind == "lookup"}

    def describe_lookup(reference: Json) -> str:
        chosen: Json = {"lookup": reference} if isinstance(reference, str) else reference
        lookup = lookups.get(chosen["lookup"])
        if lookup is None:
            return ""
        value = chosen.get("value") or (lookup.listed.value if lookup.listed else "")
        filters = chosen.get("where", {}).items()
        where = " and ".join(f"{name} is {str(wanted).lower()}" for name, wanted in filters)
        return f"Take {value} from {names['lookup', lookup.name]}{f', where {where}' if where else ''}."

    # a search replaces the lookup of its name
    by_name = {names[one.kind, one.name]: one for one in reversed(definitions)}
    titles = {one.title: name for name, one in by_name.items() if " " in one.title}
    routes: dict[tuple[str, str], str] = {
        (one.method, schemas.path_of(one)): name for name, one in by_name.items() if one.kind != "lookup"
    }
    return [
        _make_tool(operations, definition, name, describe_lookup, routes=routes, titles=titles)
        for name, definition in reversed(by_name.items())
    ]


def _make_tool(
    operations: Operations,
    definition: Definition,
    name: str,
    describe_lookup: Callable[[Json], str],
    *,
    routes: Mapping[tuple[str, str], str],
    titles: Mapping[str, str],
) -> Offered:
    is_action = definition.kind == "action"
    described = definition.description
    for title, other in titles.items():
        described = re.sub(rf"\b{re.escape(title)}\b", other, described)
    if definition.kind == "lookup":
        others = "Only to choose a value for another tool."
    else:
        others = schemas.describe_others(definition, routes)
    sentences = (described, schemas.describe_choice(definition), others)
    changes = definition.method != "POST"  # a POST makes something new, every other method overwrites
    hints = ToolAnnotations(
        read_only_hint=False, destructive_hint=changes, idempotent_hint=changes, open_world_hint=False
    )
    tool = Tool(
        name=name,
        title=definition.title,
        description=" ".join(filter(None, sentences)),
        input_schema=schemas.input_schema(definition, describe_lookup=describe_lookup),
        output_schema=schemas.output_schema(definition),
        annotations=hints if is_action else READ_ONLY,
    )
    run = _make_run(operations, definition)
    return Offered(tool, _WRITE if is_action else _READ, run, writes=is_action)


def _make_run(operations: Operations, definition: Definition) -> Run:
    """Make the function that carries out a call in the same way as the HTTP route of the operation does."""

    async def run(caller: Caller, arguments: Arguments, written: bytes) -> CallToolResult:
        own = dict(arguments)
        key = own.pop(schemas.IDEMPOTENCY_KEY, None) if schemas.takes_key(definition) else None
        if not isinstance(key, str | None):
            return refuse_arguments((FieldError(schemas.IDEMPOTENCY_KEY, "must be a string"),))
        in_path = definition.parameters.get("properties", {})
        parameters = {name: own.pop(name) for name in in_path if name in own}
        if definition.kind != "action":  # a query cannot contain null as a body can
            own = {name: value for name, value in own.items() if value is not None}

        async def carry_out(**changed: Json) -> bytes:
            done = await operations.call(
                definition,
                company_id=caller.company_id,
                key_id=caller.principal.key_id,
                parameters=parameters,
                input={**own, **changed},
                input_json=b"" if changed else written,
                idempotency_key=check_idempotency_key(key),
            )
            return done.body

        body = await carry_out()
        if definition.is_paged and len(body) > MAX_ANSWER:
            asked = own.get("limit") or definition.input["properties"].get("limit", {}).get("default") or 50
            body = await carry_out(limit=max(1, asked * MAX_ANSWER // len(body)))
            if len(body) > MAX_ANSWER:
                body = await carry_out(limit=1)
        return answered(body)

    return run
