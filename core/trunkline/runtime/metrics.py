"""The metrics for Prometheus. One registry per hub, so that several can run in one process."""

from collections import Counter as Counts
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence

from msgspec import Struct, field, structs
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, ProcessCollector, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily

from trunkline.runtime.collectors import MERGED_OF_PROCESS, CompanyLabels, Lazy, Merging, Samples

SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)
_BUCKETS: Mapping[str, Sequence[float]] = {
    "seconds": SECONDS,
    "sizes": (1, 2, 5, 10, 25, 50, 100, 250, 500, 1000),
}
_TABLE = """
trunkline_events_accepted                counter       type                  Events stored
trunkline_company_events_accepted        counter       company               Events stored, by company
trunkline_group_commit_events            sizes         -                     Events stored by one transaction
trunkline_events_not_cast                counter       type                  Events that a caster could not turn into the version that was asked for
trunkline_events_quarantined             counter       type                  Events that were quarantined because they break their schema
trunkline_events_warned                  counter       type                  Events that were accepted although they break their schema
trunkline_attempts                       counter       channel,type,outcome  Attempts that have ended
trunkline_company_attempts               counter       company,outcome       Attempts that have ended, by company
trunkline_deliveries_exhausted           counter       channel,type          Deliveries whose last retry has failed
trunkline_subscriptions_disabled         counter       channel,reason        Subscriptions that were disabled: failing, gone, or unreadable
trunkline_attempt_seconds                seconds       channel               Duration of attempts
trunkline_deliveries_in_flight           sum           -                     Attempts under way
trunkline_deliveries_waiting             sum           -                     Deliveries in memory that wait for a slot
trunkline_deliveries_open                sum           -                     Deliveries in memory that a shard's cursor waits for
trunkline_delivery_batch                 sizes         channel               Deliveries in each batch that a channel got
trunkline_settle_seconds                 seconds       -                     Duration of the transaction that settles a batch of deliveries
trunkline_settle_deliveries              sizes         -                     Deliveries settled by one transaction
trunkline_attempts_put_off               read-counter  -                     Attempts that could not be made: this machine had no file, memory, port or thread left
trunkline_shards_held                    sum           -                     Shards that this process reads
trunkline_target_certificate_seconds     read-min      -                     For how long the certificate that ends first, of the targets that this process pushes to, is valid
trunkline_shard_lag_positions            read-max      shard                 Positions of the log between the cursor of a shard that this process reads and the head
trunkline_shard_live_lag_positions       read-max      shard                 Positions between the live reader of a shard and the head; less than the lag while a backlog is caught up with
trunkline_shard_lag_seconds              read-max      shard                 Age of the oldest event that is not settled, of a shard that this process reads
trunkline_consumer_lag_seconds           read-max      consumer              Age of the oldest event that a consumer has not committed, of the consumers furthest behind
trunkline_database_up                    min           -                     Whether the database answered the last query of its state: 1 or 0
trunkline_log_writable                   min           -                     Whether the last append to the log, made or rehearsed by this process, succeeded: 1 or 0
trunkline_clock_trusted                  min           -                     Whether the database's clock is trusted, so that old rows are removed: 1 or 0
trunkline_clock_ahead_seconds            max           -                     How far this machine's clock is ahead of the database's; negative if it is behind
trunkline_stream_head_position           max           -                     Position of the newest event
trunkline_stream_lag_positions           max           -                     Positions between the head and the cursor of the shard that is furthest behind, in any process
trunkline_stream_lag_seconds             max           -                     Age of the oldest event that is not settled, in any process
trunkline_deliveries_due                 max           -                     Deliveries in the ledger that are due and that no process has claimed; counted up to 10000
trunkline_deliveries_due_oldest_seconds  max           -                     Seconds for which the oldest of them has been due
trunkline_replays_running                max           -                     Replays that run
trunkline_replays_remaining_positions    max           -                     Positions that running replays have not read yet
trunkline_quarantine_waiting             max           -                     Events in quarantine; up to 10000
trunkline_workers                        max           -                     Processes that deliver
trunkline_subscriptions_failing          max           -                     Active subscriptions that are failing
trunkline_rows_removed                   counter       table                 Rows that retention removed
trunkline_oldest_event_position          max           -                     Position of the oldest event that is stored
trunkline_oldest_event_age_seconds       max           -                     Age of the oldest event that is stored
trunkline_http_request_seconds           seconds       method,route,status   Duration of API calls
trunkline_costly_calls                   counter       route,company         API calls that held the process for more than 0.1 s
trunkline_notifications_dropped          read-counter  plugin                Calls that a plugin's full queue has lost
trunkline_log_lines_dropped              read-counter  -                     Log lines that were not written, because nothing read the log
trunkline_plugin_exits                   read-counter  plugin                Calls in which a plugin raised SystemExit or another error that would have ended the process
trunkline_issuer_keys_age_seconds        read-max      issuer                How long ago this process read the keys of an issuer of access tokens
"""
"""Each metric: its name, kind, labels and documentation. The kinds are counters, histograms of seconds or of sizes, and gauges,
by the rule for merging the gauges of several processes. A kind with ``read-`` is read at each scrape.
"""

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


