"""A table of routes over the methods of one instance."""

from typing import Annotated, Any

import httpx2
import pytest
from fastapi import APIRouter, Body, FastAPI
from fastapi.routing import APIRoute

from trunkline.api import problems
from trunkline.api.requests import StrictRoute
from trunkline.api.routing import Route, bind, mount


class Greetings:
    def __init__(self, word: str) -> None:
        self.word = word

    async def greet(self, name: str) -> dict[str, Any]:
        """Greet somebody."""
        return {"said": f"{self.word}, {name}"}

    async def forget(self, name: str) -> None:
        """Forget somebody."""


ROUTES = (
    Route("GET", "/{name}", Greetings.greet, summary="Greet"),
    Route("DELETE", "/{name}", Greetings.forget, status_code=204),
)


async def test_each_router_answers_with_the_instance_that_it_was_made_for():
    app = FastAPI()
    app.include_router(bind(Greetings("Hello"), ROUTES, prefix="/en"))
    app.include_router(bind(Greetings("Hallo"), ROUTES, prefix="/de"))
    problems.install(app)
    hello, hallo, forgotten, strict = await _answers(
        app, ("GET", "/en/Jane"), ("GET", "/de/Jane"), ("DELETE", "/de/Jane"), ("GET", "/de/Jane?loud=yes")
    )
    assert (hello.json(), hallo.json()) == ({"said": "Hello, Jane"}, {"said": "Hallo, Jane"})
    assert (forgotten.status_code, strict.status_code) == (204, 400)


def test_the_documentation_has_what_the_table_says_and_the_methods_docstring():
    app = FastAPI()
    app.include_router(bind(Greetings("Hello"), ROUTES, prefix="/en", tags=["Greetings"]))
    operation = app.openapi()["paths"]["/en/{name}"]["get"]
    said = {"summary": "Greet", "description": "Greet somebody.", "tags": ["Greetings"]}
    assert operation == operation | said
    assert [parameter["name"] for parameter in operation["parameters"]] == ["name"]


async def test_a_table_is_read_when_one_of_its_calls_is_made_and_not_before():
    app = FastAPI()
    app.include_router(bind(Greetings("Hello"), ROUTES, prefix="/en"))
    app.include_router(bind(Unreadable(), [Route("GET", "/xx/{name}", Unreadable.greet)]))
    (greeted,) = await _answers(app, ("GET", "/en/Jane"))
    assert greeted.status_code == 200
    with pytest.raises(AssertionError, match="path param"):
        await _answers(app, ("GET", "/xx/Jane"))


class Unreadable:
    async def greet(self, name: Annotated[str, Body()]) -> None:
        """Greet somebody."""


async def _answers(app, *calls):
    transport = httpx2.ASGITransport(app)
    async with httpx2.AsyncClient(transport=transport, base_url="http://hub.test") as client:
        return [await client.request(method, path) for method, path in calls]


async def test_a_mounted_table_is_read_call_by_call():
    table = (*ROUTES, Route("GET", "/{name}/xx", Unreadable.greet))
    app = FastAPI()
    mount(app, bind(Greetings("Hello"), table, prefix="/en"), prefix="/api")
    problems.install(app)
    greeted, forgotten, refused = await _answers(
        app, ("GET", "/api/en/Jane"), ("DELETE", "/api/en/Jane"), ("PUT", "/api/en/Jane")
    )
    assert (greeted.json(), forgotten.status_code) == ({"said": "Hello, Jane"}, 204)
    assert (refused.status_code, refused.headers["allow"]) == (405, "GET, DELETE")
    (unreadable,) = await _answers(app, ("GET", "/api/en/Jane/xx"))
    assert unreadable.status_code == 500


@pytest.mark.parametrize("route_class", [StrictRoute, APIRoute, type("OwnRoute", (StrictRoute,), {})])
async def test_any_router_can_be_mounted_and_is_documented_under_its_whole_path(route_class):
    router = APIRouter(prefix="/en", route_class=route_class, tags=["Greetings"])
    router.add_api_route("/{name}", Greetings("Hello").greet, methods=["GET"])
    app = FastAPI()
    mount(app, router, prefix="/api")
    (greeted,) = await _answers(app, ("GET", "/api/en/Jane"))
    assert greeted.json() == {"said": "Hello, Jane"}
    assert app.openapi()["paths"]["/api/en/{name}"]["get"]["tags"] == ["Greetings"]


async def test_a_table_beside_routes_of_another_kind_is_found_under_its_whole_path():
    router = bind(Greetings("Hello"), ROUTES, prefix="/en")
    again = Greetings("Again").greet
    router.add_api_route("/{name}/again", again, methods=["GET"], route_class_override=APIRoute)
    app = FastAPI()
    mount(app, router, prefix="/api")
    answers = await _answers(app, ("GET", "/api/en/Jane"), ("GET", "/api/en/Jane/again"), ("GET", "/en/Jane"))
    assert [answer.status_code for answer in answers] == [200, 200, 404]


async def test_a_mounted_table_is_found_in_an_app_that_is_itself_below_a_path():
    app, outer = FastAPI(), FastAPI()
    mount(app, bind(Greetings("Hello"), ROUTES, prefix="/en"), prefix="/api")
    outer.mount("/hub", app)
    paths = ("/hub/api/en/Jane", "/hub/en/Jane", "/api/en/Jane")
    answers = await _answers(outer, *(("GET", path) for path in paths))
    assert [answer.status_code for answer in answers] == [200, 404, 404]
