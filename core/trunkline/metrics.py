"""What the hub tells Prometheus. One registry per hub, so that several can live in one process."""

from collections import Counter as Counts
from collections.abc import Sequence

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

from trunkline.dispatch.jobs import Ended, Job
from trunkline.dispatch.places import Places
from trunkline.dispatch.progress import Progress

_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)


class Metrics:
    """Every metric of one hub."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self._accepted = Counter("trunkline_events_accepted", "Events stored", registry=self.registry)
        self._commit_size = Histogram(
            "trunkline_group_commit_events",
            "Events stored by one transaction",
            buckets=(1, 2, 5, 10, 25, 50, 100, 250, 500, 1000),
            registry=self.registry,
        )
        self._attempts = Counter(
            "trunkline_attempts", "Attempts that have ended", ("channel", "outcome"), registry=self.registry
        )
        self._attempt_seconds = Histogram(
            "trunkline_attempt_seconds",
            "How long attempts took",
            ("channel",),
            buckets=_SECONDS,
            registry=self.registry,
        )
        self._in_flight = Gauge(
            "trunkline_deliveries_in_flight", "Attempts under way", registry=self.registry
        )
        self._shards_held = Gauge(
            "trunkline_shards_held", "Shards that this process reads", registry=self.registry
        )
        self._requests = Histogram(
            "trunkline_http_request_seconds",
            "How long API calls took",
            ("method", "route", "status"),
            buckets=_SECONDS,
            registry=self.registry,
        )

    def events_accepted(self, count: int) -> None:
        """Count one transaction that stored *count* events."""
        self._accepted.inc(count)
        self._commit_size.observe(count)

    def attempts_ended(self, ended: Sequence[Ended]) -> None:
        """Count attempts that were settled."""
        counts = Counts((item.job.route.subscription.channel, item.result.outcome) for item in ended)
        for (channel, outcome), count in counts.items():
            self._attempts.labels(channel, outcome).inc(count)
        for channel in {channel for channel, _ in counts}:
            observe = self._attempt_seconds.labels(channel).observe
            for item in ended:
                if item.job.route.subscription.channel == channel:
                    observe(item.duration_ms / 1000)

    def watch_dispatcher(self, *, places: Places[Job], held: dict[int, Progress]) -> None:
        """Read gauges from a dispatcher whenever they are asked for."""
        self._in_flight.set_function(lambda: places.taken)
        self._shards_held.set_function(lambda: len(held))

    def request_ended(self, *, method: str, route: str, status: int, seconds: float) -> None:
        """Count one API call; *route* is the path's template."""
        self._requests.labels(method, route, str(status)).observe(seconds)

    def text(self) -> bytes:
        """Write everything in Prometheus's text format."""
        return generate_latest(self.registry)
