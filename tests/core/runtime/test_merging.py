"""Metrics of several processes as one: sums never fall, gauges merge by their meaning, histograms merge completely."""

import json

from msgspec import convert
from prometheus_client.parser import text_string_to_metric_families

from trunkline.runtime.merging import Family, MergedMetrics, Sample, families_of
from trunkline.runtime.metrics import DeploymentSnapshot, Lag, Metrics


def sent(metrics: Metrics) -> list[Family]:
    """Give the families as another process sends them."""
    return convert(json.loads(json.dumps(families_of(metrics))), list[Family])


def value(merged: MergedMetrics, name: str, **labels: str) -> float | None:
    for family in text_string_to_metric_families(merged.text().decode()):
        for sample in family.samples:
            if sample.name == name and sample.labels == labels:
                return sample.value
    return None


def one(*, events: int = 0, in_flight: int = 0, shard: int = 0, head: int = 0) -> Metrics:
    metrics = Metrics()
    metrics.events_accepted([("lead.created", 92)] * events)
    metrics.attempts_ended({("webhooks", "lead.created", 92, "delivered"): [300]})
    metrics.watch("trunkline_deliveries_in_flight", lambda: in_flight)
    metrics.watch("trunkline_shards_held", lambda: 8)
    metrics.watch_each("trunkline_attempts_put_off", lambda: [("", 3)])
    metrics.watch_lag(lambda: [Lag(shard, shard * 10, 0.5, shard)])
    metrics.deployment_observed(DeploymentSnapshot(head, 0, 0, 0, 0, 0, 0, 0, workers=2))
    return metrics


def merged_of(*processes: Metrics) -> MergedMetrics:
    merged = MergedMetrics()
    for number, metrics in enumerate(processes):
        merged.seen(number, sent(metrics))
    return merged


def test_what_is_counted_is_added_up_with_its_labels():
    merged = merged_of(one(events=3), one(events=4))
    assert value(merged, "trunkline_events_accepted_total", type="lead.created") == 7
    assert value(merged, "trunkline_company_events_accepted_total", company="92") == 7


def test_a_histogram_is_added_up_bucket_by_bucket():
    merged = merged_of(one(), one())
    assert value(merged, "trunkline_attempt_seconds_count", channel="webhooks") == 2
    assert value(merged, "trunkline_attempt_seconds_sum", channel="webhooks") == 0.6
    assert value(merged, "trunkline_attempt_seconds_bucket", channel="webhooks", le="0.25") == 0
    assert value(merged, "trunkline_attempt_seconds_bucket", channel="webhooks", le="0.5") == 2


def test_gauges_of_a_process_are_added_up_and_those_of_the_deployment_are_not():
    merged = merged_of(one(in_flight=2, shard=1, head=1004), one(in_flight=3, shard=2, head=1005))
    assert value(merged, "trunkline_deliveries_in_flight") == 5
    assert value(merged, "trunkline_shards_held") == 16
    assert value(merged, "trunkline_stream_head_position") == 1005
    assert value(merged, "trunkline_workers") == 2
    assert [value(merged, "trunkline_shard_lag_positions", shard=shard) for shard in ("1", "2")] == [10, 20]


PROCESS = (
    "process_cpu_seconds_total", "process_resident_memory_bytes", "process_open_fds", "process_max_fds",
    "process_start_time_seconds",
)  # fmt: skip


def test_what_processes_take_of_the_machine_is_added_up_and_what_limits_them_is_the_least():
    def process(cpu: float, memory: float, files: float, most: float, began: float) -> list[Family]:
        kinds = {family.name: family for family in sent(Metrics())}
        figures = zip(PROCESS, (cpu, memory, files, most, began), strict=True)
        return [
            kinds[name.removesuffix("_total")]._replace(samples=[Sample(name, {}, figure)])
            for name, figure in figures
        ]

    merged = MergedMetrics()
    merged.seen(1, process(5, 1000, 20, 1024, 111))
    merged.seen(2, process(7, 3000, 30, 4096, 222))
    assert [value(merged, name) for name in PROCESS] == [12, 4000, 50, 1024, 111]
    merged.ended(1)
    assert value(merged, "process_cpu_seconds_total") == 12, "a counter never falls"
    assert value(merged, "process_resident_memory_bytes") == 3000


def test_a_log_that_one_process_cannot_write_and_a_database_that_it_does_not_reach_are_seen():
    well, ill = one(), one()
    well.watch("trunkline_log_writable", lambda: True)
    ill.watch("trunkline_log_writable", lambda: False)
    ill.set("trunkline_database_up", 0)
    assert value(merged_of(well, ill), "trunkline_log_writable") == 0
    assert value(merged_of(well, ill), "trunkline_database_up") == 0


def test_what_a_process_had_counted_stays_when_it_ends_and_its_gauges_go():
    merged = merged_of(one(events=3, in_flight=2), one(events=4, in_flight=1))
    merged.ended(0)
    merged.ended(7)  # it was never read
    assert value(merged, "trunkline_events_accepted_total", type="lead.created") == 7
    assert value(merged, "trunkline_deliveries_in_flight") == 1
    merged.seen(2, sent(one(events=1)))
    assert value(merged, "trunkline_events_accepted_total", type="lead.created") == 8


def test_a_process_alone_is_merged_to_what_it_writes_itself():
    metrics = one(events=3, in_flight=2, shard=4, head=1004)
    merged, own = (text.decode().splitlines() for text in (merged_of(metrics).text(), metrics.text()))
    now = "process_"  # the figures of the process differ from moment to moment
    assert [line for line in merged if not line.startswith(now)] == [
        line for line in own if not line.startswith(now)
    ]
    assert [line.split()[0] for line in merged] == [line.split()[0] for line in own]
