"""Reading times and fingerprints from requests; ``api/test_events.py`` tests the rest over HTTP."""

from datetime import UTC, datetime

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from trunkline.errors import BodyInvalid, EventRejected
from trunkline.ingest.requests import RequestReader, fingerprint, split_batch, split_single
from trunkline.ingest.submissions import Warned
from trunkline.model.times import read_time
from trunkline.schemas.catalog import EventType, SchemaCatalog
from trunkline.schemas.modes import Modes


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


NO_TIMES = ["2026-01-28T10:30:00.1234567890Z", "2026-01-28T10:30Z", "2026-01-28T25:00:00Z"]


@pytest.mark.parametrize("text", [*NO_TIMES, "\uff12026-01-28T10:30:00Z"])
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


PAYLOAD = {"type": "object", "properties": {"amount": {"type": "integer"}}, "examples": [{"amount": 1}]}
CATALOG = SchemaCatalog([EventType("order.placed", "Order placed", "An order was placed.", PAYLOAD)])


def read(body: bytes, *, mode: str = "reject", call: str = "event", **options):
    reader = RequestReader(CATALOG, Modes(mode, {}, catalog=CATALOG), max_event_bytes=1000)
    options |= {"company_of": lambda company_id: company_id or 92, "now_text": lambda: "2026-01-28T10:30:00Z"}
    return reader.read(call, body, orjson.loads(body), **options)


GOOD = b'{"type":"order.placed","payload":{"amount":7}}'
BROKEN = b'{"type":"order.placed","payload":{"amount":"7"},"companyId":93}'


def test_a_body_becomes_a_submission_with_the_fingerprint_of_its_idempotency_key():
    plain = read(GOOD)
    assert [(draft.company_id, draft.payload) for draft in plain.drafts] == [(92, b'{"amount":7}')]
    assert (plain.key, plain.fingerprint) == (None, b"")
    keyed = read(GOOD, namespace=92, key="k-1")
    assert (keyed.namespace, keyed.key) == (92, "k-1")
    assert keyed.fingerprint == prints(GOOD)
    assert read(GOOD, namespace=92, key="").key is None


@pytest.mark.parametrize("mode", ["reject", "quarantine", "warn"])
def test_the_mode_of_its_type_says_what_becomes_of_a_broken_event_of_a_batch(mode):
    batch = b'{"events":[%b,%b]}' % (GOOD, BROKEN)
    if mode == "reject":
        with pytest.raises(EventRejected) as refusal:
            read(batch, call="batch", mode=mode)
        assert [fault.path for fault in refusal.value.errors] == ["/events/1/payload/amount"]
        return
    submission = read(batch, call="batch", mode=mode)
    if mode == "quarantine":
        assert [draft.company_id for draft in submission.drafts] == [92]
        assert [(draft.index, draft.draft.company_id) for draft in submission.quarantined] == [(1, 93)]
    else:
        assert [draft.company_id for draft in submission.drafts] == [92, 93]
        assert submission.warned == [Warned(1, ("/payload/amount",))]


def test_each_call_takes_its_own_form_of_body():
    with pytest.raises(EventRejected):
        read(b'{"events":[%b]}' % GOOD)
    with pytest.raises(BodyInvalid):
        read(GOOD, call="batch")
