"""The doctor's findings at real receivers: good, careless, broken and missing ones."""

import json
import socket
import ssl
import time
from collections.abc import Callable
from typing import Any

import pytest
from standardwebhooks import Webhook, WebhookVerificationError

from trunkline.cli.doctor.checks import Report, Thresholds, Verdict
from trunkline.cli.doctor.examination import MAX_REQUESTS, examine
from trunkline.outbound import Resolve
from trunkline.schemas.catalog import SchemaCatalog
from trunkline.schemas.files import package_event_types
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
CATALOG = SchemaCatalog(package_event_types("trunkline_schemas"))
SECRET = new_secret("standard")
LIMIT_SECONDS = 2.0
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


def texts(receiver: Receiver) -> list[dict[str, Any]]:
    """Read the bodies that are text; one body of the doctor is not."""
    bodies = [request.body for request in receiver.requests if not request.body.startswith(b"\xff")]
    assert len(bodies) == receiver.count - 1
    return [json.loads(body) for body in bodies]


def is_genuine(request: ReceivedRequest) -> bool:
    try:
        Webhook(SECRET).verify(request.body, dict(request.headers))
    except (WebhookVerificationError, ValueError):
        return False
    return True


def answering(receiver: Receiver, choose: Callable[[ReceivedRequest], Reply]) -> Reply:
    """Answer each request with the reply that *choose* gives.

    The doctor sends one request at a time, so the newest is the present one.
    """

    async def reply(connection: Connection) -> None:
        await choose(receiver.requests[-1])(connection)

    return reply


def verify(receiver: Receiver) -> None:
    """Make *receiver* a good one: 204 to a request that is signed with ``SECRET`` now, 401 to any other."""
    receiver.always(answering(receiver, lambda request: Answer(204 if is_genuine(request) else 401)))


async def report_on(url: str, **changed: Any) -> Report:
    options = {"policy": DEVELOPMENT, "timeout_seconds": LIMIT_SECONDS, "secret": SECRET}
    return await examine(url, catalog=CATALOG, **(options | changed))


def verdicts(report: Report) -> dict[str, str]:
    return {check.name: check.verdict for check in report.checks}


def sentence(report: Report, name: str) -> str:
    return next(check.sentence for check in report.checks if check.name == name)


async def test_a_receiver_that_verifies_is_good_in_every_respect(receiver):
    verify(receiver)
    report = await report_on(f"{receiver.url}/hooks?team=7")
    assert set(verdicts(report).values()) == {Verdict.GOOD}, report.checks
    assert (report.not_tried, report.exit_code) == ((), 0)


async def test_every_request_says_that_it_is_a_test_and_there_are_few(receiver):
    verify(receiver)
    await report_on(receiver.url)
    assert receiver.count <= MAX_REQUESTS == 20
    assert all(request.headers["webhook-id"].startswith("test_") for request in receiver.requests)
    bodies = texts(receiver)
    assert {body["metadata"]["source"] for body in bodies} == {"test"}
    assert all(body["id"] <= 999 for body in bodies)


async def test_known_types_carry_payloads_that_their_schema_allows(receiver):
    await report_on(receiver.url)
    bodies = texts(receiver)
    known = [body for body in bodies if CATALOG.get(body["type"])]
    assert len(known) == len(bodies) - 1
    assert [CATALOG.check(body["type"], body["payload"]) for body in known] == [[]] * len(known)


async def test_a_deployment_without_event_types_is_served_too(receiver):
    verify(receiver)
    report = await examine(
        receiver.url, policy=DEVELOPMENT, catalog=SchemaCatalog([]), timeout_seconds=LIMIT_SECONDS, secret=SECRET
    )  # fmt: skip
    assert report.exit_code == 0


async def test_only_duplicates_repeat_an_id(receiver):
    await report_on(receiver.url)
    ids = [request.headers["webhook-id"] for request in receiver.requests]
    repeated = [request for request in receiver.requests if ids.count(request.headers["webhook-id"]) > 1]
    assert len(repeated) == 4
    for first, again in (repeated[:2], repeated[2:]):
        assert first.body == again.body
        assert {each.headers["trunkline-attempt"] for each in (first, again)} == {"1", "2"}


async def test_a_receiver_that_checks_nothing_is_bad_at_each_signature(receiver):
    report = await report_on(receiver.url)
    assert [check.name for check in report.to_mend] == [*SIGNATURE_CHECKS, "signature-junk"]
    assert {check.verdict for check in report.to_mend} == {Verdict.BAD}
    assert report.exit_code == 1


