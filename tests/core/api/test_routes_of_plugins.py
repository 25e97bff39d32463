"""Routes of plugins below base paths that other routes share."""

import pytest

from trunkline_kit import Source

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
