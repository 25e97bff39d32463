"""Reading a call, and the checks that several handlers share."""

from collections.abc import Callable

from sqlalchemy import Table

from trunkline import BodyInvalid, Call, FieldError, NotFound
from trunkline_crm import fields
from trunkline_crm.fields import Row
from trunkline_crm.store import records

NowMs = Callable[[], int]


def id_of(call: Call, name: str) -> int:
    """Return the id named *name* in the call's path or query."""
    return int(call.input[name])


async def locked(call: Call, table: Table, id: int, *, kind: str, with_archived: bool = False) -> Row:
    """Read a record of the call's company, and lock the record until the call ends. Raises NotFound."""
    record = await records.lock(call, table, id, with_archived=with_archived)
    if record is None:
        raise NotFound(kind, id)
    return record


def new_fields(call: Call, rules: fields.Rules) -> Row:
    """Read the fields of a new record. Raises BodyInvalid."""
    return fields.read(call.input, rules, required=call.definition.input.get("required", ()))


async def referred(call: Call, table: Table, id: int | None, *, field: str, kind: str) -> Row | None:
    """Read the record of the call's company that *field* refers to; None if the field is empty. Raises BodyInvalid."""
    if id is None:
        return None
    record = await records.get(call, table, id)
    if record is None:
        where = f"GET /api/v1/integrations/lookups/{kind}s"
        message = f"{id} is not the id of an {kind} of this company; take one from {where}"
        form_message = f"There is no {kind} {id}; choose one from the list"
        raise BodyInvalid([FieldError(f"/{field}", message, form_message)])
    return record


def changed_fields(call: Call, rules: fields.Rules) -> Row:
    """Read the changes of an update. Raises BodyInvalid, also if the update has no field."""
    if not call.input.keys() - call.definition.parameters["properties"].keys():
        known = ", ".join(call.definition.input["properties"])
        message = f"must have at least one field; known fields are {known}"
        raise BodyInvalid([FieldError("", message, "Fill in at least one field to change")])
    return fields.read(call.input, rules)


async def update_person(call: Call, table: Table, record: Row, values: Row, *, now_ms: int) -> Row:
    """Write the changed *values* of the person in *record*; return the new record. Raises BodyInvalid."""
    changes = fields.changed(record, values)
    if not changes:
        return record
    changes |= fields.keys({**record, **changes}) | {"updated_ms": now_ms}
    await records.change(call, table, record["id"], changes)
    return {**record, **changes}
