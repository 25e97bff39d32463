"""Notes on leads and clients."""

from dataclasses import dataclass

from trunkline import Answer, Call, NotFound
from trunkline_crm import fields
from trunkline_crm.calls import NowMs, connection_of, id_of, required_of
from trunkline_crm.fields import Row
from trunkline_crm.store import records, tables
from trunkline_crm.times import utc_text


@dataclass(frozen=True, slots=True)
class NoteActions:
    """The actions on notes; *now_ms* is the clock."""

    now_ms: NowMs

    async def add_client_note(self, call: Call) -> Answer:
        """Put a note on a record, be it a lead's or a client's; nobody outside sees it unless the call says so."""
        connection, client_id = connection_of(call), id_of(call, "client_id")
        if await records.get(connection, tables.clients, call.company_id, client_id) is None:
            raise NotFound("client", client_id)
        row: Row = {
            "visibility": "internal",
            **fields.read(call.input, fields.NOTE, required=required_of(call)),
            "company_id": call.company_id,
            "client_id": client_id,
            "created_ms": self.now_ms(),
        }
        note, is_new = await records.insert_once(connection, tables.notes, row)
        output = {"client_note_id": note["id"], "created_utc": utc_text(note["created_ms"])}
        return Answer(output, is_new=is_new)
