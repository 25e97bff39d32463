"""HTTP/1.1 as bytes: requests as they are written, answers as they come in pieces."""

import pytest

from trunkline.outbound.failures import NoAnswer
from trunkline.outbound.framing import MAX_BODY_BYTES, AnswerReader, Received, request, request_start

OK = b"HTTP/1.1 200 OK\r\nX-Name: first\r\ncontent-length: 2\r\n\r\nok"


def fed(reader: AnswerReader, data: bytes, *, size: int) -> Received | None:
    """What *reader* has after *data*, which comes in pieces of *size*."""
    received = None
    for begin in range(0, len(data), size):
        received = reader.feed(data[begin : begin + size])
    return received


@pytest.mark.parametrize("size", [1, 7, 1000])
def test_an_answer_is_whole_when_its_last_byte_has_come(size: int) -> None:
    reader = AnswerReader()
    assert fed(reader, OK[:-1], size=size) is None
    assert reader.feed(OK[-1:]) == (200, {"x-name": "first", "content-length": "2"}, b"ok")
    assert (reader.keeps_alive, reader.is_spent) == (True, False)


def test_a_second_answer_follows_a_second_request() -> None:
    reader = AnswerReader()
    reader.feed(OK)
    reader.begin()
    assert reader.feed(b"HTTP/1.1 410 Gone\r\nconnection: close\r\ncontent-length: 0\r\n\r\n") == (
        410,
        {"connection": "close", "content-length": "0"},
        b"",
    )
    assert not reader.keeps_alive


@pytest.mark.parametrize(
    "surplus", [b"HTTP/1.1 500 No\r\nx-name: second\r\ncontent-length: 3\r\n\r\nbad", b"\0\0\0"]
)
def test_what_comes_with_an_answer_but_was_not_asked_for_is_not_the_answers(surplus: bytes) -> None:
    reader = AnswerReader()
    assert reader.feed(OK + surplus) == (200, {"x-name": "first", "content-length": "2"}, b"ok")
    assert reader.is_spent


def test_interim_answers_are_passed_over() -> None:
    reader = AnswerReader()
    assert reader.feed(b"HTTP/1.1 103 Early Hints\r\nlink: x\r\n\r\n") is None
    assert reader.feed(OK) == (200, {"x-name": "first", "content-length": "2"}, b"ok")


def test_101_is_an_answer_after_which_the_connection_is_of_no_use() -> None:
    reader = AnswerReader()
    received = reader.feed(b"HTTP/1.1 101 Switching\r\nupgrade: x\r\nconnection: upgrade\r\n\r\n")
    assert received is not None
    assert (received[0], reader.is_spent) == (101, True)


def test_a_body_is_cut_where_it_is_too_long() -> None:
    reader = AnswerReader()
    head = b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n" % (MAX_BODY_BYTES + 10)
    received = fed(reader, head + b"x" * (MAX_BODY_BYTES + 10), size=10_000)
    assert received is not None
    assert (received[0], received[2]) == (200, b"x" * MAX_BODY_BYTES)
    assert reader.is_spent


def test_the_end_of_the_connection_ends_an_answer_without_a_length_only() -> None:
    reader = AnswerReader()
    assert reader.feed(b"HTTP/1.1 200 OK\r\n\r\nall of ") is None
    assert reader.feed(b"it") is None
    assert reader.end(None) == (200, {}, b"all of it")

    cut = AnswerReader()
    cut.feed(OK[:-1])
    with pytest.raises(NoAnswer, match="invalid_answer: the answer was cut off"):
        cut.end(None)


@pytest.mark.parametrize(
    ("error", "reason"),
    [(None, "the target closed the connection"), (ConnectionResetError(104, "reset"), "errno 104")],
)
def test_the_end_of_the_connection_before_a_head_is_no_answer(error: Exception | None, reason: str) -> None:
    with pytest.raises(NoAnswer, match=f"connection_failed: {reason}"):
        AnswerReader().end(error)


def test_a_request_has_the_urls_host_and_query_the_headers_and_a_length() -> None:
    start = request_start("https://example.com:8443/a?b=%20c#d")
    assert request(start, {"X-One": "100%", "user-agent": "mine"}, b"body") == (
        b"POST /a?b=%20c HTTP/1.1\r\nhost: example.com:8443\r\n"
        b"accept: */*\r\naccept-encoding: identity\r\nX-One: 100%\r\nuser-agent: mine\r\ncontent-length: 4\r\n\r\nbody"
    )
