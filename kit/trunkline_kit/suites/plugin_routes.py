"""Checks of the routes that a plugin adds to the API."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from fnmatch import fnmatchcase
from typing import ClassVar

import pytest_asyncio

from trunkline.model.principals import COMPANY_SCOPES, OPERATOR
from trunkline.schemas.catalog import Json
from trunkline_kit.checks import COMPLETE, DELIVERS, LOADS, check, demand, fail, not_applicable
from trunkline_kit.hubs import MakeTestHub
from trunkline_kit.inspected import InspectedPlugin
from trunkline_kit.route_companies import try_companies
from trunkline_kit.route_survey import Exchange, Survey, survey_routes
from trunkline_kit.routes import PluginRoute, slots_of
from trunkline_kit.suites.suite import Suite, built_ins

API = "/api/v1"
PROBLEM = "application/problem+json"
_PROBLEM_FIELDS = {"type", "title", "status", "detail", "request_id"}


class RouteChecks(Suite):
    """Checks of the routes that a plugin adds.

    *prefixes* are the prefixes of the plugin's routes, if they differ from its name. *public* lists patterns of paths
    that need no key, *unscoped* lists patterns of paths that any key may call. *bodies* maps a route ("POST
    /api/v1/acme/notes") to a valid body; a route needs one if the body that the kit makes from the schema is invalid.
    """

    prefixes: ClassVar[Sequence[str] | None] = None
    public: ClassVar[Collection[str]] = ()
    unscoped: ClassVar[Collection[str]] = ()
    bodies: ClassVar[Mapping[str, Mapping[str, Json]]] = {}

    @pytest_asyncio.fixture
    async def survey(self, trunkline_hub: MakeTestHub, trunkline_plugin: InspectedPlugin) -> Survey:
        """Call every route with every kind of defect; the calls are made once and used by all checks."""
        routes = _routes(trunkline_plugin)
        if "survey" not in trunkline_plugin.memo:
            hub = await self.start(trunkline_hub, dispatch=False)
            trunkline_plugin.memo["survey"] = await survey_routes(hub, routes)
            await hub.stop()
        result: Survey = trunkline_plugin.memo["survey"]
        return result

    @check("plugin.routes-stand-under-its-name", level=COMPLETE)
    def test_routes_stand_under_its_name(self, trunkline_plugin: InspectedPlugin) -> None:
        """Every route begins with the plugin's own prefix."""
        dashed = self.name.replace("_", "-")
        own = [
            f"{base}/{name}" for base in (API, "/schemas", "/docs", "/portal") for name in (self.name, dashed)
        ]
        prefixes = own if self.prefixes is None else self.prefixes
        for route in _routes(trunkline_plugin):
            demand(
                any(route.path == prefix or route.path.startswith(f"{prefix}/") for prefix in prefixes),
                f"{route} stands outside of {prefixes[0]}; give its Routes the prefix '/{dashed}'",
            )

    @check("plugin.routes-shadow-nobody", level=LOADS)
    async def test_routes_shadow_nobody(
        self, trunkline_hub: MakeTestHub, trunkline_plugin: InspectedPlugin
    ) -> None:
        """No route answers a call that trunkline or a built-in plugin answers."""
        own = {f"{route.method} {route.slots}": route for route in _routes(trunkline_plugin)}
        others = [name for name in built_ins() if name != self.name]
        hub = await trunkline_hub(plugins=others, dispatch=False)
        document = (await hub.anonymous.get("/openapi.json")).json()
        known = {
            f"{method.upper()} {slots_of(path)}"
            for path, methods in document["paths"].items()
            for method in methods
        }
        clash = sorted(own.keys() & known)
        demand(
            not clash,
            f"{own[clash[0]] if clash else ''} is answered by another already; choose a path of your own",
        )

    @check("plugin.routes-are-documented", level=COMPLETE)
    def test_routes_are_documented(self, trunkline_plugin: InspectedPlugin) -> None:
        """Every route of the API is in /openapi.json, with a tag and a summary or a docstring."""
        routes = _api_routes(trunkline_plugin)
        documented = {route.path for route in routes if route.is_shown}
        for route in routes:
            demand(
                route.path in documented, f"{route} is hidden from /openapi.json; let include_in_schema be"
            )
            demand(route.tags, f"{route} has no tag, and stands alone in /docs; give the router tags=[…]")
            demand(
                not route.is_shown or route.summary or route.description,
                f"{route} says nothing about itself; give it a summary or a docstring",
            )

    @check("plugin.routes-have-models", level=COMPLETE)
    async def test_routes_have_models(
        self, trunkline_hub: MakeTestHub, trunkline_plugin: InspectedPlugin
    ) -> None:
        """Every route of the API that answers with JSON describes its answer in /openapi.json."""
        routes = [route for route in _api_routes(trunkline_plugin) if route.is_shown and route.status != 204]
        hub = await self.start(trunkline_hub, dispatch=False)
        paths = (await hub.anonymous.get("/openapi.json")).json()["paths"]
        for route in routes:
            answers = paths[route.path][route.method.lower()]["responses"]
            schemas = [
                content.get("schema")
                for status, answer in answers.items()
                if status.startswith("2")
                for content in answer.get("content", {}).values()
            ]
            demand(
                any(schemas),
                f"{route} does not say what it answers; annotate what the function returns with a model",
            )

    @check("plugin.routes-demand-a-key", level=DELIVERS)
    def test_routes_demand_a_key(self, survey: Survey) -> None:
        """Every route that is not public answers 401 to a call without a key or with a wrong key."""
        for exchange in survey.of("no key", "wrong key"):
            if not self._is_public(exchange.route):
                demand(
                    exchange.status == 401 or _leads_to_sign_in(exchange),
                    f"{exchange.route} answers {exchange.status} to a caller with {exchange.kind}; depend on trunkline.routes.requires('…')",
                )

    @check("plugin.routes-demand-a-scope", level=DELIVERS)
    def test_routes_demand_a_scope(self, survey: Survey) -> None:
        """A valid key without the scope that a route needs gets 403 with the scope's name."""
        for route in survey.routes:
            if not route.path.startswith(API) or _matches(route.path, (*self.public, *self.unscoped)):
                continue
            called = [exchange for exchange in survey.of("one scope") if exchange.route == route]
            refused = [exchange for exchange in called if exchange.status == 403]
            demand(
                refused,
                f"{route} may be called with any key; ask for a scope: trunkline.routes.requires('events:read')",
            )
            demand(
                any(scope in refused[0].text for scope in (*COMPANY_SCOPES, OPERATOR)),
                f"{route} refuses a key without saying which scope it needs; let trunkline.routes.requires answer",
            )

    @check("plugin.routes-keep-companies-apart", level=DELIVERS)
    async def test_routes_keep_companies_apart(
        self, trunkline_hub: MakeTestHub, trunkline_plugin: InspectedPlugin
    ) -> None:
        """The plugin's routes show a company's data to no other company, even if it knows the data's id."""
        routes = [route for route in _api_routes(trunkline_plugin) if not self._is_public(route)]
        hub = await self.start(trunkline_hub, dispatch=False)
        tried = await try_companies(hub, routes, self.bodies)
        if not tried.stored:
            not_applicable(
                "none of its routes stores anything of a company that the kit can make; 'bodies' may say how"
            )
        for leak in tried.leaks:
            fail(
                f"{leak.route} {leak.how}; ask for caller.company_id, and have it in the key of what is kept"
            )

    @check("plugin.routes-refuse-unknown-fields", level=COMPLETE)
    def test_routes_refuse_unknown_fields(self, survey: Survey) -> None:
        """An unknown field in a body is refused with 422, and the answer names the field."""
        _demand_named(
            survey.of("unknown field"), {422}, "derive the body's model from trunkline.routes.Strict"
        )

    @check("plugin.routes-refuse-unknown-parameters", level=COMPLETE)
    def test_routes_refuse_unknown_parameters(self, survey: Survey) -> None:
        """An unknown query parameter is refused with 400 or 422, and the answer names the parameter."""
        exchanges = [
            exchange
            for exchange in survey.of("unknown parameter")
            if exchange.route.path.startswith(API) and not self._is_public(exchange.route)
        ]
        _demand_named(exchanges, {400, 422}, "give the router route_class=trunkline.routes.StrictRoute")

    @check("plugin.routes-answer-problems", level=COMPLETE)
    def test_routes_answer_problems(self, survey: Survey) -> None:
        """Every refusal is application/problem+json with all fields of a problem document."""
        for exchange in survey.exchanges:
            if exchange.status >= 400 and exchange.route.path.startswith(API):
                demand(
                    exchange.content_type.startswith(PROBLEM) and exchange.fields >= _PROBLEM_FIELDS,
                    f"{exchange.route} answers {exchange.status} to {exchange.kind} with {exchange.content_type or 'nothing'} instead of a problem document; raise trunkline.Refused or what derives from it",
                )

    @check("plugin.routes-survive-garbage", level=DELIVERS)
    def test_routes_survive_garbage(self, survey: Survey) -> None:
        """No input makes a route answer 500, or fail without a problem document."""
        for exchange in survey.exchanges:
            demand(
                exchange.status < 500
                or (exchange.status > 500 and exchange.content_type.startswith(PROBLEM)),
                f"{exchange.route} answers {exchange.status} to {exchange.kind} ({exchange.sent}): {exchange.error or exchange.text[:200]}; check what was sent first",
            )

    def _is_public(self, route: PluginRoute) -> bool:
        return _matches(route.path, self.public)


def _routes(plugin: InspectedPlugin) -> Sequence[PluginRoute]:
    return plugin.routes or not_applicable("it has no routes")


def _api_routes(plugin: InspectedPlugin) -> Sequence[PluginRoute]:
    routes = [route for route in _routes(plugin) if route.path.startswith(API)]
    return routes or not_applicable("it has no routes below /api/v1")


def _matches(path: str, patterns: Iterable[str]) -> bool:
    return any(fnmatchcase(path, pattern) for pattern in patterns)


def _leads_to_sign_in(exchange: Exchange) -> bool:
    """Return whether a page redirects to the sign-in page."""
    return (
        not exchange.route.path.startswith(API)
        and exchange.status in {302, 303, 307}
        and "sign-in" in exchange.location
    )


def _demand_named(exchanges: Sequence[Exchange], statuses: Collection[int], advice: str) -> None:
    if not exchanges:
        not_applicable("none of its routes takes any")
    for exchange in exchanges:
        demand(
            exchange.status in statuses and "no_such" in exchange.text,
            f"{exchange.route} answers {exchange.status} to {exchange.kind} and does not name it; {advice}",
        )
