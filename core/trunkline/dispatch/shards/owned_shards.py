"""The shards and parts of shards that one worker owns, with the progress of each. No I/O."""

import time

from trunkline.dispatch.shards.progress import Progress
from trunkline.model import parts
from trunkline.model.events import shard_of
from trunkline.model.parts import Slice


class OwnedShards:
    """A worker's identity and its shards. The leases add and remove shards, the other parts read them.

    *total* is the number of all shards of the log.
    """

    __slots__ = ("alive_until", "progress", "resting_until", "total", "worker")

    def __init__(self, worker: str, total: int) -> None:
        self.worker = worker
        self.total = total
        self.progress: dict[Slice, Progress] = {}
        self.alive_until = 0.0
        """Until when (monotonic seconds) it is certain that other workers count this worker as alive."""
        self.resting_until = 0.0
        """Until when (monotonic seconds) this worker claims nothing, because one of its parts failed."""

    def of(self, company_id: int, subscription_no: int) -> Progress | None:
        """Return the progress of the slice to which a subscription belongs; None if this worker does not own it."""
        return parts.find(self.progress, shard_of(company_id, self.total), subscription_no)

    @property
    def is_leaving(self) -> bool:
        """Whether any shard is about to be given away or divided."""
        return any(progress.draining for progress in self.progress.values())

    @property
    def is_resting(self) -> bool:
        """Whether this worker claims nothing for now."""
        return time.monotonic() < self.resting_until

    @property
    def is_alive(self) -> bool:
        """Whether other workers still count this worker as alive, so that none of them frees its claims."""
        return time.monotonic() < self.alive_until