async def test_without_the_secret_a_receiver_that_verifies_is_not_blamed(receiver):
    verify(receiver)
    report = await report_on(receiver.url, secret=None)
    by_name = verdicts(report)
    unjudged = {"delivery", "duplicates", "duplicates-at-once", *SIGNATURE_CHECKS}
    assert {name for name, verdict in by_name.items() if verdict == Verdict.UNKNOWN} == unjudged
    assert "--secret" in sentence(report, "delivery")
    assert report.exit_code == 0


async def test_without_the_secret_a_receiver_that_accepts_all_is_only_suspected(receiver):
    report = await report_on(receiver.url, secret=None)
    found = {name: verdicts(report)[name] for name in SIGNATURE_CHECKS}
    assert found.pop("signature-missing") == Verdict.BAD  # this needs no secret
    assert {*found.values()} == {Verdict.UNKNOWN}
    assert "seems to verify nothing" in sentence(report, "signature-wrong")


async def test_a_receiver_that_has_another_secret_is_bad_at_deliveries_only(receiver):
    verify(receiver)
    report = await report_on(receiver.url, secret=new_secret("standard"))
    assert [check.name for check in report.to_mend] == ["delivery"]
    assert "subscription's secret" in sentence(report, "delivery")
    assert verdicts(report)["signature-wrong"] == Verdict.UNKNOWN


async def test_a_receiver_that_ignores_the_time_is_bad_at_that_alone(receiver):
    def choose(request: ReceivedRequest) -> Reply:
        timestamp = request.headers["webhook-timestamp"]
        is_old = timestamp.isdigit() and int(timestamp) < time.time() - 300
        return Answer(200 if is_old or is_genuine(request) else 401)

    receiver.always(answering(receiver, choose))
    report = await report_on(receiver.url)
    assert [check.name for check in report.to_mend] == ["signature-old"]


async def test_a_receiver_that_fails_on_a_wrong_signature_could_refuse_it(receiver):
    receiver.always(answering(receiver, lambda request: Answer(200 if is_genuine(request) else 500)))
    report = await report_on(receiver.url)
    improve = dict.fromkeys(SIGNATURE_CHECKS, Verdict.IMPROVE)
    found = {check.name: check.verdict for check in report.to_mend}
    assert found == improve | {"signature-junk": Verdict.BAD}
    assert "catch every error of the verification" in sentence(report, "signature-junk")


async def test_a_redirect_is_bad_and_its_place_is_named_without_control_characters(receiver):
    receiver.always(Redirect("https://example.com/\x9b31mhooks", 308))
    report = await report_on(receiver.url)
    assert verdicts(report) | {"redirect": "bad", "delivery": "bad"} == verdicts(report)
    assert "'https://example.com/?31mhooks'" in sentence(report, "redirect")
    assert {request.path for request in receiver.requests} == {"/"}


@pytest.mark.parametrize(
    ("status", "advice"),
    [
        (500, "its log"),
        (404, "the path"),
        (405, "takes no POST"),
        (410, "disables"),
        (429, "raise its limit"),
    ],
)
async def test_an_answer_that_is_no_success_is_bad_and_explained(receiver, status, advice):
    receiver.answer(status)
    report = await report_on(receiver.url, secret=None)
    assert verdicts(report)["delivery"] == Verdict.BAD
    assert f"Answers {status}: " in sentence(report, "delivery")
    assert advice in sentence(report, "delivery")
    assert report.exit_code == 1


async def test_a_receiver_that_fails_at_times_is_bad_and_its_share_is_told(receiver):
    receiver.script([Answer(200), Answer(503), Answer(200)])
    assert "503 to 1 of 5 events" in sentence(await report_on(receiver.url), "delivery")


@pytest.mark.parametrize(("status", "at_once"), [(409, Verdict.IMPROVE), (500, Verdict.BAD)])
async def test_a_receiver_that_refuses_what_it_has_seen_is_bad(receiver, status, at_once):
    def choose(request: ReceivedRequest) -> Reply:
        seen = [request.headers["webhook-id"] for request in receiver.requests[:-1]]
        return Answer(
            status if request.headers["webhook-id"] in seen else 200 if is_genuine(request) else 401
        )

    receiver.always(answering(receiver, choose))
    report = await report_on(receiver.url)
    assert {check.name: check.verdict for check in report.to_mend} == {
        "duplicates": Verdict.BAD,
        "duplicates-at-once": at_once,
    }


