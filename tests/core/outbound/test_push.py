"""The shared HTTP push: its requests, and the results of the answers."""

from datetime import UTC, datetime
from email.utils import format_datetime

import pytest
import standardwebhooks
from hypothesis import given
from hypothesis import strategies as st

from trunkline.contract import HttpResponse, Push, Target
from trunkline.errors import AddressRefused
from trunkline.model.deliveries import Outcome, Result
from trunkline.outbound import NoAnswer
from trunkline.outbound.push import deliver, result_of
from trunkline.targets import signatures

SECRET = signatures.new_secret("standard")
SENT_AT = 1_769_594_400  # 2026-01-28T10:00:00Z


class Wire:
    """A client that keeps its requests and gives prepared answers."""

    def __init__(self, answer):
        self.answer = answer
        self.sent = []

    async def post(self, url, *, body, headers):
        self.sent.append((url, body, headers))
        if isinstance(self.answer, BaseException):
            raise self.answer
        return self.answer


def push(**changes):
    details = {"secrets": (SECRET,), "headers": {"Authorization": "Bearer 123"}, **changes}
    target = Target(subscription_id="sub_1", company_id=92, url="https://example.com/hook", **details)
    event = {"event_id": "45678", "event_type": "client.created", "body": b'{"id":45678}'}
    return Push(**event, delivery_id="dlv_45678_1", attempt=3, timestamp=SENT_AT, target=target)


def judged(status, *, headers=None, body=b""):
    return result_of(status, headers=headers or {}, body=body, timestamp=SENT_AT)


async def test_the_event_s_bytes_are_posted_with_every_header_of_the_contract():
    wire = Wire(HttpResponse(200, {}, b"ok"))
    result = await deliver(push(), wire)
    assert result == Result(Outcome.DELIVERED, 200, "ok")
    ((url, body, headers),) = wire.sent
    assert (url, body) == ("https://example.com/hook", b'{"id":45678}')
    signature = standardwebhooks.Webhook(SECRET).sign(
        "45678", datetime.fromtimestamp(SENT_AT, UTC), '{"id":45678}'
    )
    assert headers == {
        "Authorization": "Bearer 123",
        "content-type": "application/json",
        "webhook-id": "45678",
        "webhook-timestamp": str(SENT_AT),
        "webhook-signature": signature,
        "trunkline-event-type": "client.created",
        "trunkline-delivery-id": "dlv_45678_1",
        "trunkline-attempt": "3",
    }


@pytest.mark.parametrize("scheme", signatures.SCHEMES)
async def test_the_subscription_s_scheme_and_live_secrets_sign(scheme):
    secrets = (signatures.new_secret(scheme), signatures.new_secret(scheme))
    wire = Wire(HttpResponse(204, {}, b""))
    await deliver(push(signature=scheme, secrets=secrets), wire)
    ((_, body, headers),) = wire.sent
    expected = signatures.headers(scheme, secrets=secrets, event_id="45678", timestamp=SENT_AT, body=body)
    assert expected.items() <= headers.items()


@pytest.mark.parametrize(
    ("failure", "name"),
    [
        (AddressRefused("127.0.0.1", "is a loopback address"), "address_refused"),
        (TimeoutError(), "timeout"),
        (NoAnswer("tls_failed", "expired"), "tls_failed"),
        (ConnectionRefusedError(), "connection_refused"),
        (ConnectionResetError(), "connection_failed"),
    ],
)
async def test_no_answer_is_tried_again_under_its_name(failure, name):
    result = await deliver(push(), Wire(failure))
    assert result == Result(Outcome.RETRY, error=name)


async def test_what_is_not_the_network_s_fault_is_raised():
    with pytest.raises(ZeroDivisionError):
        await deliver(push(), Wire(ZeroDivisionError()))


OUTCOMES = {
    Outcome.DELIVERED: [200, 201, 202, 204, 299],
    Outcome.GONE: [410],
    Outcome.RETRY: [100, 199, 300, 302, 308, 400, 401, 404, 409, 411, 429, 500, 502, 503, 599, 999],
}


@pytest.mark.parametrize(
    ("outcome", "status"), [(key, status) for key, group in OUTCOMES.items() for status in group]
)
def test_a_status_decides_the_outcome(outcome, status):
    result = judged(status)
    assert (result.outcome, result.status_code, result.error) == (outcome, status, None)


def http_date(timestamp):
    return format_datetime(datetime.fromtimestamp(timestamp, UTC), usegmt=True)


WAITS = [
    ({"retry-after": "120"}, 120),
    ({"retry-after": " 0 "}, 0),
    ({"retry-after": "999999999"}, 86_400),
    ({"retry-after": "9" * 16}, 86_400),
    ({"retry-after": "9" * 400}, 86_400),
    ({"retry-after": http_date(SENT_AT + 90)}, 90),
    ({"retry-after": http_date(SENT_AT - 90)}, 0),
    ({"retry-after": http_date(SENT_AT + 90), "date": http_date(SENT_AT + 30)}, 60),
    ({"retry-after": http_date(SENT_AT + 90), "date": "yesterday"}, 90),
    ({"retry-after": "Wednesday, 28-Jan-26 10:01:30 GMT"}, 90),
    ({"retry-after": "Wed Jan 28 10:01:30 2026"}, 90),
    ({}, None),
    ({"retry-after": ""}, None),
    ({"retry-after": "soon"}, None),
    ({"retry-after": "-5"}, None),
    ({"retry-after": "1.5"}, None),
    ({"retry-after": "٣"}, None),
    ({"retry-after": "Wed, 28 Jan 99999999 10:01:30 GMT"}, None),
    ({"retry-after": "Wed, 28 Jan 2026 10:01:30 +99999999"}, None),
]


@pytest.mark.parametrize("status", [302, 429, 503])
@pytest.mark.parametrize(("headers", "seconds"), WAITS, ids=lambda value: str(value)[:60])
def test_retry_after_is_read_as_seconds_or_a_date_and_garbage_is_ignored(status, headers, seconds):
    assert judged(status, headers=headers).retry_after_seconds == seconds


@pytest.mark.parametrize("status", [200, 410])
def test_retry_after_does_not_count_where_nothing_is_tried_again(status):
    assert judged(status, headers={"retry-after": "120"}).retry_after_seconds is None


@given(st.text(max_size=40), st.text(max_size=40))
def test_no_retry_after_whatever_breaks_the_judging(after, date):
    wait = judged(503, headers={"retry-after": after, "date": date}).retry_after_seconds
    assert wait is None or wait >= 0


def test_the_log_keeps_the_first_kibibyte_of_an_answer_as_text():
    assert judged(500, body=b"x" * 5000).response_body == "x" * 1024
    assert judged(500, body=b"a\0b\xffc").response_body == "ab\ufffdc"
    assert judged(204).response_body == ""
