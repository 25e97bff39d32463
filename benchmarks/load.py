"""Load on an HTTP server: keep-alive connections that repeat one prepared request, as cheaply as Python can.

``python -m benchmarks.load URL PATH CONNECTIONS SECONDS KEY`` reads the body from standard input and warms up for a fifth
of SECONDS. Then it measures, and prints requests per second and latency percentiles.
"""

import asyncio
import json
import sys
import time
from urllib.parse import SplitResult, urlsplit

import uvloop


class Client(asyncio.Protocol):
    """A connection that sends a request, waits for the whole answer, and sends the request again."""

    def __init__(
        self, request: bytes, until: float, latencies: list[float], done: asyncio.Future[None]
    ) -> None:
        self.request = request
        self.until = until
        self.latencies = latencies
        self.done = done
        self.buffer = b""

    def connection_made(self, transport):
        self.transport = transport
        self.send()

    def send(self):
        self.sent = time.perf_counter()
        if self.sent >= self.until:
            self.transport.close()
            self.done.set_result(None)
            return
        self.transport.write(self.request)

    def data_received(self, data):
        self.buffer += data
        end = self.buffer.find(b"\r\n\r\n")
        if end < 0:
            return
        head = self.buffer[:end].lower()
        start = head.find(b"content-length:")
        length = int(head[start + 15 :].split(b"\r\n", 1)[0])
        if len(self.buffer) < end + 4 + length:
            return
        if not head.startswith(b"http/1.1 2"):
            self.done.set_exception(RuntimeError(self.buffer.decode()))
            self.transport.close()
            return
        self.buffer = self.buffer[end + 4 + length :]
        self.latencies.append(time.perf_counter() - self.sent)
        self.send()


async def run(
    url: str, path: str, *, connections: int, seconds: float, key: str, body: bytes
) -> dict[str, float]:
    parts = urlsplit(url)
    head = (
        f"POST {path} HTTP/1.1\r\nHost: {parts.netloc}\r\nX-Api-Key: {key}\r\n"
        f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    request = head.encode() + body
    warm = await _send(parts, request, connections=connections, seconds=seconds / 5)
    began = time.perf_counter()
    latencies = sorted(await _send(parts, request, connections=connections, seconds=seconds * 4 / 5))
    return {
        "per_second": len(latencies) / (time.perf_counter() - began),
        "count": len(warm) + len(latencies),
        "p50_ms": latencies[len(latencies) // 2] * 1000,
        "p99_ms": latencies[len(latencies) * 99 // 100] * 1000,
    }


async def _send(parts: SplitResult, request: bytes, *, connections: int, seconds: float) -> list[float]:
    loop = asyncio.get_running_loop()
    latencies: list[float] = []
    until = time.perf_counter() + seconds
    ends = [loop.create_future() for _ in range(connections)]
    for end in ends:
        await loop.create_connection(
            lambda end=end: Client(request, until, latencies, end), parts.hostname, parts.port
        )
    await asyncio.gather(*ends)
    return latencies


if __name__ == "__main__":
    target, path, connections, seconds, key = sys.argv[1:]
    print(
        json.dumps(
            uvloop.run(
                run(
                    target,
                    path,
                    connections=int(connections),
                    seconds=float(seconds),
                    key=key,
                    body=sys.stdin.buffer.read(),
                )
            )
        )
    )
