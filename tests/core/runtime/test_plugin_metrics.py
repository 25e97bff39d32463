"""The metrics that plugins add: their names, their limit, and their merge over several processes."""

import pytest

from trunkline.runtime.merging import MergedMetrics, families_of
from trunkline.runtime.metrics import Metrics
from trunkline.runtime.plugin_metrics import MOST_SERIES, PluginMetrics


def made(metrics: Metrics) -> PluginMetrics:
    return PluginMetrics(metrics.registry, plugin="fax")


def test_a_metric_stands_beside_those_of_the_hub_under_the_plugins_name():
    metrics = Metrics()
    pages = made(metrics).counter("pages", "Pages sent", "paper")
    pages.count("a4")
    pages.count("a4", by=2)
    made(metrics).durations("call_seconds", "How long calls took").observe(0.3)
    text = metrics.text().decode()
    assert 'trunkline_fax_pages_total{paper="a4"} 3.0' in text
    assert 'trunkline_fax_call_seconds_bucket{le="0.5"} 1.0' in text


def test_what_comes_after_the_bound_is_counted_together():
    metrics = Metrics()
    counter = made(metrics).counter("pages", "Pages sent", "paper", "color")
    for number in range(MOST_SERIES + 100):
        counter.count(str(number), "red")
    counter.count("0", "red")
    text = metrics.text().decode()
    assert text.count("trunkline_fax_pages_total{") == MOST_SERIES + 1
    assert 'trunkline_fax_pages_total{color="other",paper="other"} 100.0' in text
    assert 'trunkline_fax_pages_total{color="red",paper="0"} 2.0' in text


def test_processes_are_added_up():
    merged = MergedMetrics()
    for process in range(2):
        metrics = Metrics()
        made(metrics).counter("pages", "Pages sent", "paper").count("a4", by=process + 1)
        merged.seen(process, families_of(metrics))
    assert b'trunkline_fax_pages_total{paper="a4"} 3.0' in merged.text()


@pytest.mark.parametrize("name", ["Pages", "pages-sent", "", "9", "p" * 70])
def test_a_name_that_is_none_is_refused(name):
    with pytest.raises(ValueError, match="is no name for a metric or a label"):
        made(Metrics()).counter(name, "Pages sent")


def test_a_metric_is_made_once_and_counted_with_its_labels():
    own = made(Metrics())
    counter = own.counter("pages", "Pages sent", "paper")
    assert own.counter("pages", "Pages sent", "paper") is counter
    with pytest.raises(ValueError, match="the metric 'trunkline_fax_pages' is there already"):
        own.durations("pages", "Pages sent")
    with pytest.raises(ValueError, match="this metric has 1 labels, not 2"):
        counter.count("a4", "red")
