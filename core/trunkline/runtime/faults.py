"""Fault points: named places in the code at which the crash matrix kills a process. They have no effect by themselves.

Passing one raises Python's audit event ``trunkline.fault`` with the point's name (PEP 578). Nobody listens in a deployment,
and then it costs about 60 ns; the crash matrix installs a hook that kills the process there (``tests/reliability/crash``).
"""

import sys

EVENT = "trunkline.fault"

POINTS = {
    "accept.before_reserve": "in the transaction of the append, before the log's lock is taken",
    "accept.after_reserve": "positions are reserved, the log's lock is held",
    "accept.after_insert": "the events are inserted, their idempotency keys are not",
    "accept.before_commit": "events and idempotency keys are written, not yet committed",
    "accept.after_commit": "committed, and nobody has been told",
    "accept.before_answer": "sleepers are woken, the requests have no answer yet",
    "accept.after_answer": "the answer has gone out",
    "action.before_run": "an action is allowed, its idempotency key is taken, nothing else is written",
    "action.after_run": "the records are written, the answer and the events are not",
    "action.before_append": "records and answer are written, the events are not",
    "action.before_commit": "records, answer and events are written, not yet committed",
    "action.after_commit": "the action is committed, and nobody has been told",
    "read.after_head": "the dispatcher knows the head of the log",
    "read.after_refresh": "the routing table is new",
    "read.after_page": "a page of the log is read, nothing of it is matched",
    "read.after_hand_over": "every delivery of the page is in hand, the cursor has not moved",
    "deliver.before_attempt": "a delivery has its slot, its request has not gone out",
    "deliver.after_attempt": "the target has answered, the result is not noted",
    "deliver.after_result": "the result waits in memory for the next settlement",
    "deliver.after_defer": "deliveries that take long are about to get their row",
    "settle.before_transaction": "a batch is planned, its transaction has not begun",
    "settle.after_advance": "the cursors have moved, the ledger has not",
    "settle.after_streaks": "failures in a row are counted, the ledger has not changed",
    "settle.after_record": "new deliveries are in the ledger, claims are not ended",
    "settle.after_claims": "claims are ended, no attempt is logged",
    "settle.after_arrange": "the next deliveries of their keys have their turn, not yet committed",
    "settle.before_commit": "a batch is written, not yet committed",
    "settle.after_commit": "a batch is committed, memory does not know it",
    "retry.before_claim": "deliveries are due, none is claimed",
    "retry.after_claim": "deliveries are claimed, not yet committed",
    "retry.after_claim_commit": "claims are committed, their events are not read",
    "retry.before_start": "claims are in hand, none has begun",
    "retry.after_start": "claims have begun",
    "order.before_claim": "it is the turn of deliveries that are in an order, none is claimed",
    "order.after_claim": "they and what is behind them are claimed, not yet committed",
    "order.after_claim_commit": "the claims are committed, their events are not read",
    "order.after_start": "the first of each key have begun",
    "order.after_put_back": "what waits behind a failed delivery is about to be held in the ledger",
    "pace.before_claim": "deliveries with a pace are due and may begin soon, none is claimed",
    "pace.after_claim": "they are claimed, not yet committed",
    "pace.after_claim_commit": "the claims are committed, their events are not read",
    "pace.after_start": "they wait for their gate, or have begun",
    "replay.after_begin": "a replay is written, the change that asked for it is not committed",
    "replay.before_take": "a replay runs, nobody has taken its next step",
    "replay.after_take": "a replay is locked for a step",
    "replay.after_make_due": "a page of it is due, its position has not moved",
    "replay.before_commit": "a step is written, not yet committed",
    "replay.after_commit": "a step is committed, and nothing of it has begun",
    "replay.after_withdraw": "deliveries of a cancelled replay are taken back, not yet committed",
    "renew.before_commit": "a subscription is made, or renewed, by its holder, not yet committed",
    "renew.after_commit": "it is committed, and its holder has not been told",
    "lapse.after_disable": "a subscription that nobody renewed is disabled, what is open of it has not ended",
    "lapse.before_commit": "what was open of those that lapsed has ended, not yet committed",
    "lapse.after_commit": "they have ended, and no plugin has been told",
    "gap.after_tell": "a receiver has been told that events are left out, and it is not noted",
    "erase.after_claim": "a process has taken the erasure of a company, and removed nothing",
    "erase.after_remove": "a piece of the company is removed, and not counted",
    "erase.before_commit": "the piece is counted, or the erasure ended, not yet committed",
    "erase.after_commit": "a piece is committed, the next has not begun",
    "lease.after_heartbeat": "a worker is noted as alive, its leases are not prolonged",
    "lease.after_renew_commit": "leases are prolonged, memory does not know it",
    "lease.after_claim": "shards are taken, not yet committed",
    "lease.after_claim_commit": "shards are taken, their ledger is not read",
    "lease.after_release": "shards are given back to another worker, not yet committed",
    "lease.after_release_commit": "shards are given back, memory does not know it",
    "lease.before_leave": "a stopping worker has settled everything and still holds its shards",
    "lease.after_leave": "a stopping worker has given everything back",
    "migrate.before": "the lock of the migration is held, nothing has changed",
    "migrate.after_history": "one history is applied, others and the first rows are not",
    "migrate.before_commit": "the schema is new and furnished, not yet committed",
    "migrate.after_commit": "the schema is committed, the hub has not started",
}
"""Every point, with the state at that moment."""


def point(name: str) -> None:
    """Pass the fault point *name*."""
    sys.audit(EVENT, name)
