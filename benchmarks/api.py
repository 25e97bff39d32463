"""The server side of the API measurement: the hub without its dispatcher, or the bare endpoint it is compared with.

Prints its port, and for the hub the key, on the first line.
"""

import asyncio
import sys

import uvicorn
import uvloop
from fastapi import FastAPI, Response

from benchmarks.hubs import make_hub
from trunkline.api.app import create_app
from trunkline.runtime import process


def bare() -> FastAPI:
    """Make the smallest FastAPI app that takes a JSON body and answers 201."""
    app = FastAPI()

    @app.post("/api/v1/events", status_code=201)
    async def accept(body: dict[str, object]) -> Response:  # noqa: ARG001 - read and parsed, as ours does
        return Response(b'{"ok":true}', 201, media_type="application/json")

    return app


async def main(kind: str, database_url: str) -> None:
    key = "-"
    if kind == "bare":
        app = bare()
    else:
        hub = make_hub(database_url, dispatch=False)
        async with hub:
            _, key = await hub.keys.create(92, name="bench", scopes=["events:write"])
        app = create_app(make_hub(database_url, dispatch=False))
    config = uvicorn.Config(
        app, port=0, log_level="warning", access_log=False, server_header=False, proxy_headers=False
    )
    server = uvicorn.Server(config)
    serving = asyncio.create_task(server.serve())
    while not server.started:
        await asyncio.sleep(0.01)
    if kind != "bare":
        process.tune()
    print(server.servers[0].sockets[0].getsockname()[1], key, flush=True)
    await serving


if __name__ == "__main__":
    uvloop.run(main(*sys.argv[1:]))