@pytest.mark.parametrize(("status", "verdict"), [(500, Verdict.BAD), (422, Verdict.GOOD)])
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


@pytest.mark.parametrize(("size", "verdict"), [(65_536, Verdict.GOOD), (65_537, Verdict.IMPROVE)])
async def test_an_answer_may_have_as_many_bytes_as_the_hub_reads(receiver, size, verdict):
    receiver.answer(body=b"x" * size)
    assert verdicts(await report_on(receiver.url))["answer-size"] == verdict


async def test_an_endless_answer_that_announces_no_size_is_found_too_large(receiver):
    async def reply(connection: Connection) -> None:
        connection.write(
            b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n11000\r\n" + b"x" * 0x11000 + b"\r\n"
        )

    receiver.always(reply)
    assert verdicts(await report_on(receiver.url))["answer-size"] == Verdict.IMPROVE


async def test_a_receiver_that_announces_the_end_of_each_connection_could_keep_it(receiver):
    receiver.answer(headers={"connection": "close"})
    assert verdicts(await report_on(receiver.url))["keep-alive"] == Verdict.IMPROVE


async def test_a_receiver_that_drops_a_kept_connection_is_bad(receiver):
    receiver.script([Answer(), CloseWithoutAnswer()])
    report = await report_on(receiver.url)
    assert verdicts(report)["keep-alive"] == Verdict.BAD
    assert "'connection: close'" in sentence(report, "keep-alive")


@pytest.mark.parametrize(
    ("slow", "very_slow", "verdict"),
    [(1, 5, Verdict.GOOD), (0.02, 5, Verdict.IMPROVE), (0.01, 0.02, Verdict.BAD)],
)
async def test_latency_is_judged_by_the_median(receiver, slow, very_slow, verdict):
    receiver.answer(delay_seconds=0.03)
    thresholds = Thresholds(slow_seconds=slow, very_slow_seconds=very_slow)
    report = await report_on(receiver.url, thresholds=thresholds)
    assert verdicts(report)["latency"] == verdict


async def test_one_slow_answer_of_five_is_not_held_against_it(receiver):
    receiver.script([Answer(delay_seconds=0.5)])
    report = await report_on(receiver.url, thresholds=Thresholds(slow_seconds=0.4))
    assert verdicts(report)["latency"] == Verdict.GOOD


async def test_an_answer_over_the_time_limit_is_bad_whatever_the_median(receiver):
    receiver.script([Answer(), Answer(), Hang()])
    report = await report_on(receiver.url, timeout_seconds=0.3)
    assert verdicts(report)["latency"] == Verdict.BAD
    assert "within 300 ms to 1 of 5" in sentence(report, "latency")


@pytest.mark.parametrize(
    ("reply", "advice"), [(Hang(), "time limit"), (CloseWithoutAnswer(), "its log"), (Garbage(), "not HTTP")]
)
async def test_a_receiver_that_never_answers_is_left_alone_after_two_events(receiver, reply, advice):
    receiver.always(reply)
    report = await report_on(receiver.url, timeout_seconds=0.2)
    assert receiver.count == 2
    assert verdicts(report)["delivery"] == Verdict.BAD
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
    ("url", "policy", "words"),
    [
        ("mailto:jane@example.com", STRICT, "Only receivers of HTTP are examined; what 'mailto:' leads to"),
        ("nats:crm", DEVELOPMENT, "what 'nats:' leads to is known to its channel alone"),
        ("localhost:8000", STRICT, "must start with 'https://'"),
        ("nonsense", DEVELOPMENT, "starts with 'https://'"),
        ("http://", DEVELOPMENT, "names no host"),
        ("http://example.com/", AddressPolicy(), "delivery.allow_http"),
        ("http://127.0.0.1:{port}/", STRICT, "delivery.allow_private_networks"),
        ("http://169.254.169.254/", DEVELOPMENT, "is a cloud metadata address."),
    ],
)
async def test_a_url_that_the_hub_refuses_is_told_so_and_not_dialled(receiver, url, policy, words):
    report = await report_on(url.format(port=receiver.port), policy=policy)
    assert verdicts(report) == {"url": Verdict.BAD}
    assert words in sentence(report, "url")
    assert (report.exit_code, receiver.connections) == (2, 0)


