"""The state of a deployment, as read from the database, and the gauges that show it."""

from msgspec import Struct, field


class DeploymentSnapshot(Struct, frozen=True):
    """Values read from the database, the same for every process of a deployment, with the name of the gauge of each."""

    head: int = field(name="trunkline_stream_head_position")
    lag_positions: int = field(name="trunkline_stream_lag_positions")
    lag_seconds: float = field(name="trunkline_stream_lag_seconds")
    due: int = field(name="trunkline_deliveries_due")
    oldest_due_seconds: float = field(name="trunkline_deliveries_due_oldest_seconds")
    replays: int = field(name="trunkline_replays_running")
    replay_positions: int = field(name="trunkline_replays_remaining_positions")
    quarantined: int = field(name="trunkline_quarantine_waiting")
    workers: int = field(name="trunkline_workers")
    failing: int = field(default=0, name="trunkline_subscriptions_failing")
