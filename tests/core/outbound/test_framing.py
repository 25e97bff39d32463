"""HTTP/1.1 as bytes: written requests, and answers that come in pieces."""

import pytest

from trunkline.contract import HttpResponse
from trunkline.outbound.failures import NoAnswer
from trunkline.outbound.framing import MAX_BODY_BYTES, AnswerReader, request, request_start
from trunkline.outbound.mending import MAX_LINES

OK = b"HTTP/1.1 200 OK\r\nX-Name: first\r\ncontent-length: 2\r\n\r\nok"
FIRST = {"x-name": "first", "content-length": "2"}


def fed(reader: AnswerReader, data: bytes, *, size: int) -> HttpResponse | None:
    """Feed *data* to *reader* in pieces of *size*; give the result."""
    received = None
    for begin in range(0, len(data), size):
        received = reader.feed(data[begin : begin + size])
    return received


@pytest.mark.parametrize("size", [1, 7, 1000])
def test_an_answer_is_whole_when_its_last_byte_has_come(size):
    reader = AnswerReader()
    assert fed(reader, OK[:-1], size=size) is None
    assert reader.feed(OK[-1:]) == HttpResponse(200, FIRST, b"ok")
    assert (reader.keeps_alive, reader.is_spent) == (True, False)


def test_a_second_answer_follows_a_second_request():
    reader = AnswerReader()
    reader.feed(OK)
    reader.begin()
    assert reader.feed(
        b"HTTP/1.1 410 Gone\r\nconnection: close\r\ncontent-length: 0\r\n\r\n"
    ) == HttpResponse(410, {"connection": "close", "content-length": "0"}, b"")
    assert not reader.keeps_alive


@pytest.mark.parametrize(
    "surplus", [b"HTTP/1.1 500 No\r\nx-name: second\r\ncontent-length: 3\r\n\r\nbad", b"\0\0\0"]
)
def test_what_comes_with_an_answer_but_was_not_asked_for_is_not_the_answers(surplus):
    reader = AnswerReader()
    assert reader.feed(OK + surplus) == HttpResponse(200, FIRST, b"ok")
    assert reader.is_spent


def test_interim_answers_are_passed_over():
    reader = AnswerReader()
    assert reader.feed(b"HTTP/1.1 103 Early Hints\r\nlink: x\r\n\r\n") is None
    assert reader.feed(OK) == HttpResponse(200, FIRST, b"ok")


def test_101_is_an_answer_after_which_the_connection_is_of_no_use():
    reader = AnswerReader()
    received = reader.feed(b"HTTP/1.1 101 Switching\r\nupgrade: x\r\nconnection: upgrade\r\n\r\n")
    assert received is not None
    assert (received.status, reader.is_spent) == (101, True)


def test_a_body_is_cut_where_it_is_too_long():
    reader = AnswerReader()
    head = b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n" % (MAX_BODY_BYTES + 10)
    received = fed(reader, head + b"x" * (MAX_BODY_BYTES + 10), size=10_000)
    assert received is not None
    assert (received.status, received.body, received.is_whole) == (200, b"x" * MAX_BODY_BYTES, False)
    assert reader.is_spent


def test_the_end_of_the_connection_ends_an_answer_without_a_length():
    reader = AnswerReader()
    assert reader.feed(b"HTTP/1.1 200 OK\r\n\r\nall of ") is None
    assert reader.feed(b"it") is None
    assert reader.end(None) == HttpResponse(200, {}, b"all of it")


NEARLY_HTTP = {
    "chunked beside a length": b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n",
    "a length twice": b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\ncontent-length: 2\r\n\r\nok",
    "a list of equal lengths": b"HTTP/1.1 200 OK\r\nContent-Length: 2, 2\r\n\r\nok",
    "a folded line": b"HTTP/1.1 200 OK\r\nX-Name: a\r\n  b\r\nContent-Length: 2\r\n\r\nok",
    "bare LF": b"HTTP/1.1 200 OK\nContent-Length: 2\n\nok",
    "HTTP/1.2": b"HTTP/1.2 200 OK\r\nContent-Length: 2\r\n\r\nok",
    "after an interim answer": b"HTTP/1.1 103 Hints\nlink: x\n\nHTTP/1.1 200 OK\nContent-Length: 2\n\nok",
}


@pytest.mark.parametrize("size", [1, 7, 1000])
@pytest.mark.parametrize("answer", NEARLY_HTTP.values(), ids=NEARLY_HTTP)
def test_an_answer_that_other_clients_read_counts_and_its_connection_is_not_kept(answer, size):
    reader = AnswerReader()
    assert fed(reader, answer[:-1], size=size) is None
    received = reader.feed(answer[-1:])
    assert received is not None
    assert (received.status, received.body, received.is_whole) == (200, b"ok", True)
    assert received.headers.get("x-name", "a b") == "a b"
    assert not reader.keeps_alive


@pytest.mark.parametrize(
    "answer",
    [
        b"HTTP/1.1 099 No\r\ncontent-length: 0\r\n\r\n",
        b"HTTP/1.1 000 No\r\ncontent-length: 0\r\n\r\n" + OK,
        b"HTTP/1.2 099 No\r\ncontent-length: 0\r\n\r\n",
        b"RTSP/1.0 200 OK\r\ncontent-length: 0\r\n\r\n",
        b"HTTP/2.0 200 OK\r\ncontent-length: 0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\nok",
        b"HTTP/1.1 200 OK\r\ncontent-length: two\r\n\r\nok",
        b"HTTP/1.1 200 OK\nno colon\n\nok",
        b"HTTP/1.1 200 OK\nx y: z\n\nok",
        b"HTTP/1.1 200 OK\nx: a\0b\n\nok",
        b"HTTP/1.1 200 OK\n" + b"x: a\n" * MAX_LINES + b"\nok",
        b"HTTP/1.1 103 Hints\n\n" * MAX_LINES + OK,
    ],
)
@pytest.mark.parametrize("size", [1, 1000])
def test_what_has_no_status_of_http_1_is_no_answer(answer, size):
    with pytest.raises(NoAnswer, match="invalid_answer"):
        fed(AnswerReader(), answer, size=size)


def test_a_trailer_is_no_header():
    reader = AnswerReader()
    head = b"HTTP/1.1 503 No\r\ntransfer-encoding: chunked\r\ntrailer: retry-after\r\n\r\n"
    received = reader.feed(head + b"2\r\nok\r\n0\r\nretry-after: 3600\r\n\r\n")
    assert received is not None
    assert received.headers == {"transfer-encoding": "chunked", "trailer": "retry-after"}


@pytest.mark.parametrize(
    ("error", "reason"),
    [(None, "the target closed the connection"), (ConnectionResetError(104, "reset"), "errno 104")],
)
def test_the_end_of_the_connection_before_a_head_is_no_answer(error, reason):
    with pytest.raises(NoAnswer, match=f"connection_failed: {reason}"):
        AnswerReader().end(error)


def test_a_request_has_the_urls_host_and_query_the_headers_and_a_length():
    start = request_start("https://example.com:8443/a|b?b=%20c|#d")
    assert request("POST", start, {"X-One": "100%", "user-agent": "mine"}, b"body") == (
        b"POST /a%7Cb?b=%20c%7C HTTP/1.1\r\nhost: example.com:8443\r\n"
        b"accept: */*\r\naccept-encoding: identity\r\nX-One: 100%\r\nuser-agent: mine\r\ncontent-length: 4\r\n\r\nbody"
    )
