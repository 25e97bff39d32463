"""The shards and parts of shards that one worker owns, and how far each is. No I/O."""

import time

from trunkline.dispatch.shards.progress import Progress
from trunkline.model import parts
from trunkline.model.events import shard_of
from trunkline.model.parts import Slice


class OwnedShards:
    """A worker's identity and its shards: the leases add and remove them, the other parts read them.

    *total* is how many shards the log has, whoever owns them.
    """

    __slots__ = ("alive_until", "progress", "resting_until", "total", "worker")

    def __init__(self, worker: str, total: int) -> None:
        self.worker = worker
        self.total = total
        self.progress: dict[Slice, Progress] = {}
        self.alive_until = 0.0
        """Monotonic seconds until which the other workers surely count this one as alive."""
        self.resting_until = 0.0
        """Monotonic seconds until which this worker takes nothing, as a part of it has failed."""

    def of(self, company_id: int, subscription_no: int) -> Progress | None:
        """Find how far a subscription of a company is; None where it is another worker's."""
        return parts.find(self.progress, shard_of(company_id, self.total), subscription_no)

    @property
    def is_leaving(self) -> bool:
        """Whether it has something that is to be given away, or divided."""
        return any(progress.draining for progress in self.progress.values())

    @property
    def is_resting(self) -> bool:
        """Whether this worker takes nothing for now."""
        return time.monotonic() < self.resting_until

    @property
    def is_alive(self) -> bool:
        """Whether the other workers still count this one as alive, so that nobody frees what it claims."""
        return time.monotonic() < self.alive_until
