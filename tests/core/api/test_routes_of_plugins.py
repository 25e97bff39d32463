"""Routes of plugins below base paths that other routes share."""

import pytest

from trunkline.api.requests import DeferredRoute
from trunkline.errors import PluginFailed
from trunkline.hub.hub import Hub
from trunkline_kit import Source
from trunkline_kit.hubs import settings_for

ZEBRA = '''
"""A page below another plugin's base."""

from fastapi import APIRouter

from trunkline import hookimpl
from trunkline.routes import Routes


@hookimpl
def register_routes(context):
    router = APIRouter()

    @router.get("/hello")
    async def hello() -> dict[str, str]:
        return {"from": "zebra"}

    return [Routes(router, base="BASE", prefix="/zebra")]
'''


@pytest.mark.parametrize("base", ["/portal", "/docs", "/api/v1", ""])
async def test_a_plugin_answers_below_every_base_whatever_the_order_of_their_names(trunkline_hub, base):
    source = Source("zebra", ZEBRA.replace("BASE", base))
    hub = await trunkline_hub(plugins=[source, "portal", "docs"], dispatch=False)
    answer = await hub.client.get(f"{base}/zebra/hello")
    assert (answer.status_code, answer.json()) == (200, {"from": "zebra"})
    assert (await hub.client.get("/portal/nothing")).status_code == 404


FAULTY = """
from fastapi import APIRouter
from trunkline import hookimpl
from trunkline.routes import Routes, StrictRoute

class Parcel:
    pass

class Sorted(StrictRoute):
    def get_route_handler(self):
        return self.shelf

async def send(parcel: Parcel) -> None:
    pass

async def sort() -> None:
    pass

@hookimpl
def register_routes():
    router = APIRouter(route_class=KIND)
    router.add_api_route("", HANDLER, methods=["POST"])
    return [Routes(router, prefix="/parcels")]
"""


@pytest.mark.parametrize(
    ("kind", "handler", "fault"),
    [("StrictRoute", "send", "Parcel"), ("Sorted", "sort", "AttributeError: shelf")],
)
def test_a_faulty_route_of_a_plugin_stops_the_start_where_it_was_asked_for(
    sqlite_database_url, tmp_path, kind, handler, fault
):
    plugin = tmp_path / kind / "acme.py"  # a path of its own, as a process loads each path once
    plugin.parent.mkdir()
    plugin.write_text(FAULTY.replace("KIND", kind).replace("HANDLER", handler))
    chosen = {"plugins.paths": str(plugin), "plugins.enabled": "acme"}
    with pytest.raises(PluginFailed, match=f"'acme' raised in register_routes: .*{fault}"):
        Hub(settings_for(sqlite_database_url, chosen), dispatch=False)


def test_no_signature_of_an_own_route_is_read_at_the_start(sqlite_database_url):
    hub = Hub(settings_for(sqlite_database_url, {}), dispatch=False)
    given = hub.registry.collected.routes
    routes = [(plugin, route) for plugin, each in given for route in each.router.routes]
    assert {plugin for plugin, _ in routes} >= {"docs", "mcp", "oauth", "polling", "portal", "webhooks"}
    for plugin, route in routes:
        assert isinstance(route, DeferredRoute), (plugin, route)
        assert "dependant" not in vars(route), (plugin, route.path)
