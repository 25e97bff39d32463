"""The scripted receiver, over plain sockets: it answers by its script and keeps the requests."""

import asyncio
import contextlib
import socket

import pytest
from tests.some import some

from trunkline_kit.receiver import (
    Answer,
    CloseWithoutAnswer,
    Connection,
    Drip,
    EndlessHeaders,
    Garbage,
    Hang,
    HugeBody,
    Receiver,
    Redirect,
    Reset,
)

POST = b"POST /hook?x=1 HTTP/1.1\r\nHost: a\r\nWebhook-Id: 17\r\nContent-Length: 5\r\n\r\nhello"


async def send(receiver: Receiver, *pieces: bytes, read: int = 65_536) -> bytes:
    """Send *pieces* over one connection; return the first *read* bytes, or the bytes before 0.2 s of silence."""
    reader, writer = await asyncio.open_connection(receiver.host, receiver.port)
    received = b""
    try:
        for piece in pieces:
            writer.write(piece)
            await writer.drain()
        while len(received) < read:
            piece = await asyncio.wait_for(reader.read(read - len(received)), 0.2)
            if not piece:
                break
            received += piece
    except TimeoutError:
        pass
    finally:
        writer.transport.abort()
    return received


async def test_a_request_is_answered_and_kept_as_it_came(receiver):
    answer = await send(receiver, POST)
    assert answer == b"HTTP/1.1 200 \r\ncontent-length: 0\r\n\r\n"
    (request,) = await receiver.wait_for(1)
    assert (request.method, request.path, request.body) == ("POST", "/hook?x=1", b"hello")
    assert request.headers == {"host": "a", "webhook-id": "17", "content-length": "5"}
    assert request.received_at > 0


@pytest.mark.parametrize(
    ("answer", "sent"),
    [
        pytest.param(
            Answer(503, headers={"retry-after": "7"}, body=b"later"),
            b"HTTP/1.1 503 \r\ncontent-length: 5\r\nretry-after: 7\r\n\r\nlater",
            id="an-answer",
        ),
        pytest.param(
            Redirect("http://10.0.0.1/"),
            b"HTTP/1.1 302 \r\ncontent-length: 0\r\nlocation: http://10.0.0.1/\r\n\r\n",
            id="a-redirect",
        ),
        pytest.param(Garbage(b"\xffnonsense"), b"\xffnonsense", id="garbage"),
        pytest.param(Hang(), b"", id="nothing"),
        pytest.param(CloseWithoutAnswer(), b"", id="nothing-and-a-close"),
    ],
)
async def test_what_is_scripted_is_sent_as_it_is(receiver, answer, sent):
    receiver.script([answer])
    assert await send(receiver, POST) == sent
    assert receiver.count == 1


async def test_the_default_answer_can_be_chosen(receiver):
    receiver.answer(503)
    assert await send(receiver, POST, read=12) == b"HTTP/1.1 503"


async def test_a_script_is_used_up_one_answer_per_request_then_the_default_returns(receiver):
    receiver.script([Answer(500), Answer(404)])
    answers = [await send(receiver, POST, read=12) for _ in range(3)]
    assert answers == [b"HTTP/1.1 500", b"HTTP/1.1 404", b"HTTP/1.1 200"]


async def test_a_path_has_its_own_script_and_default(receiver):
    receiver.script([Answer(500)], path="/hook")
    receiver.answer(410, path="/gone")
    gone = POST.replace(b"/hook", b"/gone")
    assert await send(receiver, gone, read=12) == b"HTTP/1.1 410"
    assert await send(receiver, POST, read=12) == b"HTTP/1.1 500"
    assert await send(receiver, POST, read=12) == b"HTTP/1.1 200"


async def test_a_connection_is_kept_alive_and_pipelined_requests_are_answered_in_order(receiver):
    receiver.script([Answer(201, delay_seconds=0.02), Answer(202)])
    answer = await send(receiver, POST + POST)
    assert [line[9:12] for line in answer.split(b"\r\n") if line.startswith(b"HTTP/")] == [b"201", b"202"]
    assert [request.connection for request in receiver.requests] == [1, 1]