async def test_a_name_that_leads_to_a_private_address_is_not_dialled(receiver):
    report = await report_on(
        f"http://hooks.example.com:{receiver.port}/", policy=STRICT, resolve=resolving("127.0.0.1")
    )
    assert verdicts(report) == {"url": "good", "dns": "bad"}
    assert "127.0.0.1, to which it resolves, is a loopback address" in sentence(report, "dns")
    assert (report.exit_code, receiver.connections) == (2, 0)


async def test_a_name_that_does_not_resolve_is_not_reachable():
    report = await report_on("https://hooks.example.com/", resolve=resolving())
    assert verdicts(report)["dns"] == Verdict.BAD
    assert report.exit_code == 2


async def test_a_name_of_which_one_address_is_dead_works_but_could_be_better(receiver):
    verify(receiver)
    report = await report_on(
        f"http://hooks.example.com:{receiver.port}/", resolve=resolving("127.0.0.2", "127.0.0.1")
    )
    assert {check.name: check.verdict for check in report.to_mend} == {"connect": Verdict.IMPROVE}
    assert "127.0.0.2" in sentence(report, "connect")


MakeTls = Callable[..., tuple[ssl.SSLContext, ssl.SSLContext]]


async def test_a_trusted_certificate_is_good_and_its_days_are_told(make_tls):
    server, client = make_tls()
    async with Receiver(ssl_context=server) as receiver:
        verify(receiver)
        report = await report_on(receiver.url, ssl_context=client)
    assert set(verdicts(report).values()) == {Verdict.GOOD}, report.checks
    assert sentence(report, "tls") == "Speaks TLSv1.3."
    assert "with 88 days left" in sentence(report, "certificate")


async def test_a_self_signed_certificate_is_bad_and_gets_no_event(make_tls):
    server, _ = make_tls()
    async with Receiver(ssl_context=server) as receiver:
        report = await report_on(receiver.url)
        assert receiver.count == 0
    assert verdicts(report)["certificate"] == Verdict.BAD
    assert "self-signed" in sentence(report, "certificate")
    assert "delivery" in report.not_tried
    assert report.exit_code == 1


async def test_a_certificate_of_another_name_is_bad_and_both_are_named(make_tls):
    server, client = make_tls()
    async with Receiver(ssl_context=server) as receiver:
        report = await report_on(
            f"https://other.example.com:{receiver.port}/",
            ssl_context=client,
            resolve=resolving("127.0.0.1"),
        )
    assert "is for 'hooks.example.com', '127.0.0.1', not for 'other.example.com'" in sentence(
        report, "certificate"
    )


async def test_a_certificate_that_has_its_host_as_common_name_only_is_bad_as_it_is_for_the_hub(
    make_tls, tmp_path, monkeypatch
):
    server, _ = make_tls(has_names=False)
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "own.pem"))
    async with Receiver(ssl_context=server) as receiver:
        url = f"https://hooks.example.com:{receiver.port}/"
        report = await report_on(url, resolve=resolving("127.0.0.1"))
    assert "is for no name, not for 'hooks.example.com'" in sentence(report, "certificate")


async def test_an_expired_certificate_is_bad_and_its_age_is_told(make_tls):
    server, client = make_tls(days=90, age_days=93)
    async with Receiver(ssl_context=server) as receiver:
        report = await report_on(receiver.url, ssl_context=client)
    assert "expired 3 days ago" in sentence(report, "certificate")


@pytest.mark.parametrize(
    ("days", "left", "verdict"),
    [(90, 15, "good"), (90, 13, "improve"), (6, 2.5, "good"), (6, 1.5, "improve")],
)
async def test_a_certificate_that_nobody_renews_is_noticed_in_time(make_tls, days, left, verdict):
    server, client = make_tls(days=days, age_days=0)
    now = time.time() + (days - left) * DAY_SECONDS
    async with Receiver(ssl_context=server) as receiver:
        report = await report_on(receiver.url, ssl_context=client, now=lambda: now)
    assert verdicts(report)["certificate"] == verdict


async def test_https_at_a_port_of_plain_http_is_bad(receiver):
    report = await report_on(receiver.url.replace("http:", "https:"))
    assert verdicts(report)["tls"] == Verdict.BAD
    assert report.exit_code == 1


async def test_plain_http_to_what_is_no_loopback_address_could_be_better(receiver):
    verify(receiver)
    report = await report_on(
        f"http://hooks.example.com:{receiver.port}/",
        resolve=resolving("0.0.0.0"),  # a name that resolves to this machine
    )
    assert {check.name: check.verdict for check in report.to_mend} == {"tls": Verdict.IMPROVE}
