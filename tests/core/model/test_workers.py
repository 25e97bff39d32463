"""Names of processes: they contain the host, fit into their column, and older names are read unchanged."""

import pytest

from trunkline.model.workers import name_worker, place_of


@pytest.mark.parametrize(
    ("host", "short"),
    [
        ("api-1", "api-1"),
        ("API_1.example.com", "api-1"),
        ("trunkline-worker-7d9f8b6c5-x2x9k", "ker-7d9f8b6c5-x2x9k"),
        ("", "host"),
        ("ü", "-"),
    ],
)
def test_a_name_says_on_which_host_and_which_process(host, short):
    name = name_worker(host, 4_194_304, "a1b2c3")
    assert len(name) <= 40
    place, process = place_of(name)
    assert place.endswith(short)
    assert process == 4_194_304


def test_a_name_of_before_says_nothing():
    assert place_of("wrk_0123456789abcdef") is None
