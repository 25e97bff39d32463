"""The cheapest realistic baselines: ``python -m benchmarks.bare endpoint`` and ``loop COUNT URL``.

The endpoint is a FastAPI route that reads the body and answers, on the hub's server and event loop; it prints its
port. The loop posts one body with aiohttp in 64 concurrent requests; it prints the posts per second and its CPU time.
"""

import asyncio
import itertools
import json
import sys
import time

import aiohttp
import uvicorn
import uvloop
from fastapi import FastAPI, Request, Response

from benchmarks.hubs import drafts

CONCURRENCY = 64


def endpoint() -> FastAPI:
    """Make the smallest FastAPI app that reads a body and answers 201."""
    bare = FastAPI()
    numbers = itertools.count(1)

    @bare.post("/api/v1/events")
    async def accept(request: Request) -> Response:
        await request.body()
        return Response(b'{"id":%d}' % next(numbers), 201, media_type="application/json")

    return bare


async def serve(app: FastAPI) -> None:
    """Print the port, and serve *app* until the process is ended."""
    config = uvicorn.Config(
        app, port=0, log_level="warning", access_log=False, server_header=False, proxy_headers=False
    )
    server = uvicorn.Server(config)
    serving = asyncio.create_task(server.serve())
    while not server.started:
        await asyncio.sleep(0.01)
    print(server.servers[0].sockets[0].getsockname()[1], flush=True)
    await serving


async def loop(count: int, url: str) -> None:
    """Post the same body *count* times."""
    body = drafts(1, 1)[0].envelope(1000)
    left = iter(range(count))

    async def post(session: aiohttp.ClientSession) -> None:
        for _ in left:
            async with session.post(url, data=body, headers={"content-type": "application/json"}) as answer:
                await answer.read()

    async with aiohttp.ClientSession() as session:
        began, cpu = time.perf_counter(), time.process_time()
        await asyncio.gather(*(post(session) for _ in range(CONCURRENCY)))
        seconds, spent = time.perf_counter() - began, time.process_time() - cpu
    print(json.dumps({"per_second": count / seconds, "cpu_us": spent / count * 1e6}))


def main() -> None:
    if sys.argv[1] == "endpoint":
        uvloop.run(serve(endpoint()))
    else:
        uvloop.run(loop(int(sys.argv[2]), sys.argv[3]))


if __name__ == "__main__":
    main()
