"""What these worlds have found and the hub does not mend yet, mended here, so that the search goes on behind it.

Each has a test that is expected to fail on the hub as it is (``test_simulation``); when it passes, its part here can go.
"""

from dataclasses import replace

from trunkline.dispatch import leases, reports, settlement
from trunkline.store import shards as shard_store
from trunkline.store import subscriptions


def mend_handover(patch):
    """A shard that is given back is let go of before its lease is: no page that is on its way is taken up any more."""

    async def give_back(self, surplus):
        ordered = sorted(self._held.values(), key=lambda p: (not p.draining, -p.lease.shard))
        for progress in ordered:
            progress.draining = False
        for progress in ordered[:surplus]:
            progress.draining = True
        done = [p for p in ordered[:surplus] if p.is_settled and p.cursor == p.written]
        for progress in done:
            progress.lost = True
            self._held.pop(progress.lease.shard, None)
        if done:
            async with self._database.write() as connection:
                await shard_store.release(connection, self._worker, [p.lease for p in done])
            reports.shards_changed("gave back", self._worker, sorted(p.lease.shard for p in done))

    patch.setattr(leases.Leases, "_give_back", give_back)


def mend_resuming(patch):
    """A subscription never resumes before where it began, however far behind its shard is when it is stopped."""
    update, disable = subscriptions.update, subscriptions.disable

    async def updated(connection, no, changes, *, from_head=False):
        if changes.get("resume_position") is not None:
            began = connection.get("subscriptions", no)["start_position"]
            changes = {**changes, "resume_position": max(changes["resume_position"], began)}
        return await update(connection, no, changes, from_head=from_head)

    async def disabled(connection, no, *, reason, resume_position):
        began = connection.get("subscriptions", no)["start_position"]
        return await disable(connection, no, reason=reason, resume_position=max(resume_position, began))

    patch.setattr(subscriptions, "update", updated)
    patch.setattr(subscriptions, "disable", disabled)


def mend_log(patch):
    """Where one batch ends two claims of one delivery, only the attempt of the newer one can be logged."""
    store = settlement.Settlement._store

    async def stored(self, connection, batch, held, cursors):
        newest = {}
        for s in batch.claimed:
            key = (s.position, s.subscription_no)
            newest[key] = max(newest.get(key, 0), s.claim)
        claimed = [e.job for e in batch.ended if e.job.claim or e.job.progress is None]
        pairs = zip(claimed, batch.claimed_attempts, strict=True)
        kept = replace(
            batch,
            claimed=[s for s in batch.claimed if s.claim == newest[s.position, s.subscription_no]],
            claimed_attempts=[a for job, a in pairs if job.claim == newest[a.position, a.subscription_no]],
        )
        return await store(self, connection, kept, held, cursors)

    patch.setattr(settlement.Settlement, "_store", stored)


ALL = (mend_handover, mend_resuming, mend_log)
