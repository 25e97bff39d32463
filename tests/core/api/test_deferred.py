"""A hub that has just started, over a real socket: it is ready before the web framework and the routes are loaded."""

import asyncio
import contextlib

import pytest
from tests.raw_http import connect, head

from trunkline.api import server
from trunkline.api.deferred import DeferredApp
from trunkline.errors import PluginFailed
from trunkline.hub.hub import Hub
from trunkline_kit.hubs import settings_for

REPEATING = """
from fastapi import APIRouter
from trunkline import hookimpl
from trunkline.routes import Routes

@hookimpl
def register_routes():
    router = APIRouter()
    router.add_api_route("", lambda: {}, methods=["GET"])
    return [Routes(router, prefix="/event-types")]
"""


async def test_health_is_told_before_the_app_is_made_and_other_requests_wait_for_it(sqlite_database_url):
    hub = Hub(settings_for(sqlite_database_url, {}), dispatch=False, defers_routes=True)
    app = DeferredApp(hub)
    with server.bind("127.0.0.1", 0) as listener:
        async with hub, app, server.observed(app, listener=listener):
            port = listener.getsockname()[1]
            early, waiting = await connect(port), await connect(port)
            with contextlib.closing(early), contextlib.closing(waiting):
                await waiting.send(head("GET", "/api/v1/event-types"))
                for path in ("/readyz", "/healthz", "/metrics"):
                    await early.send(head("GET", path))
                    assert (await early.answer()).status == 200
                answer = asyncio.create_task(waiting.answer())
                await asyncio.sleep(0.05)
                assert not answer.done()
                app.begin()
                await app.complete()
                assert (await answer).status == 401
                await early.send(head("GET", "/readyz"))
                assert (await early.answer()).status == 200


async def test_a_plugin_whose_routes_are_unfit_stops_the_start_where_it_was_asked_for(
    sqlite_database_url, tmp_path
):
    (tmp_path / "acme.py").write_text(REPEATING)
    chosen = {"plugins.paths": str(tmp_path / "acme.py"), "plugins.enabled": "webhooks,acme"}
    hub = Hub(settings_for(sqlite_database_url, chosen), dispatch=False, defers_routes=True)
    with pytest.raises(PluginFailed, match="'acme' gives the route 'GET /api/v1/event-types'"):
        DeferredApp(hub)
