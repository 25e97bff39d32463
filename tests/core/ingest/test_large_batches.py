"""Large batches are split into their events before they are parsed, and are refused as small batches are."""

import json
from typing import Any

import pytest

from trunkline.errors import BodyInvalid
from trunkline.ingest import large_batches
from trunkline.ingest.requests import split_batch
from trunkline.runtime.strict_json import read_json

MAX = 1000


def both(body: bytes) -> tuple[Any, Any]:
    """Read *body* in both ways; return both results, or the faults that each found."""
    return (
        outcome(lambda: large_batches.split(body, max_item_bytes=MAX, read_json=read_json)),
        outcome(lambda: split_batch(*read_json(body), max_item_bytes=MAX)),
    )


def outcome(read) -> Any:
    try:
        return [(item.path, item.parsed, {k: bytes(raw) for k, raw in item.raw.items()}) for item in read()]
    except BodyInvalid as error:
        return [(fault.path, fault.message) for fault in error.errors]


@pytest.mark.parametrize(
    "body",
    [
        b'{"events": [{"type": "x", "payload": {"a": 1.10}}, {"b": [1, {"c": "]}"}]}]}',
        b'{"\\u0065vents": [{"a": 1}]}',
        b'{"events": [{"a": "' + b"y" * MAX + b'"}, {"b": 1}]}',
        b'{"events": [{"a": ' + b" " * MAX + b"1}]}",
        b'{"events": []}',
        b'{"events": {}}',
        b'{"events": "[,,"}',
        b'{"events": [1, "two", null]}',
        b'{"events": [{}], "more": 1, "\\"": 2}',
        b"{ }",
        b"[]",
        b'"events"',
        json.dumps({"events": [{"n": n} for n in range(1001)]}).encode(),
        json.dumps({"events": [{"n": n} for n in range(1000)]}).encode(),
    ],
)
def test_a_batch_reads_the_same_cut_or_whole(body):
    cut, whole = both(body)
    assert cut == whole


def test_the_same_key_twice_is_refused_and_named():
    cut, whole = both(b'{"events": [{"a": 1}], "events": [{"b": 1}]}')
    assert cut == whole == [("", "names the key 'events' twice in one object")]


def test_what_is_no_json_is_refused_with_its_line_and_column():
    body = b'{"events": [\n  {"a": tru}\n]}'
    [(path, message)] = both(body)[0]
    assert (path, "line 2" in message, message.startswith("is not valid JSON: ")) == ("", True, True)


@pytest.mark.parametrize(
    ("event", "message"),
    [
        (b'{"a": 1, "a": 2}', "names the key 'a' twice in one object"),
        (b'{"a": "\\u0000"}', "holds the character NUL"),
        (b'{"a": "\xff"}', "is not valid JSON"),
        (b'{"a": 1e999}', ""),
        (b'{"a": ' + b"[" * 80 + b"]" * 80 + b"}", "is nested deeper than 64 levels"),
    ],
)
def test_an_event_that_cannot_be_read_is_named(event, message):
    [fault] = both(b'{"events": [{"b": 1}, ' + event + b"]}")[0]
    assert fault[0].startswith("/events/1")
    assert message in fault[1]


def test_more_events_than_a_batch_has_are_refused_before_any_is_made():
    body = b'{"events": [' + b",".join([b'{"a": ["]", 1]}'] * 60_000) + b"]}"
    assert both(body)[0] == [("/events", "must be a list of 1 to 1000 events")]


def test_many_values_in_few_events_are_read():
    event = b'{"a": [' + b",".join([b"1"] * 400) + b', "],["]}'
    cut = both(b'{"events": [' + b",".join([event] * 300) + b"]}")[0]
    assert len(cut) == 300


def test_of_many_values_no_more_is_looked_at_than_the_first_event_that_is_too_large():
    large = b'{"a": [' + b",".join([b"1"] * 100_000) + b"]}"
    cut = both(b'{"events": [{"a": 1}, ' + large + b", " + large + b"]}")[0]
    assert [path for path, _ in cut] == ["/events/1"]
