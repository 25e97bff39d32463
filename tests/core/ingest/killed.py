"""A hub that is killed at a fault point: the function of a separate process."""

import asyncio
import os
import signal
import sys
from collections.abc import Mapping

from trunkline import settings
from trunkline.hub.hub import Hub
from trunkline.ingest.accept import Submission
from trunkline.model.events import Draft
from trunkline.store.quarantine import QuarantinedDraft

VALID = b'{"invoice_id":1,"client_id":2,"amount":5,"due_date":"2026-02-01","invoice_status":"Paid"}'


def die_at(point: str, deed: str, environment: Mapping[str, str]) -> None:
    """Accept an event and a quarantined one in one request, or release a quarantined one, and be killed at *point*."""

    def watch(event, arguments):
        if event == "trunkline.fault" and arguments[0] == point:
            os.kill(os.getpid(), signal.SIGKILL)

    asyncio.run(_work(deed, environment, watch))


async def _work(deed, environment, watch):
    async with Hub(settings.load(environment=environment), dispatch=False) as hub:
        good = Draft(92, "invoice.created", "2026-01-28T10:30:00Z", VALID)
        draft = QuarantinedDraft(1, "qtn_1", good, [])
        if deed == "release":
            await hub.ingest.accept(Submission([], quarantined=[draft]))
        sys.addaudithook(watch)
        if deed == "release":
            await hub.quarantine.release("qtn_1", company_id=92)
        else:
            await hub.ingest.accept(Submission([good], 92, "k", b"f" * 32, quarantined=[draft]))
