"""Searches by key, for find-or-create. A search returns the oldest match, if there is one."""

from trunkline import Answer, Call
from trunkline_crm import fields, phones, shown
from trunkline_crm.fields import Row
from trunkline_crm.store import reading


async def find_client(call: Call) -> Answer:
    """Find a client or a lead."""
    return await _find(call, leads_only=False)


async def find_lead(call: Call) -> Answer:
    """Find a record with a lead status."""
    return await _find(call, leads_only=True)


async def _find(call: Call, *, leads_only: bool) -> Answer:
    conditions: Row = {}
    if "client_id" in call.input:
        conditions["id"] = int(call.input["client_id"])
    if "external_id" in call.input:
        conditions["external_id"] = call.input["external_id"].strip()
    if "email" in call.input:
        conditions["email_key"] = fields.folded(call.input["email"])
    if "phone" in call.input:  # an invalid phone number matches no record
        conditions["phone_digits"] = phones.digits_of(call.input["phone"]) or ""
    record = await reading.find_client(call, conditions, leads_only=leads_only)
    results = [] if record is None else [shown.client(record)]
    return Answer({"results": results, "count": len(results)})