async def test_a_chunked_body_is_put_together(receiver):
    head = b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
    await send(receiver, head, b"3\r\nhel\r\n", b"2\r\nlo\r\n0\r\n\r\n")
    assert receiver.requests[0].body == b"hello"


async def test_a_client_that_asks_first_is_told_to_go_on(receiver):
    head = b"POST / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n"
    answer = await send(receiver, head, b"ok")
    assert answer.startswith(b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200")


async def test_what_is_not_http_is_answered_with_400(receiver):
    assert (await send(receiver, b"\x00\x01\x02\r\n\r\n")).startswith(b"HTTP/1.1 400")
    assert receiver.count == 0


async def test_a_reset_is_a_reset(receiver):
    receiver.script([Reset()])
    with pytest.raises(ConnectionResetError):
        await send(receiver, POST)


async def test_a_drip_is_byte_by_byte(receiver):
    receiver.script([Drip(0.01)])
    head, _, body = (await send(receiver, POST, read=70)).partition(b"\r\n\r\n")
    assert b"content-length: 1000000000" in head
    assert set(body) == {ord(".")}


async def test_endless_headers_do_not_end(receiver):
    receiver.script([EndlessHeaders()])
    answer = await send(receiver, POST, read=1_000_000)
    assert len(answer) == 1_000_000
    assert b"\r\n\r\n" not in answer


async def test_a_huge_body_has_its_size(receiver):
    receiver.script([HugeBody(3_000_000)])
    head, _, body = (await send(receiver, POST, read=4_000_000)).partition(b"\r\n\r\n")
    assert b"content-length: 3000000" in head
    assert len(body) == 3_000_000


async def test_an_answer_can_be_a_function_of_ones_own(receiver):
    async def teapot(connection: Connection) -> None:
        connection.write(Answer(418).render())

    receiver.always(teapot)
    assert await send(receiver, POST, read=12) == b"HTTP/1.1 418"


async def test_waiting_ends_with_the_last_request_or_with_its_time(receiver):
    waiting = asyncio.create_task(receiver.wait_for(2))
    await send(receiver, POST, read=12)
    assert not waiting.done()
    await send(receiver, POST, read=12)
    assert len(await waiting) == 2
    with pytest.raises(TimeoutError):
        await receiver.wait_for(3, timeout_seconds=0.01)


async def test_without_recording_requests_are_only_counted():
    async with Receiver(record=False) as receiver:
        await send(receiver, POST, read=12)
        assert (receiver.count, receiver.requests) == (1, [])


async def test_a_receiver_that_has_ended_does_not_listen_and_can_return_on_its_port():
    async with Receiver() as receiver:
        receiver.always(HugeBody())
        _, writer = await asyncio.open_connection(receiver.host, receiver.port)
        writer.write(POST)
        await receiver.wait_for(1)
    writer.transport.abort()
    with pytest.raises(ConnectionRefusedError):
        await asyncio.open_connection(receiver.host, receiver.port)
    async with Receiver(port=receiver.port) as again:
        assert await send(again, POST, read=12) == b"HTTP/1.1 200"


async def test_small_writes_are_not_held_back(receiver):
    options: list[int] = []

    async def look(connection: Connection) -> None:
        transport = connection.transport
        assert transport is not None
        options.append(transport.get_extra_info("socket").getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY))
        connection.write(Answer().render())

    receiver.always(look)
    await send(receiver, POST, read=12)
    assert options == [1]


@pytest.mark.parametrize("turns", range(4))
async def test_connections_that_come_while_a_receiver_ends_are_ended_too(turns):
    async with Receiver() as receiver:
        _, writer = await asyncio.open_connection(receiver.host, receiver.port)
        late = [socket.create_connection((receiver.host, receiver.port)) for _ in range(20)]
        for _ in range(turns):  # the loop's progress in accepting them
            await asyncio.sleep(0)
    writer.transport.abort()
    for connection in some(late):
        with connection:
            connection.settimeout(5)
            with contextlib.suppress(ConnectionResetError):
                assert connection.recv(1) == b""
