"""The doctor's findings at real receivers: good, careless, broken and missing ones."""

import asyncio
import base64
import hmac
import json
import socket
import time
from collections.abc import Callable
from typing import Any

import pytest
from standardwebhooks import Webhook, WebhookVerificationError
from tests.core.cli.doctor.conftest import SECRET, answering, is_genuine, verify
from tests.example_product import EVENT_TYPES

from trunkline.cli.doctor import judgements, trials
from trunkline.cli.doctor.checks import Report
from trunkline.cli.doctor.examination import MAX_REQUESTS, examine
from trunkline.outbound import Resolve
from trunkline.schemas.catalog import SchemaCatalog
from trunkline.targets.addresses import AddressPolicy
from trunkline.targets.signatures import new_secret
from trunkline_kit.receiver import (
    Answer,
    CloseWithoutAnswer,
    Connection,
    Garbage,
    Hang,
    ReceivedRequest,
    Receiver,
    Redirect,
    Reply,
)

STRICT = AddressPolicy(allow_http=True)
DEVELOPMENT = AddressPolicy(allow_http=True, allow_private_networks=True)
CATALOG = SchemaCatalog(EVENT_TYPES.values())
DAY_SECONDS = 86_400
SIGNATURE_CHECKS = (
    "signature-wrong",
    "signature-old",
    "signature-ahead",
    "signature-tampered",
    "signature-rewritten",
    "signature-missing",
)


def resolving(*addresses: str) -> Resolve:
    async def resolve(_host: str, _port: int) -> list[str]:
        if not addresses:
            raise socket.gaierror(socket.EAI_NONAME, "unknown")
        return list(addresses)

    return resolve


def verify_nothing(_request: ReceivedRequest) -> Reply:
    return Answer()


def fail_where_the_signature_is_wrong(request: ReceivedRequest) -> Reply:
    return Answer(200 if is_genuine(request) else 500)


def crash_on_junk(request: ReceivedRequest) -> Reply:
    try:
        Webhook(SECRET).verify(request.body, dict(request.headers))
    except WebhookVerificationError:
        return Answer(401)
    except ValueError:
        return CloseWithoutAnswer()
    return Answer(204)


def verify_what_was_parsed(request: ReceivedRequest) -> Reply:
    try:
        written = json.dumps(json.loads(request.body), separators=(",", ":"), ensure_ascii=False)
        Webhook(SECRET).verify(written, dict(request.headers))
    except (WebhookVerificationError, ValueError):
        return Answer(401)
    return Answer(204)


def ignore_the_time(request: ReceivedRequest) -> Reply:
    headers = request.headers
    content = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.".encode() + request.body
    digest = hmac.digest(base64.b64decode(SECRET.removeprefix("whsec_")), content, "sha256")
    is_signed = headers.get("webhook-signature") == f"v1,{base64.b64encode(digest).decode()}"
    return Answer(204 if is_signed else 401)


def ignore_the_past(request: ReceivedRequest) -> Reply:
    timestamp = request.headers["webhook-timestamp"]
    is_old = timestamp.isdigit() and int(timestamp) < time.time() - 300
    return Answer(200) if is_old else verify(request)


def store_under_a_unique_key() -> Callable[[ReceivedRequest], Reply]:
    """Fail at the second of two equal ids at once, as a receiver with a database does."""
    stored: set[str] = set()

    def choose(request: ReceivedRequest) -> Reply:
        event_id = request.headers["webhook-id"]
        if event_id in stored or not is_genuine(request):
            return verify(request)

        async def store(connection: Connection) -> None:
            await asyncio.sleep(0.1)
            answer = Answer(500 if event_id in stored else 204)
            stored.add(event_id)
            await answer(connection)

        return store

    return choose


def refuse_what_was_seen(status: int) -> Callable[[ReceivedRequest], Reply]:
    seen: set[str] = set()

    def choose(request: ReceivedRequest) -> Reply:
        event_id = request.headers["webhook-id"]
        if event_id in seen:
            return Answer(status)
        seen.add(event_id)
        return verify(request)

    return choose


async def report_on(url: str, **changed: Any) -> Report:
    options = {"policy": DEVELOPMENT, "timeout_seconds": 2.0, "secret": SECRET, "catalog": CATALOG}
    return await examine(url, **(options | changed))


def verdicts(report: Report) -> dict[str, str]:
    return {check.name: check.verdict for check in report.checks}


def sentence(report: Report, name: str) -> str:
    return next(check.sentence for check in report.checks if check.name == name)


async def test_a_receiver_that_verifies_is_good_in_every_respect(receiver):
    receiver.always(answering(receiver, verify))
    report = await report_on(f"{receiver.url}/hooks?team=7")
    assert set(verdicts(report).values()) == {"good"}, report.checks
    assert (report.not_tried, report.exit_code) == ((), 0)


