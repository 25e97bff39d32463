"""Checks of an action's input: missing, unknown, empty, malformed and hostile fields."""

from trunkline_kit.checks import COMPLETE, DELIVERS, check, demand
from trunkline_kit.hubs import MakeTestHub
from trunkline_kit.suites.call_demands import demand_canary_unlogged, demand_plain_refusals, text_fields
from trunkline_kit.suites.call_requests import CANARY, HOSTILE, WRONG, Request, plain_texts
from trunkline_kit.suites.call_trial import CallSubject


class ActionInputChecks(CallSubject):
    """Checks of accepted and refused input."""

    @check("action.misses-no-optional-field", level=DELIVERS)
    async def test_misses_no_optional_field(self, trunkline_hub: MakeTestHub) -> None:
        """If any field is left out of a valid call, the call is carried out or refused, and never fails with a 5xx."""
        trial = await self.open_calls(trunkline_hub)
        for definition in trial.definitions:
            names = {**definition.examples[0].input, **(await trial.request(definition)).input}
            for name in names:
                answer = await trial.call(definition, (await trial.request(definition)).without(name))
                trial.demand_no_failure(definition, answer, f"a call without '{name}'")
            empty = await trial.request(definition)
            answer = await trial.call(definition, Request(empty.parameters, {}))
            trial.demand_no_failure(definition, answer, "a call without any field")

    @check("action.takes-empty-text-for-absent", level=DELIVERS)
    async def test_takes_empty_text_for_absent(self, trunkline_hub: MakeTestHub) -> None:
        """An optional field with empty text counts as absent, because platforms send empty text for empty fields."""
        trial = await self.open_calls(trunkline_hub)
        for definition in trial.definitions:
            request = await trial.request(definition)
            optional = set(definition.input.get("properties", {})) - set(definition.input.get("required", ()))
            blank = request.with_input(**{name: "" for name in optional if name not in request.input})
            answer = await trial.call(definition, blank)
            demand(
                answer.is_success,
                f"'{definition.name}' answered {answer.status_code} to a valid call with empty optional fields; it should take them for "
                "absent",
            )

    @check("action.survives-wrong-types", level=DELIVERS)
    async def test_survives_wrong_types(self, trunkline_hub: MakeTestHub) -> None:
        """A call with a value of the wrong type in any field is carried out or refused, and never fails with a 5xx."""
        trial = await self.open_calls(trunkline_hub)
        for definition in trial.definitions:
            request = await trial.request(definition)
            for name in definition.input.get("properties", {}):
                for wrong in WRONG:
                    answer = await trial.call(definition, request.with_input(**{name: wrong}))
                    trial.demand_no_failure(definition, answer, f"{str(wrong)[:20]!r} in '{name}'")

    @check("action.survives-hostile-text", level=DELIVERS)
    async def test_survives_hostile_text(self, trunkline_hub: MakeTestHub) -> None:
        """A call with quotes, markup, templates or any script in a text is answered or refused, never with a 5xx."""
        trial = await self.open_calls(trunkline_hub)
        for definition in trial.definitions:
            for name in plain_texts(definition):
                for hostile in HOSTILE:
                    request = await trial.request(definition)
                    answer = await trial.call(definition, request.with_input(**{name: hostile}))
                    trial.demand_no_failure(definition, answer, f"{hostile!r} in '{name}'")

    @check("action.shows-nothing-of-its-inside", level=COMPLETE)
    async def test_shows_nothing_of_its_inside(self, trunkline_hub: MakeTestHub) -> None:
        """A refusal is problem+json with a sentence, and contains no traceback, no SQL statement and no file name."""
        trial = await self.open_calls(trunkline_hub)
        for definition in trial.definitions:
            request = await trial.request(definition)
            names = definition.input.get("properties", {})
            requests = [
                request.with_input(**{name: wrong}) for name in names for wrong in (*WRONG[:6], *HOSTILE[:3])
            ]
            await demand_plain_refusals(
                trial, definition, requests, noun="call", errors="BodyInvalid, NotFound or ProviderRefused"
            )

    @check("action.logs-no-input", level=COMPLETE)
    async def test_logs_no_input(self, trunkline_hub: MakeTestHub) -> None:
        """The plugin's log does not contain the caller's input, which may be about people."""
        trial = await self.open_calls(trunkline_hub)
        fields = text_fields(trial, otherwise="no field of the plugin's actions takes any text")
        for definition, name in fields:
            request = await trial.request(definition)
            await trial.call(definition, request.with_input(**{name: CANARY}))
        demand_canary_unlogged(trial, "sent")
