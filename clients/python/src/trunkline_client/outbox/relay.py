"""The relay: sends the rows of an outbox to the hub in order, so that the hub stores each row once.

**Once.** A batch is fixed in the database (``trunkline_relay``: its idempotency key and its rows) before it is sent. Until
the hub has answered, every relay sends the same rows with the same key. The hub stores them once, and repeats its first answer
for each later request. Rows are removed in the transaction that fixes the next batch.

**After the 24 hours of idempotency.** The hub remembers a key for 24 hours from when it took the batch, which is no
earlier than the first sending. A batch that was first sent more than 20 hours ago (four hours are left for clocks that
differ) is not sent again at once. The relay first searches the hub's events since then for an event whose
``metadata.outbox_key`` is one of the batch's. The hub stores a batch whole or not at all, so one such event shows that
the batch was stored. If there is none, nothing was stored, and the hub will again remember the key for 24 hours. The
search reads a day's events with a filter, and happens only if the hub, or all relays, were away for so long.

**Order.** Only one batch is in flight at a time among all relays, because of the lease in ``rows.py``. A relay that
slept beyond its lease can only repeat the batch, which the hub answers from memory; the relay cannot fix another batch.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import re
import threading
import time
from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING, Any

from sqlalchemy.exc import IntegrityError, SQLAlchemyError

from trunkline_client import steps
from trunkline_client.client import Client
from trunkline_client.errors import HubError, Refused, Unanswered
from trunkline_client.outbox.rows import Batch, Outcome, Rows, blocking_engine
from trunkline_client.outbox.waking import Waker
from trunkline_client.steps import Call
from trunkline_client.wire import write_json

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sqlalchemy import Engine
    from sqlalchemy.engine import URL
    from sqlalchemy.ext.asyncio import AsyncEngine

SAFE_SECONDS = 20 * 3600.0
"""A batch that was first sent longer ago than this is searched for in the hub before it is sent again."""
_LONGEST_PAUSE_SECONDS = 10.0
_KEYS_AT_ONCE = 100
_MOST_IN_A_BATCH = 1000
_AT_FAULT = re.compile(r"/events/(\d+)(/.*)?")
_OF_A_ROW = frozenset({409, 413, 422})
"""Statuses of the answer to a faulty event, even if the answer does not name the event."""
_COMPANY_HEADER = "X-Company-Id"
_log = logging.getLogger("trunkline_client.outbox")


class Relay:
    """Sends the rows of the outbox in *engine*'s database to the hub at *url*, with a key of the scope ``events:write``.

    With the scope ``events:read`` it can also continue after more than a day without the hub. *engine* may also be an
    asyncio engine or a URL; the relay then opens its own connections, by psycopg, pymysql or sqlite3. Start as many
    relays as you like: only one sends at a time; if it dies, another one continues after *lease_seconds*.

    Raises:
        ValueError: *url* is not an HTTP URL, *key* is empty, or *batch* is not 1 to 1,000.
    """

    def __init__(
        self,
        engine: Engine | AsyncEngine | URL | str,
        url: str,
        key: str,
        *,
        batch: int = 1000,
        poll_seconds: float = 1,
        lease_seconds: float = 10,
        timeout_seconds: float = 10,
        safe_seconds: float = SAFE_SECONDS,
    ) -> None:
        if not key:
            msg = "the relay needs a key of the hub, with the scopes events:write and events:read"
            raise ValueError(msg)
        if not 1 <= batch <= _MOST_IN_A_BATCH:
            msg = f"a batch has 1 to {_MOST_IN_A_BATCH} events, not {batch}"
            raise ValueError(msg)
        self._url, self._hub = url, Client(url, key, timeout_seconds=timeout_seconds)
        self._engine = blocking_engine(engine)
        self._at_end = contextlib.ExitStack()
        if self._engine is not engine:
            self._at_end.callback(self._engine.dispose)
        self._rows = Rows(self._engine, lease_seconds=lease_seconds)
        self._batch = batch
        self._poll_seconds = poll_seconds
        self._safe_seconds = safe_seconds
        self._one_by_one = 0
        self._failures = 0
        self._stopping = threading.Event()

    def run(self) -> None:
        """Send rows until ``stop`` is called."""
        waker = Waker(self._engine, self._stopping)
        outcome: Outcome | None = None
        is_told = False
        with self._at_end, self._hub as hub:
            self._at_end.callback(waker.close)
            while not self._stopping.is_set():
                try:
                    with contextlib.suppress(Exception):  # then the relay polls the table
                        waker.listen()
                    batch = None
                    if outcome or is_told or not self._rows.is_empty():
                        batch = self._rows.turn(outcome, limit=1 if self._one_by_one else self._batch)
                    outcome, is_told = None, False
                    if batch is None:
                        is_told = waker.wait(self._poll_seconds)
                    else:
                        outcome = self._send(hub, batch)
                        self._failures = 0
                except IntegrityError:  # noqa: PERF203 - another relay has just made the row that they share
                    continue
                except SQLAlchemyError as error:
                    waker.close()
                    self._pause(
                        "the database of the outbox cannot be used (if its tables are missing, run your migrations or "
                        f"trunkline-relay --create): {error}"
                    )
                except Unanswered as error:
                    self._pause(
                        f"the hub at {self._url} did not take events, which wait: {error}",
                        error.retry_after_seconds,
                    )
                except HubError as error:
                    self._pause(f"the hub at {self._url} refuses the relay, and events wait: {error}")
            try:
                if outcome:
                    self._rows.turn(outcome, limit=0)
                self._rows.let_go()
            except SQLAlchemyError:
                _log.warning(
                    "the outbox was not let go: another relay takes it over when the lease has lapsed"
                )

    async def run_async(self) -> None:
        """Send rows in a thread, until the task is cancelled: ``asyncio.create_task(relay.run_async())``."""
        try:
            await asyncio.to_thread(self.run)
        finally:
            self.stop()

    def start(self) -> threading.Thread:
        """Send rows in a thread that ends with the process, or soon after ``stop``; return the thread."""
        thread = threading.Thread(target=self.run, name="trunkline-relay", daemon=True)
        thread.start()
        return thread

    def stop(self) -> None:
        """End ``run`` after the current call. May be called from any thread."""
        self._stopping.set()

    def _send(self, hub: Client, batch: Batch) -> Outcome:
        """Send *batch*; return its outcome. Raises HubError if the outcome is not known yet."""
        if time.time() - batch.sent_ms / 1000 > self._safe_seconds:
            if self._has_arrived(hub, batch):
                return Outcome(batch)
            self._rows.sent_again(batch)
        body = f'{{"events":[{",".join(batch.events)}]}}'.encode()
        headers = {"Content-Type": "application/json", "Idempotency-Key": batch.key}
        call = Call("POST", "/api/v1/events/batch", body=body, headers=headers)
        try:
            answer = hub.run(steps.request(call, tries=1)).content
        except Refused as error:
            return self._refused(batch, error)
        for kept in answer.get("quarantined", ()):
            _log.error(
                "an event of the outbox breaks its schema, and waits in the hub's quarantine: %s", kept
            )
        self._one_by_one = max(self._one_by_one - 1, 0)
        return Outcome(batch)

    def _refused(self, batch: Batch, error: Refused) -> Outcome:
        """Find the rows that the hub has refused; the other rows are sent again without them.

        Raises *error* if it does not concern a row.
        """
        if error.type.endswith(
            ":idempotency-conflict"
        ):  # the hub stored the batch; rows of it were removed since
            return Outcome(batch)
        reasons: dict[int, list[str]] = {}
        for path, message in error.errors:
            if at := _AT_FAULT.fullmatch(path):
                reasons.setdefault(batch.ids[int(at[1])], []).append(f"{at[2] or 'the event'} {message}")
        if not reasons and error.status not in _OF_A_ROW:
            raise error
        if not reasons and len(batch.ids) == 1:
            reasons[batch.ids[0]] = [str(error)]
        if not reasons:  # send each row separately
            self._one_by_one = len(batch.ids)
        refused = {row_id: "; ".join(said) for row_id, said in reasons.items()}
        for row_id, reason in refused.items():
            event = batch.events[batch.ids.index(row_id)]
            _log.error(
                "the hub refuses row %d of the outbox, which is set aside: %s: %.200s", row_id, reason, event
            )
        return Outcome(batch, is_stored=False, refused=refused)

    def _has_arrived(self, hub: Client, batch: Batch) -> bool:
        """Search the hub for the events of *batch*; return whether it has one of them.

        A company that the hub does not know, is deleting, or keeps from the key has no events to find. If the batch was not stored, the hub
        refuses the company's rows when they are sent.
        """
        keys_of: dict[Any, list[str]] = {}
        for text in batch.events:
            event = json.loads(text)
            keys_of.setdefault(event.get("companyId"), []).append(event["metadata"]["outbox_key"])
        first = datetime.fromtimestamp(batch.sent_ms / 1000, timezone.utc) - timedelta(hours=4)
        for company, keys in keys_of.items():
            headers = {} if company is None else {_COMPANY_HEADER: str(company)}
            for start in range(0, len(keys), _KEYS_AT_ONCE):
                wanted = {"metadata.outbox_key": {"in": keys[start : start + _KEYS_AT_ONCE]}}
                query = {"filter": write_json(wanted).decode(), "limit": "1"}
                try:
                    if any(_pages(hub, query, headers, since=first.isoformat(timespec="milliseconds"))):
                        return True
                except Refused as error:
                    if error.status not in {404, 409} and _COMPANY_HEADER not in dict(error.errors):
                        raise
        return False

    def _pause(self, reason: str, seconds: float | None = None) -> None:
        if not self._failures:
            _log.warning("%s", reason)
        planned = min(0.2 * 2.0 ** min(self._failures, 10), _LONGEST_PAUSE_SECONDS)
        self._failures += 1
        self._stopping.wait(planned if seconds is None else max(seconds, planned))


def _pages(hub: Client, query: dict[str, str], headers: dict[str, str], *, since: str) -> Iterator[list[Any]]:
    """Yield the pages of events from *since* to the end of the log."""
    place = {"since": since}
    while True:
        call = Call("GET", "/api/v1/events", query | place, headers=headers)
        answer = hub.run(steps.request(call, tries=1))
        yield answer.content["events"]
        if "x-paging-cursor" not in answer.headers:
            return
        place = {"cursor": answer.content["next_cursor"]}