async def test_every_request_is_a_test_with_a_payload_that_its_schema_allows_and_there_are_few(receiver):
    await report_on(receiver.url)
    assert receiver.count <= MAX_REQUESTS == 20
    assert all(request.headers["webhook-id"].startswith("test_") for request in receiver.requests)
    bodies = [request.body for request in receiver.requests if not request.body.startswith(b"\xff")]
    assert len(bodies) == receiver.count - 1
    events = [json.loads(body) for body in bodies]
    assert {event["metadata"]["source"] for event in events} == {"test"}
    assert all(event["id"] <= 999 for event in events)
    known = [event for event in events if CATALOG.get(event["type"])]
    assert len(known) == len(events) - 1
    assert [CATALOG.check(event["type"], event["payload"]) for event in known] == [[]] * len(known)


async def test_a_deployment_without_event_types_is_served_too(receiver):
    receiver.always(answering(receiver, verify))
    assert (await report_on(receiver.url, catalog=SchemaCatalog([]))).exit_code == 0


async def test_only_duplicates_repeat_an_id(receiver):
    await report_on(receiver.url)
    ids = [request.headers["webhook-id"] for request in receiver.requests]
    repeated = [request for request in receiver.requests if ids.count(request.headers["webhook-id"]) > 1]
    assert len(repeated) == 4
    for first, again in (repeated[:2], repeated[2:]):
        assert first.body == again.body
        assert {each.headers["trunkline-attempt"] for each in (first, again)} == {"1", "2"}


UNJUDGED = dict.fromkeys(("duplicates", "duplicates-at-once", *SIGNATURE_CHECKS), "unknown: ")


@pytest.mark.parametrize(
    ("choose", "secret", "findings"),
    [
        (
            verify_nothing,
            SECRET,
            {
                "signature-wrong": "bad: verify before you answer 2xx",
                "signature-old": "bad: refuse what is more than 5 minutes off",
                "signature-ahead": "bad: refuse what is more than 5 minutes off",
                "signature-tampered": "bad: verify the raw body",
                "signature-rewritten": "bad: verify the raw body, before any parser",
                "signature-missing": "bad: verify before you answer 2xx",
                "signature-junk": "bad: Accepts the signature 'junk', so anyone may send it events",
            },
        ),
        (
            verify_nothing,
            None,
            dict.fromkeys(SIGNATURE_CHECKS, "unknown: so it seems to verify nothing; give --secret")
            | dict.fromkeys(("signature-missing", "signature-junk"), "bad: anyone may send it events"),
        ),
        (verify, None, UNJUDGED | {"delivery": "unknown: give --secret"}),
        (verify, new_secret("standard"), UNJUDGED | {"delivery": "bad: this is the subscription's secret"}),
        (
            fail_where_the_signature_is_wrong,
            SECRET,
            dict.fromkeys(SIGNATURE_CHECKS, "improve: refuse it with 401")
            | {"signature-junk": "bad: catch every error of the verification, and answer 401"},
        ),
        (
            crash_on_junk,
            SECRET,
            {"signature-junk": "bad: Answers nothing (connection_failed) to the signature 'junk'"},
        ),
        (
            verify_what_was_parsed,
            SECRET,
            {"signature-rewritten": "bad: it verifies what it has parsed and written anew"},
        ),
        (
            ignore_the_time,
            SECRET,
            {
                "signature-old": "bad: whoever has recorded one may send it again",
                "signature-ahead": "bad: one that somebody keeps back stays good for longer",
            },
        ),
        (ignore_the_past, SECRET, {"signature-old": "bad: whoever has recorded one may send it again"}),
        (
            store_under_a_unique_key(),
            SECRET,
            {"duplicates-at-once": "bad: Answers 500 to one of two deliveries of an event at once"},
        ),
        (
            refuse_what_was_seen(409),
            SECRET,
            {"duplicates": "bad: Answers 409", "duplicates-at-once": "improve: Answers 409"},
        ),
        (
            refuse_what_was_seen(500),
            SECRET,
            {"duplicates": "bad: Answers 500", "duplicates-at-once": "bad: Answers 500"},
        ),
    ],
    ids=[
        "verifies-nothing",
        "verifies-nothing-and-the-secret-is-unknown",
        "verifies-and-the-secret-is-unknown",
        "has-another-secret",
        "fails-where-it-should-refuse",
        "crashes-on-junk",
        "parses-first",
        "ignores-the-time",
        "ignores-the-past",
        "races",
        "refuses-what-it-has-seen",
        "fails-at-what-it-has-seen",
    ],
)
async def test_what_a_receiver_does_wrong_is_found_and_nothing_else(receiver, choose, secret, findings):
    receiver.always(answering(receiver, choose))
    report = await report_on(receiver.url, secret=secret)
    found = {check.name: check for check in report.checks if check.verdict != "good"}
    assert found.keys() == findings.keys()
    for name, finding in findings.items():
        verdict, _, words = finding.partition(": ")
        assert found[name].verdict == verdict, found[name]
        assert words in found[name].sentence
    assert report.exit_code == bool(report.to_mend)
    assert report.not_tried == ()


