"""Actions, searches and lookups as an author writes them."""

from collections.abc import Sequence
from typing import Any, assert_type

from sqlalchemy.ext.asyncio import AsyncConnection

from trunkline import (
    Answer,
    Call,
    Definition,
    EmittedEvent,
    FieldError,
    NotFound,
    Operation,
    Outcome,
    PluginContext,
    Refused,
    hookimpl,
)
from trunkline.routes import ProviderFailed


async def create_order(call: Call) -> Answer:
    """Carry out the action."""
    assert_type(call.company_id, int)
    assert_type(call.connection, AsyncConnection | None)
    assert_type(call.definition, Definition)
    assert_type(call.deadline_seconds, float)
    output: dict[str, Any] = {"order_id": 7, **call.input}
    event = EmittedEvent(call.company_id, "order.created", output)
    return Answer(output, events=[event], is_new=False)


async def find_order(call: Call) -> Answer:
    """Carry out the search."""
    if "order_id" not in call.input:
        raise NotFound("order", call.input)
    return Answer({"orders": []})


@hookimpl
def register_operations(context: PluginContext) -> Sequence[Operation]:
    """Give the action, the search and a lookup."""
    return (
        Operation("create_order", create_order, uses_database=False),
        Operation("find_order", find_order),
        Operation("shops", find_order, kind="lookup"),
    )


def read_errors(error: Refused, failure: ProviderFailed) -> tuple[int, str]:
    """Read the attributes of errors."""
    assert_type(error.errors, tuple[FieldError, ...])
    assert_type(error.status, int)
    assert_type(failure.operation, str)
    assert_type(Outcome("retry"), Outcome)
    return error.status, error.detail