class Metrics:
    """All metrics of one hub. Up to *companies* companies get their own label."""

    def __init__(self, *, companies: int = 100) -> None:
        self.registry = CollectorRegistry()
        self.merging: dict[str, Merging] = {**MERGED_OF_PROCESS}
        """How gauges are merged, by name; other metrics are added up."""
        self._gather: Callable[[], Awaitable[bytes]] | None = None
        self._companies = CompanyLabels(companies)
        self._counters: dict[str, Counter] = {}
        self._gauges: dict[str, Gauge] = {}
        self._histograms: dict[str, Histogram] = {}
        self._read: dict[str, Lazy] = {}
        registry = self.registry
        for line in _TABLE.strip().splitlines():
            name, kind, names, told = line.split(maxsplit=3)
            labels = () if names == "-" else names.split(",")
            if kind == "counter":
                self._counters[name] = Counter(name, told, labels, registry=registry)
            elif kind in _BUCKETS:
                self._histograms[name] = Histogram(
                    name, told, labels, buckets=_BUCKETS[kind], registry=registry
                )
            elif kind == "read-counter":
                self._read[name] = Lazy(CounterMetricFamily, name, told, *labels, registry=registry)
            elif kind.startswith("read-"):
                self.merging[name] = Merging(kind.removeprefix("read-"))
                self._read[name] = Lazy(GaugeMetricFamily, name, told, *labels, registry=registry)
            else:
                self.merging[name] = Merging(kind)
                self._gauges[name] = Gauge(name, told, registry=registry)
        ProcessCollector(registry=self.registry)

    def count(self, name: str, *labels: str, by: int = 1) -> None:
        """Increase the counter *name* of these *labels*."""
        self._counters[name].labels(*labels).inc(by)

    def observe(self, name: str, figure: float, *labels: str) -> None:
        """Add *figure* to the histogram *name*."""
        histogram = self._histograms[name]
        (histogram.labels(*labels) if labels else histogram).observe(figure)

    def set(self, name: str, figure: float) -> None:
        """Set the gauge *name*."""
        self._gauges[name].set(figure)

    def watch(self, name: str, read: Callable[[], float]) -> None:
        """Read the gauge *name* at each scrape."""
        self._gauges[name].set_function(read)

    def watch_each(self, name: str, read: Callable[[], Samples]) -> None:
        """Read the metric *name*, whose kind begins with ``read-``, at each scrape: label values and figures."""
        self._read[name].set_function(read)

    def events_accepted(self, events: Sequence[tuple[str, int]]) -> None:
        """Count one transaction that stored *events*, each with its type and its company."""
        for event_type, count in Counts(event_type for event_type, _ in events).items():
            self.count("trunkline_events_accepted", event_type, by=count)
        for company_id, count in Counts(company_id for _, company_id in events).items():
            self.count("trunkline_company_events_accepted", self._companies.label(company_id), by=count)
        self.observe("trunkline_group_commit_events", len(events))

    def attempts_ended(self, attempts: Mapping[AttemptKind, Sequence[int]]) -> None:
        """Count settled attempts, each with its duration in milliseconds."""
        for (channel, event_type, company_id, outcome), durations_ms in attempts.items():
            self.count("trunkline_attempts", channel, event_type, outcome, by=len(durations_ms))
            company = self._companies.label(company_id)
            self.count("trunkline_company_attempts", company, outcome, by=len(durations_ms))
            observe = self._histograms["trunkline_attempt_seconds"].labels(channel).observe
            for duration_ms in durations_ms:
                observe(duration_ms / 1000)

    def watch_lag(self, lags: Callable[[], Iterable[Lag]]) -> None:
        """Read the lag of each shard of this process from *lags* at each scrape."""

        def read(figure: str) -> Callable[[], Samples]:
            return lambda: [(str(lag.shard), getattr(lag, figure)) for lag in lags()]

        self.watch_each("trunkline_shard_lag_positions", read("positions"))
        self.watch_each("trunkline_shard_live_lag_positions", read("live_positions"))
        self.watch_each("trunkline_shard_lag_seconds", read("seconds"))

    def watch_certificates(self, seconds_left: Callable[[], Iterable[float]]) -> None:
        """Read the remaining validity of each target's certificate from *seconds_left* at each scrape."""
        self.watch_each(
            "trunkline_target_certificate_seconds",
            lambda: [("", left) for left in sorted(seconds_left())[:1]],
        )

    def deployment_observed(self, snapshot: DeploymentSnapshot) -> None:
        """Set the gauges that are the same in every process."""
        self.set("trunkline_database_up", 1)
        for figure in structs.fields(snapshot):
            self.set(figure.encode_name, getattr(snapshot, figure.name))

    def rows_removed(self, table: str, count: int) -> None:
        """Count *count* rows of *table* that retention removed."""
        if count:
            self.count("trunkline_rows_removed", table, by=count)

    def call_was_costly(self, *, route: str, company_id: int | None) -> None:
        """Count an API call that held the process for long; *route* is the path's template, *company_id* may be None."""
        company = "none" if company_id is None else self._companies.label(company_id)
        self.count("trunkline_costly_calls", route, company)

    def text(self) -> bytes:
        """Write the metrics of this process in Prometheus's text format."""
        return generate_latest(self.registry)

    def gather_with(self, gather: Callable[[], Awaitable[bytes]]) -> None:
        """Use *gather* to collect the metrics of all processes of the command."""
        self._gather = gather

    async def whole(self) -> bytes:
        """Write the metrics of all processes under the same supervisor."""
        return self.text() if self._gather is None else await self._gather()