async def test_a_redirect_is_bad_and_its_place_is_named_without_control_characters(receiver):
    receiver.always(Redirect("https://example.com/\x9b31mhooks", 308))
    report = await report_on(receiver.url)
    assert verdicts(report) | {"redirect": "bad", "delivery": "bad"} == verdicts(report)
    assert "'https://example.com/?31mhooks'" in sentence(report, "redirect")
    assert {request.path for request in receiver.requests} == {"/"}


async def announce_no_size(connection: Connection) -> None:
    head = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n"
    connection.write(head + b"11000\r\n" + b"x" * 0x11000 + b"\r\n")


SLOW = [Answer(delay_seconds=0.03)] * 5


@pytest.mark.parametrize(
    ("replies", "options", "name", "finding"),
    [
        ([Answer(500)] * 20, {}, "delivery", "bad: Answers 500: it fails; look into its log"),
        ([Answer(404)] * 20, {}, "delivery", "bad: Answers 404: nothing is at this path"),
        ([Answer(405)] * 20, {}, "delivery", "bad: Answers 405: it takes no POST"),
        ([Answer(410)] * 20, {}, "delivery", "bad: Answers 410: that disables a subscription"),
        ([Answer(429)] * 20, {}, "delivery", "bad: Answers 429: it takes too few requests; raise its limit"),
        ([Answer(), Answer(503), Answer()], {}, "delivery", "bad: Answers 503 to 1 of 5 events"),
        ([Answer(body=b"x" * 65_536)], {}, "answer-size", "good: "),
        ([Answer(body=b"x" * 65_537)], {}, "answer-size", "improve: "),
        ([announce_no_size] * 20, {}, "answer-size", "improve: "),
        ([Answer(headers={"connection": "close"})] * 20, {}, "keep-alive", "improve: "),
        ([Answer(), CloseWithoutAnswer()], {}, "keep-alive", "bad: 'connection: close'"),
        (SLOW, {}, "latency", "good: (median of 5)"),
        ([Answer(), Answer(), Hang()], {"timeout_seconds": 0.3}, "latency", "bad: within 300 ms to 1 of 5"),
    ],
)
async def test_answers_are_judged(receiver, replies, options, name, finding):
    receiver.script(replies)
    report = await report_on(receiver.url, secret=None, **options)
    verdict, _, words = finding.partition(": ")
    assert verdicts(report)[name] == verdict
    assert words in sentence(report, name)


@pytest.mark.parametrize(
    ("seconds", "verdict"), [([0.5, 1, 9], "good"), ([0.5, 5, 9], "improve"), ([0.5, 5.1, 9], "bad")]
)
def test_the_median_latency_is_judged(seconds, verdict):
    answers = [trials.Answer(seconds=each, status=200) for each in seconds]
    assert judgements.judge_latency(answers, timeout_seconds=10).verdict == verdict


@pytest.mark.parametrize(("status", "verdict"), [(500, "bad"), (422, "good")])
async def test_what_a_receiver_does_not_know_may_be_refused_but_not_break_it(receiver, status, verdict):
    def choose(request: ReceivedRequest) -> Reply:
        is_strange = (
            "x-doctor-unknown" in request.headers
            or request.headers["trunkline-event-type"] not in CATALOG.names()
        )
        return Answer(status if is_strange else 200)

    receiver.always(answering(receiver, choose))
    by_name = verdicts(await report_on(receiver.url))
    assert (by_name["unknown-header"], by_name["unknown-type"]) == (verdict, verdict)


@pytest.mark.parametrize(
    ("reply", "advice"), [(Hang(), "time limit"), (CloseWithoutAnswer(), "its log"), (Garbage(), "not HTTP")]
)
async def test_a_receiver_that_never_answers_is_left_alone_after_two_events(receiver, reply, advice):
    receiver.always(reply)
    report = await report_on(receiver.url, timeout_seconds=0.2)
    assert receiver.count == 2
    assert verdicts(report)["delivery"] == "bad"
    assert advice in sentence(report, "delivery")
    assert "duplicates" in report.not_tried
    assert report.exit_code == 1


