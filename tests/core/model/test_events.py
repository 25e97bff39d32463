"""The envelope's only encoding, and the computation of times and shards."""

from collections import Counter
from datetime import datetime

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from trunkline.model.events import Draft, Event, shard_of
from trunkline.model.times import utc_text_of_ms


def test_an_envelope_is_its_parts_byte_for_byte():
    draft = Draft(92, "client.created", "2026-01-28T10:30:00Z", b'{"amount":99.00}', b'{"source":"x"}')
    assert draft.envelope(45678) == (
        b'{"id":45678,"type":"client.created","createdUtc":"2026-01-28T10:30:00Z","companyId":92,'
        b'"payload":{"amount":99.00},"metadata":{"source":"x"}}'
    )


def test_metadata_is_left_out_when_there_is_none():
    envelope = Draft(92, "client.created", "2026-01-28T10:30:00Z", b"{}").envelope(1)
    assert list(orjson.loads(envelope)) == ["id", "type", "createdUtc", "companyId", "payload"]


def test_an_event_does_not_show_its_body():
    assert "secret" not in repr(Event(1, 92, "client.created", 0, b'{"payload":"secret"}'))


@given(st.integers(0, 4_102_444_800_000))
def test_a_time_in_ms_is_read_back_exactly(epoch_ms):
    moment = datetime.fromisoformat(utc_text_of_ms(epoch_ms))
    assert round(moment.timestamp() * 1000) == epoch_ms


@given(st.integers(1, 2**63 - 1), st.integers(1, 1024))
def test_a_company_is_always_in_one_of_the_shards(company_id, shards):
    assert 0 <= shard_of(company_id, shards) < shards


@pytest.mark.parametrize("step", [1, 2, 16, 100, 1024])
def test_companies_numbered_in_steps_spread_evenly(step):
    counts = Counter(shard_of(number * step, 16) for number in range(1, 1601))
    assert len(counts) == 16
    assert max(counts.values()) < 2 * 1600 / 16
