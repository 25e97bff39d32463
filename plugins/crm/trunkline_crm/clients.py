"""Leads and clients: one kind of record, which actions make, change, and move from status to status.

Everything runs in the transaction of the call's connection; a record is locked before it is read and changed.
"""

from msgspec import Struct

from trunkline import Answer, Call, EmittedEvent, NotFound
from trunkline_crm import emitted, fields, shown
from trunkline_crm import statuses as rules
from trunkline_crm.calls import NowMs, changed_fields, id_of, locked, new_fields, referred, update_person
from trunkline_crm.fields import Row
from trunkline_crm.statuses import Status
from trunkline_crm.store import reading, records, tables
from trunkline_crm.store import statuses as status_store
from trunkline_crm.times import utc_text


class ClientActions(Struct, frozen=True):
    """The actions on leads and clients; *now_ms* is the clock."""

    now_ms: NowMs

    async def create_lead(self, call: Call) -> Answer:
        """Make a lead with the first lead status."""
        row = new_fields(call, fields.CLIENT)
        await _references(call, row)
        statuses = await status_store.ensured(call)
        status = rules.choose(statuses, name=rules.NEW_LEAD.name, status_id=None, field="status")
        record, is_new = await self._store(call, row, status)
        events = [emitted.lead_created(record, status)] if is_new else []
        return Answer(await _shown(call, record), events, is_new=is_new)

    async def create_client(self, call: Call) -> Answer:
        """Make a client with a status that is not a lead status."""
        row = new_fields(call, fields.CLIENT)
        employee_name = await _references(call, row)
        statuses = await status_store.ensured(call)
        chosen = fields.read(call.input, fields.STATUS_CHANGE)
        name, number = chosen.get("status"), chosen.get("status_id")
        if name is None and number is None:
            name = rules.NEW_CLIENT.name
        status = rules.choose(statuses, name=name, status_id=number, field="status", leads=False)
        record, is_new = await self._store(call, row, status)
        events = [emitted.client_created(record, status, employee_name=employee_name)] if is_new else []
        return Answer(await _shown(call, record), events, is_new=is_new)

    async def update_lead(self, call: Call) -> Answer:
        """Change the fields of a lead."""
        record, _, _ = await _lead(call)
        return await self._update(call, record)

    async def update_client(self, call: Call) -> Answer:
        """Change the fields of a client or a lead."""
        record = await _locked(call, kind="client")
        return await self._update(call, record)

    async def update_lead_status(self, call: Call) -> Answer:
        """Move a lead to another of the company's lead statuses."""
        record, current, statuses = await _lead(call)
        return await self._move(call, record, current, statuses, leads=True)

    async def update_client_status(self, call: Call) -> Answer:
        """Move a lead or a client to any of the company's statuses; this is how a lead becomes a client."""
        record, current, statuses = await _with_status(call, kind="client")
        return await self._move(call, record, current, statuses)

    async def archive_client(self, call: Call) -> Answer:
        """Archive a client or a lead: all calls ignore the record, and its external_id can be used again."""
        record, now_ms = await _locked(call, kind="client"), self.now_ms()
        changes = {"archived_ms": now_ms, "updated_ms": now_ms}
        await records.change(call, tables.clients, record["id"], changes)
        return Answer({"success": True, "client_id": record["id"], "archived_utc": utc_text(now_ms)})

    async def restore_client(self, call: Call) -> Answer:
        """Restore an archived record unchanged; a record that is not archived stays as it is.

        Raises:
            BodyInvalid: another record has taken its external_id.
        """
        record = await locked(
            call, tables.clients, id_of(call, "client_id"), kind="client", with_archived=True
        )
        if record["archived_ms"] is not None:
            back = {"archived_ms": None, "updated_ms": self.now_ms(), "external_id": record["external_id"]}
            await records.change(call, tables.clients, record["id"], back)
            record |= back
        return Answer({"success": True, **await _shown(call, record)})

    async def _store(self, call: Call, row: Row, status: Status) -> tuple[Row, bool]:
        """Store a record unless its external_id is taken; return the record with it, and whether it was made now."""
        now_ms = self.now_ms()
        record: Row = {
            **row,
            **fields.keys(row),
            "status_id": status.status_id,
            "created_ms": now_ms,
            "updated_ms": now_ms,
        }
        return await records.insert_once(call, tables.clients, record)

    async def _update(self, call: Call, record: Row) -> Answer:
        changes = changed_fields(call, fields.CLIENT)
        await _references(call, changes)
        await update_person(call, tables.clients, record, changes, now_ms=self.now_ms())
        return Answer({"success": True, **await _shown(call, record)})

    async def _move(
        self, call: Call, record: Row, current: Status, statuses: list[Status], *, leads: bool | None = None
    ) -> Answer:
        request = fields.read(call.input, fields.STATUS_CHANGE)
        name, number = request.get("new_status"), request.get("new_status_id")
        new = rules.choose(statuses, name=name, status_id=number, field="new_status", leads=leads)
        changer = request.get("changed_by_employee_id")
        await referred(call, tables.employees, changer, field="changed_by_employee_id", kind="employee")
        events: list[EmittedEvent] = []
        if new != current:
            now_ms = self.now_ms()
            changes = {"status_id": new.status_id, "updated_ms": now_ms}
            await records.change(call, tables.clients, record["id"], changes)
            details = {"changed_by_employee_id": changer, "status_note": request.get("status_note")}
            event = emitted.status_changed(
                call.company_id, record["id"], previous=current, new=new, changed_ms=now_ms, details=details
            )
            events.append(event)
        move = {"previous_status": current.name, "new_status": new.name}
        return Answer({**move, **await _shown(call, record)}, events)


async def _locked(call: Call, *, kind: str) -> Row:
    """Lock the record that the call names, and check that the record still has the state in the call's ``if_match``."""
    record = await locked(call, tables.clients, id_of(call, "client_id"), kind=kind)
    if call.if_match is not None:
        call.check_state(await _shown(call, record))
    return record


async def _with_status(call: Call, *, kind: str) -> tuple[Row, Status, list[Status]]:
    """Lock the record that the call names; return the record, its status, and all statuses of the company."""
    record = await _locked(call, kind=kind)
    statuses = await status_store.of_company(call)
    return record, next(status for status in statuses if status.status_id == record["status_id"]), statuses


async def _lead(call: Call) -> tuple[Row, Status, list[Status]]:
    """Lock the lead that the call names. Raises NotFound for a client."""
    record, current, statuses = await _with_status(call, kind="lead")
    if not current.is_lead:
        raise NotFound("lead", record["id"])
    return record, current, statuses


async def _references(call: Call, row: Row) -> str | None:
    """Check the employee and the affiliate that *row* names; return the employee's name."""
    affiliate_id, employee_id = row.get("affiliate_id"), row.get("employee_id")
    await referred(call, tables.affiliates, affiliate_id, field="affiliate_id", kind="affiliate")
    employee = await referred(call, tables.employees, employee_id, field="employee_id", kind="employee")
    return None if employee is None else employee["full_name"]


async def _shown(call: Call, record: Row) -> Row:
    """Return a record as it is stored now, with the names of the records that it refers to."""
    whole = await reading.find_client(call, {"id": record["id"]}, leads_only=False)
    assert whole is not None, "the record was stored, or locked, in this transaction"
    return shown.client(whole)
