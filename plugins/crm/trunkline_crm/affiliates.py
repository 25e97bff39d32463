"""Affiliates: people who refer leads."""

from msgspec import Struct

from trunkline import Answer, Call
from trunkline_crm import emitted, fields, shown
from trunkline_crm.calls import NowMs, changed_fields, id_of, locked, new_fields, update_person
from trunkline_crm.fields import Row
from trunkline_crm.store import records, tables


class AffiliateActions(Struct, frozen=True):
    """The actions on affiliates; *now_ms* is the clock."""

    now_ms: NowMs

    async def create_affiliate(self, call: Call) -> Answer:
        """Make an affiliate that is not approved."""
        now_ms = self.now_ms()
        row = new_fields(call, fields.AFFILIATE)
        columns: Row = {
            **row,
            **fields.keys(row),
            "is_approved_affiliate": False,
            "created_ms": now_ms,
            "updated_ms": now_ms,
        }
        record, is_new = await records.insert_once(call, tables.affiliates, columns)
        events = [emitted.affiliate_created(record)] if is_new else []
        return Answer(shown.affiliate(record), events, is_new=is_new)

    async def update_affiliate(self, call: Call) -> Answer:
        """Change the fields of an affiliate, including the approval."""
        record = await locked(call, tables.affiliates, id_of(call, "affiliate_id"), kind="affiliate")
        call.check_state(shown.affiliate(record))
        changes = changed_fields(call, fields.AFFILIATE)
        updated = await update_person(call, tables.affiliates, record, changes, now_ms=self.now_ms())
        return Answer({"success": True, **shown.affiliate(updated)})
