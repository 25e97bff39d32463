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
    "head": "trunkline_stream_head_position",
    "lag_positions": "trunkline_stream_lag_positions",
    "lag_seconds": "trunkline_stream_lag_seconds",
    "due": "trunkline_deliveries_due",
    "oldest_due_seconds": "trunkline_deliveries_due_oldest_seconds",
    "replays": "trunkline_replays_running",
    "replay_positions": "trunkline_replays_remaining_positions",
    "quarantined": "trunkline_quarantine_waiting",
    "workers": "trunkline_workers",
    "failing": "trunkline_subscriptions_failing",
}
"""The gauge of each field of ``DeploymentSnapshot``."""
