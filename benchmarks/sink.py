"""The target of every push: answers 204 to anything, as cheaply as Python can. Run as a separate process.

``GET /refuse`` makes it answer 503 until ``GET /take``; both requests, and ``GET /count``, return the number of
accepted deliveries.

``python -m benchmarks.sink arrivals`` also records when the first byte of each delivery came; ``GET /arrivals`` returns
the times by event id, on the clock of ``time.monotonic``, which all processes of a machine share.
"""

import asyncio
import json
import re
import sys
import time

import uvloop

TAKEN = b"HTTP/1.1 204 No Content\r\n\r\n"
REFUSED = b"HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\n\r\n"
EVENT_ID = re.compile(rb"\r\nwebhook-id: ?([0-9]+)\r\n", re.IGNORECASE)


class Sink(asyncio.Protocol):
    """One connection. Understands only the requests of our clients: heads with a Content-Length."""

    received = 0
    refuses = False

    def connection_made(self, transport):
        self.transport = transport
        self.buffer = b""

    def data_received(self, data):
        buffer = self.buffer + data if self.buffer else data
        answers = 0
        while True:
            end = buffer.find(b"\r\n\r\n")
            if end < 0:
                break
            head = buffer[:end].lower()
            start = head.find(b"content-length:")
            length = int(head[start + 15 :].split(b"\r\n", 1)[0]) if start >= 0 else 0
            if len(buffer) < end + 4 + length:
                break
            if head.startswith((b"get /count", b"get /refuse", b"get /take")):
                Sink.refuses = head.startswith(b"get /refuse") or (
                    Sink.refuses and head.startswith(b"get /count")
                )
                text = b"%d" % Sink.received
                self.transport.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%b" % (len(text), text))
            else:
                answers += 1
            buffer = buffer[end + 4 + length :]
        self.buffer = buffer
        if answers:
            Sink.received += 0 if Sink.refuses else answers
            self.transport.write((REFUSED if Sink.refuses else TAKEN) * answers)


class Arrivals(Sink):
    """A sink that records the time of each arrival."""

    seen: dict[int, float] = {}  # noqa: RUF012 - of the whole process

    def data_received(self, data):
        now = time.monotonic()
        if data.startswith(b"GET /arrivals"):
            text = json.dumps(Arrivals.seen).encode()
            self.transport.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%b" % (len(text), text))
            return
        if not Sink.refuses:
            for event_id in EVENT_ID.findall(data):
                Arrivals.seen.setdefault(int(event_id), now)
        super().data_received(data)


async def main(kind: str = "sink") -> None:
    protocol = Arrivals if kind == "arrivals" else Sink
    server = await asyncio.get_running_loop().create_server(protocol, "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


if __name__ == "__main__":
    uvloop.run(main(*sys.argv[1:]))
    sys.exit()
