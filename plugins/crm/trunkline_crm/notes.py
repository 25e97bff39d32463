"""Notes on leads and clients."""

from msgspec import Struct

from trunkline import Answer, Call, NotFound
from trunkline_crm import fields, shown
from trunkline_crm.calls import NowMs, id_of, locked, new_fields
from trunkline_crm.fields import Row
from trunkline_crm.store import records, tables


class NoteActions(Struct, frozen=True):
    """The actions on notes; *now_ms* is the clock."""

    now_ms: NowMs

    async def add_client_note(self, call: Call) -> Answer:
        """Add a note to a lead or a client. The note is internal unless the call says otherwise."""
        client_id = id_of(call, "client_id")
        await _demand_client(call, client_id)
        row: Row = {
            "visibility": "internal",
            **new_fields(call, fields.NOTE),
            "client_id": client_id,
            "created_ms": self.now_ms(),
        }
        note, is_new = await records.insert_once(call, tables.notes, row)
        return Answer(shown.note(note), is_new=is_new)

    async def delete_client_note(self, call: Call) -> Answer:
        """Delete a note of a lead or a client."""
        client_id, note_id = id_of(call, "client_id"), id_of(call, "client_note_id")
        await _demand_client(call, client_id)
        note = await locked(call, tables.notes, note_id, kind="client note")
        if note["client_id"] != client_id:
            raise NotFound("client note", note_id)
        await records.remove(call, tables.notes, note_id)
        return Answer({"success": True, "client_id": client_id, "client_note_id": note_id})


async def _demand_client(call: Call, client_id: int) -> None:
    """Raise NotFound if the company has no such lead or client."""
    if await records.get(call, tables.clients, client_id) is None:
        raise NotFound("client", client_id)
