"""The state of a deployment, as read from the database, and the gauges that show it."""

from msgspec import Struct


class DeploymentSnapshot(Struct, frozen=True):
    """Values read from the database: the same for every process of a deployment."""

    head: int
    lag_positions: int
    lag_seconds: float
    due: int
    oldest_due_seconds: float
    replays: int
    replay_positions: int
    quarantined: int
    workers: int
    failing: int = 0


GAUGES = {
    "head": ("trunkline_stream_head_position", "Position of the newest event"),
    "lag_positions": (
        "trunkline_stream_lag_positions",
        "Positions between the head and the cursor of the shard that is furthest behind, in any process",
    ),
    "lag_seconds": (
        "trunkline_stream_lag_seconds",
        "Age of the oldest event that is not settled, in any process",
    ),
    "due": (
        "trunkline_deliveries_due",
        "Deliveries in the ledger that are due and that no process has claimed; counted up to 10000",
    ),
    "oldest_due_seconds": (
        "trunkline_deliveries_due_oldest_seconds",
        "Seconds for which the oldest of them has been due",
    ),
    "replays": ("trunkline_replays_running", "Replays that run"),
    "replay_positions": (
        "trunkline_replays_remaining_positions",
        "Positions that running replays have not read yet",
    ),
    "quarantined": ("trunkline_quarantine_waiting", "Events in quarantine; up to 10000"),
    "workers": ("trunkline_workers", "Processes that deliver"),
    "failing": ("trunkline_subscriptions_failing", "Active subscriptions that are failing"),
}
"""The gauge of each field of ``DeploymentSnapshot``: its name and its documentation."""
