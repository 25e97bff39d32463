"""Checks of the queries of searches and lookups: missing, unknown, odd and hostile parameters."""

from trunkline_kit.checks import COMPLETE, DELIVERS, check, demand
from trunkline_kit.hubs import MakeTestHub
from trunkline_kit.suites.call_demands import demand_canary_unlogged, demand_plain_refusals, text_fields
from trunkline_kit.suites.call_requests import CANARY, HOSTILE, Request, list_of, plain_texts
from trunkline_kit.suites.call_trial import CallSubject

ODD = ("abc", "-1", "0", "1.5", "9" * 30, "\u0661", "true", "null", "[]", "x" * 3000, "%", " ")
INJECTIONS = ("' OR '1'='1", "' OR 1=1 --", '" OR ""="', "%", "_", "*")


class SearchQueryChecks(CallSubject):
    """Checks of accepted and refused queries."""

    @check("search.demands-required-parameters", level=DELIVERS)
    async def test_demands_required_parameters(self, trunkline_hub: MakeTestHub) -> None:
        """A query without a required parameter gets 400; an empty query gets 400 or an answer, and never a 5xx."""
        trial = await self.open_calls(trunkline_hub)
        for definition in trial.definitions:
            request = await trial.request(definition)
            for name in {*request.input, *definition.input.get("required", ())}:
                answer = await trial.call(definition, request.without(name))
                trial.demand_no_failure(definition, answer, f"a query without '{name}'")
                demand(
                    answer.status_code == 400 or name not in definition.input.get("required", ()),
                    f"'{definition.name}' answered {answer.status_code} to a query without '{name}'; it should be 400 that names it",
                )
            answer = await trial.call(definition, Request(request.parameters, {}))
            trial.demand_no_failure(definition, answer, "an empty query")

    @check("search.survives-odd-values", level=DELIVERS)
    async def test_survives_odd_values(self, trunkline_hub: MakeTestHub) -> None:
        """A query with a value of the wrong type in any parameter is answered or refused, never with a 5xx."""
        trial = await self.open_calls(trunkline_hub)
        for definition in trial.definitions:
            places = (await trial.request(definition)).parameters
            for name in definition.input.get("properties", {}):
                for odd in ODD:
                    answer = await trial.call(definition, Request(places, {name: odd}))
                    trial.demand_no_failure(definition, answer, f"{odd[:20]!r} in '{name}'")

    @check("search.survives-hostile-text", level=DELIVERS)
    async def test_survives_hostile_text(self, trunkline_hub: MakeTestHub) -> None:
        """Text with quotes, wildcards and markup matches only equal text, and never fails with a 5xx."""
        trial = await self.open_calls(trunkline_hub)
        for definition in trial.definitions:
            places = (await trial.request(definition)).parameters
            for name in plain_texts(definition):
                for hostile in (*HOSTILE, *INJECTIONS):
                    answer = await trial.call(definition, Request(places, {name: hostile}))
                    trial.demand_no_failure(definition, answer, f"{hostile!r} in '{name}'")
                    items = list_of(definition, answer) if answer.status_code == 200 else []
                    demand(
                        not items or definition.kind == "lookup" or definition.is_paged,
                        f"'{definition.name}' found {len(items)} records by {hostile!r} in '{name}'; a search should find what has "
                        "exactly that",
                    )

    @check("search.shows-nothing-of-its-inside", level=COMPLETE)
    async def test_shows_nothing_of_its_inside(self, trunkline_hub: MakeTestHub) -> None:
        """A refusal is problem+json with a sentence, and contains no traceback, no SQL statement and no file name."""
        trial = await self.open_calls(trunkline_hub)
        for definition in trial.definitions:
            names = definition.input.get("properties", {})
            places = (await trial.request(definition)).parameters
            requests = [Request(places, {name: odd}) for name in names for odd in (*ODD[:6], *HOSTILE[:3])]
            await demand_plain_refusals(
                trial, definition, requests, noun="query", errors="BadQuery or BadCursor"
            )

    @check("search.logs-no-input", level=COMPLETE)
    async def test_logs_no_input(self, trunkline_hub: MakeTestHub) -> None:
        """The plugin's log does not contain the query's values, which may be about people."""
        trial = await self.open_calls(trunkline_hub)
        fields = text_fields(trial, otherwise="no parameter of the plugin's searches takes any text")
        for definition, name in fields:
            places = (await trial.request(definition)).parameters
            await trial.call(definition, Request(places, {name: CANARY}))
        demand_canary_unlogged(trial, "looked for")
