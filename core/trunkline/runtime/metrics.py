"""The metrics for Prometheus. One registry per hub, so that several can run in one process."""

from collections import Counter as Counts
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence

from msgspec import Struct
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily

from trunkline.runtime.collectors import (
    MERGED_OF_PROCESS,
    CompanyLabels,
    Family,
    Lazy,
    Merging,
    ProcessCollector,
)
from trunkline.runtime.deployment_gauges import GAUGES, DeploymentSnapshot

SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)
_SIZES = (1, 2, 5, 10, 25, 50, 100, 250, 500, 1000)

AttemptKind = tuple[str, str, int, str]
"""Labels of an attempt: channel, event type, company, outcome."""


class Lag(Struct, frozen=True):
    """The lag of one shard behind the head of the log; *seconds* is the age of its oldest unsettled event.

    *live_positions* is the lag of its live reader; it is smaller while a second reader catches up with older events.
    """

    shard: int
    positions: int
    seconds: float
    live_positions: int


class Metrics:
    """All metrics of one hub. Up to *companies* companies get their own label."""

    def __init__(self, *, companies: int = 100) -> None:
        self.registry = CollectorRegistry()
        self.merging: dict[str, Merging] = {**MERGED_OF_PROCESS}
        """How gauges are merged, by name; other metrics are added up."""
        self._gather: Callable[[], Awaitable[bytes]] | None = None
        self._companies = CompanyLabels(companies)
        self._accepted = self._counter("trunkline_events_accepted", "Events stored", "type")
        self._accepted_of_company = self._counter(
            "trunkline_company_events_accepted", "Events stored, by company", "company"
        )
        self._commit_size = self._histogram(
            "trunkline_group_commit_events", "Events stored by one transaction", buckets=_SIZES
        )
        self._not_cast = self._counter(
            "trunkline_events_not_cast",
            "Events that a caster could not turn into the version that was asked for",
            "type",
        )
        self._quarantined = self._counter(
            "trunkline_events_quarantined",
            "Events that were quarantined because they break their schema",
            "type",
        )
        self._warned = self._counter(
            "trunkline_events_warned", "Events that were accepted although they break their schema", "type"
        )
        self._add_attempts()
        self._add_dispatching()
        self._add_lag()
        self._add_deployment()
        self._add_retention()
        self._requests = self._histogram(
            "trunkline_http_request_seconds", "Duration of API calls", "method", "route", "status"
        )
        self._costly_calls = self._counter(
            "trunkline_costly_calls",
            "API calls that held the process for more than 0.1 s",
            "route",
            "company",
        )
        self._dropped = self._lazy(
            CounterMetricFamily,
            "trunkline_notifications_dropped",
            "Calls that a plugin's full queue has lost",
            "plugin",
        )
        self._lines_dropped = self._lazy(
            CounterMetricFamily,
            "trunkline_log_lines_dropped",
            "Log lines that were not written, because nothing read the log",
        )
        ProcessCollector(registry=self.registry)

    def event_not_cast(self, type: str) -> None:
        """Count an event that was served in its stored version because no caster could convert it."""
        self._not_cast.labels(type).inc()

    def _add_attempts(self) -> None:
        self._attempts = self._counter(
            "trunkline_attempts", "Attempts that have ended", "channel", "type", "outcome"
        )
        self._attempts_of_company = self._counter(
            "trunkline_company_attempts", "Attempts that have ended, by company", "company", "outcome"
        )
        self._exhausted = self._counter(
            "trunkline_deliveries_exhausted", "Deliveries whose last retry has failed", "channel", "type"
        )
        self._disabled = self._counter(
            "trunkline_subscriptions_disabled",
            "Subscriptions that were disabled: failing, gone, or unreadable",
            "channel",
            "reason",
        )
        self._attempt_seconds = self._histogram(
            "trunkline_attempt_seconds", "Duration of attempts", "channel"
        )

    def _add_dispatching(self) -> None:
        self._in_flight = self._gauge(
            "trunkline_deliveries_in_flight", "Attempts under way", merged=Merging.SUM
        )
        self._waiting = self._gauge(
            "trunkline_deliveries_waiting",
            "Deliveries in memory that wait for a slot",
            merged=Merging.SUM,
        )
        self._open = self._gauge(
            "trunkline_deliveries_open",
            "Deliveries in memory that a shard's cursor waits for",
            merged=Merging.SUM,
        )
        self._batch_size = self._histogram(
            "trunkline_delivery_batch",
            "Deliveries that a channel was given at once, of those that take batches",
            "channel",
            buckets=_SIZES,
        )
        self._settle_seconds = self._histogram(
            "trunkline_settle_seconds", "Duration of the transaction that settles a batch of deliveries"
        )
        self._settle_size = self._histogram(
            "trunkline_settle_deliveries", "Deliveries settled by one transaction", buckets=_SIZES
        )
        self._put_off = self._lazy(
            CounterMetricFamily,
            "trunkline_attempts_put_off",
            "Attempts that could not be made: this machine had no file, memory, port or thread left",
        )
        self._owned_shards = self._gauge(
            "trunkline_shards_held", "Shards that this process reads", merged=Merging.SUM
        )

        self._certificate_left = self._lazy(
            GaugeMetricFamily,
            "trunkline_target_certificate_seconds",
            "For how long the certificate that ends first, of the targets that this process pushes to, is valid",
        )
        self.merging["trunkline_target_certificate_seconds"] = Merging.LEAST

    def _add_lag(self) -> None:
        self._lag_positions = self._lazy(
            GaugeMetricFamily,
            "trunkline_shard_lag_positions",
            "Positions of the log between the cursor of a shard that this process reads and the head",
            "shard",
        )
        self._live_lag_positions = self._lazy(
            GaugeMetricFamily,
            "trunkline_shard_live_lag_positions",
            "Positions between the live reader of a shard and the head; less than the lag while a backlog is caught up with",
            "shard",
        )
        self._lag_seconds = self._lazy(
            GaugeMetricFamily,
            "trunkline_shard_lag_seconds",
            "Age of the oldest event that is not settled, of a shard that this process reads",
            "shard",
        )

    def _add_deployment(self) -> None:
        told = "Age of the oldest event that a consumer has not committed, of the consumers furthest behind"
        self.consumer_lag = self._lazy(GaugeMetricFamily, "trunkline_consumer_lag_seconds", told, "consumer")
        """The lag of consumers. This metric and the ones below are from the last snapshot, the same in every process."""
        self._database_up = self._gauge(
            "trunkline_database_up",
            "Whether the database answered the last query of its state: 1 or 0",
            merged=Merging.LEAST,
        )
        self._log_writable = self._gauge(
            "trunkline_log_writable",
            "Whether the last append to the log, made or rehearsed by this process, succeeded: 1 or 0",
            merged=Merging.LEAST,
        )
        self._clock_trusted = self._gauge(
            "trunkline_clock_trusted",
            "Whether the database's clock is trusted, so that old rows are removed: 1 or 0",
            merged=Merging.LEAST,
        )
        self._clock_ahead = self._gauge(
            "trunkline_clock_ahead_seconds",
            "How far this machine's clock is ahead of the database's; negative if it is behind",
        )
        self._deployment = {name: self._gauge(*described) for name, described in GAUGES.items()}

    def _add_retention(self) -> None:
        """Add the metrics of retention; the gauges are as of its last round."""
        self._rows_removed = self._counter(
            "trunkline_rows_removed",
            "Rows that retention removed",
            "table",
        )
        self._oldest_position = self._gauge(
            "trunkline_oldest_event_position", "Position of the oldest event that is stored"
        )
        self._oldest_age = self._gauge(
            "trunkline_oldest_event_age_seconds", "Age of the oldest event that is stored"
        )

    def events_accepted(self, events: Sequence[tuple[str, int]]) -> None:
        """Count one transaction that stored *events*, each with its type and its company."""
        for event_type, count in Counts(event_type for event_type, _ in events).items():
            self._accepted.labels(event_type).inc(count)
        for company_id, count in Counts(company_id for _, company_id in events).items():
            self._accepted_of_company.labels(self._companies.label(company_id)).inc(count)
        self._commit_size.observe(len(events))

    def event_quarantined(self, event_type: str) -> None:
        """Count an event that was quarantined."""
        self._quarantined.labels(event_type).inc()

    def event_warned(self, event_type: str) -> None:
        """Count an event that was accepted although it breaks its schema."""
        self._warned.labels(event_type).inc()

    def attempts_ended(self, attempts: Mapping[AttemptKind, Sequence[int]]) -> None:
        """Count settled attempts, each with its duration in milliseconds."""
        for (channel, event_type, company_id, outcome), durations_ms in attempts.items():
            self._attempts.labels(channel, event_type, outcome).inc(len(durations_ms))
            company = self._companies.label(company_id)
            self._attempts_of_company.labels(company, outcome).inc(len(durations_ms))
            observe = self._attempt_seconds.labels(channel).observe
            for duration_ms in durations_ms:
                observe(duration_ms / 1000)

    def delivery_exhausted(self, channel: str, event_type: str) -> None:
        """Count a delivery whose last retry has failed."""
        self._exhausted.labels(channel, event_type).inc()

    def subscription_disabled(self, *, channel: str, reason: str) -> None:
        """Count a subscription that was disabled."""
        self._disabled.labels(channel, reason).inc()

    def batch_began(self, channel: str, deliveries: int) -> None:
        """Count a batch of *deliveries* passed to *channel*."""
        self._batch_size.labels(channel).observe(deliveries)

    def batch_settled(self, deliveries: int, *, seconds: float) -> None:
        """Count one transaction that settled *deliveries*."""
        self._settle_size.observe(deliveries)
        self._settle_seconds.observe(seconds)

    def watch_dispatcher(
        self,
        *,
        in_flight: Callable[[], int],
        waiting: Callable[[], int],
        open: Callable[[], int],
        shards: Callable[[], int],
        put_off: Callable[[], int],
    ) -> None:
        """Read a dispatcher's gauges at each scrape."""
        self._in_flight.set_function(in_flight)
        self._waiting.set_function(waiting)
        self._open.set_function(open)
        self._owned_shards.set_function(shards)
        self._put_off.set_function(lambda: [("", put_off())])

    def watch_lag(self, lags: Callable[[], Iterable[Lag]]) -> None:
        """Read the lag of each shard of this process from *lags* at each scrape."""
        self._lag_positions.set_function(lambda: [(str(lag.shard), lag.positions) for lag in lags()])
        self._live_lag_positions.set_function(
            lambda: [(str(lag.shard), lag.live_positions) for lag in lags()]
        )
        self._lag_seconds.set_function(lambda: [(str(lag.shard), lag.seconds) for lag in lags()])

    def watch_log(self, is_writable: Callable[[], bool]) -> None:
        """Show whether the log can be written; *is_writable* is called at each scrape."""
        self._log_writable.set_function(is_writable)

    def watch_clock(self, is_trusted: Callable[[], bool], ahead_seconds: Callable[[], float]) -> None:
        """Read at each scrape whether the database's clock *is_trusted*, and how far this machine's clock is ahead of it."""
        self._clock_trusted.set_function(is_trusted)
        self._clock_ahead.set_function(ahead_seconds)

    def watch_notifier(self, dropped: Callable[[], Mapping[str, int]]) -> None:
        """Read the number of lost calls of each plugin from *dropped* at each scrape."""
        self._dropped.set_function(lambda: dropped().items())

    def watch_issuers(self, key_ages: Callable[[], Iterable[tuple[str, float]]]) -> None:
        """Read the age in seconds of each issuer's keys from *key_ages* at each scrape."""
        name = "trunkline_issuer_keys_age_seconds"
        told = "How long ago this process read the keys of an issuer of access tokens"
        self._lazy(GaugeMetricFamily, name, told, "issuer").set_function(key_ages)

    def watch_certificates(self, seconds_left: Callable[[], Iterable[float]]) -> None:
        """Read the remaining validity of each target's certificate from *seconds_left* at each scrape."""
        self._certificate_left.set_function(lambda: [("", left) for left in sorted(seconds_left())[:1]])

    def watch_exits(self, exits: Mapping[str, int]) -> None:
        """Read *exits* at each scrape. It counts, by plugin, the exceptions that would have ended the process."""
        told = "Calls in which a plugin raised SystemExit or another error that would have ended the process"
        self._lazy(CounterMetricFamily, "trunkline_plugin_exits", told, "plugin").set_function(exits.items)

    def watch_log_lines(self, dropped: Callable[[], int]) -> None:
        """Read the number of log lines that were not written from *dropped* at each scrape."""
        self._lines_dropped.set_function(lambda: [("", dropped())])

    def deployment_observed(self, snapshot: DeploymentSnapshot) -> None:
        """Set the gauges that are the same in every process."""
        self._database_up.set(1)
        for name, gauge in self._deployment.items():
            gauge.set(getattr(snapshot, name))

    def database_failed(self) -> None:
        """Note that the database did not answer; the other gauges keep their last values."""
        self._database_up.set(0)

    def rows_removed(self, table: str, count: int) -> None:
        """Count *count* rows of *table* that retention removed."""
        if count:
            self._rows_removed.labels(table).inc(count)

    def oldest_event(self, *, position: int, age_seconds: float) -> None:
        """Note the oldest stored event; 0 and 0 if there is none."""
        self._oldest_position.set(position)
        self._oldest_age.set(age_seconds)

    def request_ended(self, *, method: str, route: str, status: int, seconds: float) -> None:
        """Count one API call; *route* is the path's template."""
        self._requests.labels(method, route, str(status)).observe(seconds)

    def call_was_costly(self, *, route: str, company_id: int | None) -> None:
        """Count an API call that held the process for long; *route* is the path's template, *company_id* may be None."""
        company = "none" if company_id is None else self._companies.label(company_id)
        self._costly_calls.labels(route, company).inc()

    def text(self) -> bytes:
        """Write the metrics of this process in Prometheus's text format."""
        return generate_latest(self.registry)

    def gather_with(self, gather: Callable[[], Awaitable[bytes]]) -> None:
        """Use *gather* to collect the metrics of all processes of the command."""
        self._gather = gather

    async def whole(self) -> bytes:
        """Write the metrics of all processes under the same supervisor."""
        return self.text() if self._gather is None else await self._gather()

    def _counter(self, name: str, documentation: str, *labels: str) -> Counter:
        return Counter(name, documentation, labels, registry=self.registry)

    def _gauge(self, name: str, documentation: str, *, merged: Merging = Merging.MOST) -> Gauge:
        """Make a gauge; by default the largest value of the processes is shown."""
        self.merging[name] = merged
        return Gauge(name, documentation, registry=self.registry)

    def _histogram(
        self, name: str, documentation: str, *labels: str, buckets: Sequence[float] = SECONDS
    ) -> Histogram:
        return Histogram(name, documentation, labels, buckets=buckets, registry=self.registry)

    def _lazy(self, kind: type[Family], name: str, documentation: str, *labels: str) -> Lazy:
        if kind is GaugeMetricFamily:
            self.merging[name] = Merging.MOST
        return Lazy(kind, name, documentation, *labels, registry=self.registry)