async def test_a_closed_port_is_not_reachable():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{probe.getsockname()[1]}/"
        report = await report_on(url)
    assert verdicts(report) == {"url": "good", "dns": "good", "connect": "bad"}
    assert "the connection was refused" in sentence(report, "connect")
    assert report.exit_code == 2


@pytest.mark.parametrize(
    ("url", "options", "words"),
    [
        ("mailto:jane@example.com", {}, "Only receivers of HTTP are examined; what 'mailto:' leads to"),
        ("nats:crm", {"policy": DEVELOPMENT}, "what 'nats:' leads to is known to its channel alone"),
        ("localhost:8000", {}, "must start with 'https://'"),
        ("nonsense", {"policy": DEVELOPMENT}, "starts with 'https://'"),
        ("http://", {"policy": DEVELOPMENT}, "names no host"),
        ("http://example.com/", {"policy": AddressPolicy()}, "delivery.allow_http"),
        ("http://127.0.0.1:{port}/", {}, "delivery.allow_private_networks"),
        ("http://169.254.169.254/", {"policy": DEVELOPMENT}, "is a cloud metadata address."),
        (
            "http://hooks.example.com:{port}/",
            {"resolve": resolving("127.0.0.1")},
            "127.0.0.1, to which it resolves, is a loopback address",
        ),
        ("https://hooks.example.com/", {"resolve": resolving()}, "does not resolve"),
    ],
)
async def test_a_url_that_the_hub_refuses_is_told_so_and_not_dialled(receiver, url, options, words):
    report = await report_on(url.format(port=receiver.port), **{"policy": STRICT} | options)
    expected = {"url": "good", "dns": "bad"} if "resolve" in options else {"url": "bad"}
    assert verdicts(report) == expected
    assert words in report.checks[-1].sentence
    assert (report.exit_code, receiver.connections) == (2, 0)


@pytest.mark.parametrize(
    ("addresses", "name", "words"),
    [(["127.0.0.2", "127.0.0.1"], "connect", "127.0.0.2"), (["0.0.0.0"], "tls", "")],
    ids=["one-address-is-dead", "plain-http-to-no-loopback-address"],
)
async def test_a_name_that_works_could_be_better(receiver, addresses, name, words):
    receiver.always(answering(receiver, verify))
    url = f"http://hooks.example.com:{receiver.port}/"
    report = await report_on(url, resolve=resolving(*addresses))
    assert {check.name: check.verdict for check in report.to_mend} == {name: "improve"}
    assert words in sentence(report, name)


async def test_a_trusted_certificate_is_good_and_its_days_are_told(make_tls):
    async with Receiver(ssl_context=make_tls(age_days=1)) as receiver:
        receiver.always(answering(receiver, verify))
        report = await report_on(receiver.url)
    assert set(verdicts(report).values()) == {"good"}, report.checks
    assert sentence(report, "tls") == "Speaks TLSv1.3."
    assert "with 88 days left" in sentence(report, "certificate")


@pytest.mark.parametrize(
    ("host", "made", "words"),
    [
        ("127.0.0.1", {"is_trusted": False}, "self-signed"),
        ("other.example.com", {}, "is for 'hooks.example.com', '127.0.0.1', not for 'other.example.com'"),
        ("hooks.example.com", {"has_names": False}, "is for no name, not for 'hooks.example.com'"),
        ("127.0.0.1", {"age_days": 93}, "expired 3 days ago"),
        ("127.0.0.1", {"age_days": -2}, "is not valid yet"),
    ],
    ids=["self-signed", "another-name", "common-name-only", "expired", "not-valid-yet"],
)
async def test_a_certificate_that_the_hub_refuses_is_bad_and_gets_no_event(make_tls, host, made, words):
    async with Receiver(ssl_context=make_tls(**made)) as receiver:
        report = await report_on(f"https://{host}:{receiver.port}/", resolve=resolving("127.0.0.1"))
        assert receiver.count == 0
    assert verdicts(report)["certificate"] == "bad"
    assert words in sentence(report, "certificate")
    assert "delivery" in report.not_tried
    assert report.exit_code == 1


@pytest.mark.parametrize(
    ("days", "left", "verdict"),
    [(90, 15, "good"), (90, 13, "improve"), (6, 2.5, "good"), (6, 1.5, "improve")],
)
async def test_a_certificate_that_nobody_renews_is_noticed_in_time(make_tls, days, left, verdict):
    now = time.time() + (days - left) * DAY_SECONDS
    async with Receiver(ssl_context=make_tls(days=days)) as receiver:
        report = await report_on(receiver.url, now=lambda: now)
    assert verdicts(report)["certificate"] == verdict


async def test_https_at_a_port_of_plain_http_is_bad(receiver):
    report = await report_on(receiver.url.replace("http:", "https:"))
    assert verdicts(report)["tls"] == "bad"
    assert report.exit_code == 1
