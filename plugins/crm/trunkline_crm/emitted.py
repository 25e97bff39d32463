"""The events of this plugin, made from its stored records. No I/O."""

from collections.abc import Mapping

from trunkline import EmittedEvent, Json
from trunkline_crm import fields
from trunkline_crm.fields import Row
from trunkline_crm.statuses import Status
from trunkline_crm.times import utc_text


def lead_created(record: Mapping[str, Json], status: Status) -> EmittedEvent:
    """Make the event of a new lead, with its source if it has one."""
    source = _without_nulls({"source": record.get("source")})
    return EmittedEvent(record["company_id"], "lead.created", _client(record, status) | source)


def client_created(record: Mapping[str, Json], status: Status, *, employee_name: str | None) -> EmittedEvent:
    """Make the event of a new client, with its employee if there is one."""
    employee = _without_nulls({"employee_id": record.get("employee_id"), "employee_name": employee_name})
    return EmittedEvent(record["company_id"], "client.created", _client(record, status) | employee)


def status_changed(
    company_id: int, client_id: int, *, previous: Status, new: Status, changed_ms: int, details: Row
) -> EmittedEvent:
    """Make the event of a changed status. *details* has the employee who changed it, and a note, if they are known."""
    payload: Row = {
        "client_id": client_id,
        "previous_status": previous.name,
        "new_status": new.name,
        "changed_date": utc_text(changed_ms),
    }
    return EmittedEvent(company_id, "client.status_changed", payload | _without_nulls(details))


def affiliate_created(record: Mapping[str, Json]) -> EmittedEvent:
    """Make the event of a new affiliate. The event calls the affiliate's id ``employee_id``, as WhiteLabelCRO documents it."""
    payload: Row = {
        "employee_id": record["id"],
        "full_name": fields.full_name(record),
        "email": record["email"],
        "phone": record.get("phone"),
        "is_approved_affiliate": record["is_approved_affiliate"],
        "created_date": utc_text(record["created_ms"]),
    }
    return EmittedEvent(record["company_id"], "affiliate.created", payload)


def _client(record: Mapping[str, Json], status: Status) -> Row:
    return {
        "client_id": record["id"],
        "first_name": record["first_name"],
        "last_name": record["last_name"],
        "email": record["email"],
        "phone": record.get("phone"),
        "status": status.name,
        "status_id": status.status_id,
        "created_date": utc_text(record["created_ms"]),
        "affiliate_id": record.get("affiliate_id"),
    }


def _without_nulls(values: Mapping[str, Json]) -> Row:
    return {name: value for name, value in values.items() if value is not None}
