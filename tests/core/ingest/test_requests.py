"""Reading times and fingerprints out of requests; the rest is proven over HTTP in ``api/test_events.py``."""

from datetime import UTC, datetime

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from trunkline.ingest.requests import fingerprint, split_batch, split_single
from trunkline.model.times import read_time


@given(st.datetimes(datetime(1900, 1, 2), datetime(2999, 1, 1), timezones=st.just(UTC)))  # noqa: DTZ001 - bounds are naive
def test_a_time_in_utc_is_kept_as_it_is_written(moment):
    text = moment.replace(tzinfo=None).isoformat() + "Z"
    assert read_time(text) == text


@given(st.datetimes(datetime(1900, 1, 2), datetime(2999, 1, 1)), st.integers(-14 * 60, 14 * 60))  # noqa: DTZ001
def test_a_time_with_an_offset_is_the_same_moment_in_utc(moment, minutes):
    sign, (hours, rest) = ("-" if minutes < 0 else "+"), divmod(abs(minutes), 60)
    text = f"{moment.isoformat()}{sign}{hours:02}:{rest:02}"
    read = read_time(text)
    assert read.endswith("Z")
    assert datetime.fromisoformat(read) == datetime.fromisoformat(text)


@given(st.text())
def test_any_text_is_a_time_or_none(text):
    read = read_time(text)
    assert read is None or datetime.fromisoformat(read[:19]).tzinfo is None


@pytest.mark.parametrize(
    "text",
    [
        "2026-01-28T10:30:00.1234567890Z",
        "2026-01-28T10:30Z",
        "2026-01-28T25:00:00Z",
        "\uff12026-01-28T10:30:00Z",
    ],
)
def test_what_is_no_time_is_none(text):
    assert read_time(text) is None


def prints(body: bytes, company_id: int = 92, call: str = "event") -> bytes:
    items = [split_single(body, orjson.loads(body))]
    return fingerprint(call, items, [company_id])


def test_a_fingerprint_tells_requests_apart_by_what_they_ask_for():
    body = b'{"type":"x","payload":{"a":1}}'
    assert prints(body) == prints(body)
    others = [
        prints(b'{"type":"x","payload":{"a":1.0}}'),
        prints(b'{"type":"x","payload":{"a":2}}'),
        prints(b'{"type":"x","payload":{"a":1},"metadata":{}}'),
        prints(body, company_id=93),
        prints(body, call="batch"),
    ]
    assert len({prints(body), *others}) == 6


def test_a_batch_of_two_is_not_taken_for_one_that_reads_the_same():
    def of(body: bytes) -> bytes:
        items = split_batch(body, orjson.loads(body), max_item_bytes=1000)
        return fingerprint("batch", items, [92] * len(items))

    assert of(b'{"events":[{"a":1,"b":2}]}') != of(b'{"events":[{"a":1},{"b":2}]}')
