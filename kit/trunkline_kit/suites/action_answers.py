"""Checks of an action's answers: their schema, the scope they need, and records of other companies."""

from collections.abc import Mapping, Sequence

from trunkline.schemas.catalog import Json
from trunkline.schemas.definitions import Definition
from trunkline_kit.checks import COMPLETE, DELIVERS, LOADS, check, demand, not_applicable
from trunkline_kit.hubs import MakeTestHub
from trunkline_kit.suites.call_requests import NEIGHBOUR_ID, Request
from trunkline_kit.suites.call_trial import CallSubject, CallTrial

MISSING_ID = 9_007_199_254_740_000
REFUSED = (404, 409, 422)


class ActionAnswerChecks(CallSubject):
    """Checks of an action's answers and their recipients."""

    @check("action.is-provided", level=LOADS)
    async def test_is_provided(self, trunkline_hub: MakeTestHub) -> None:
        """The plugin carries out at least one action, and a hub with the action's route starts."""
        await self.open_calls(trunkline_hub)

    @check("action.answers-a-valid-call", level=DELIVERS)
    async def test_answers_a_valid_call(self, trunkline_hub: MakeTestHub) -> None:
        """A valid call is carried out, and its answer fits the output's schema."""
        trial = await self.open_calls(trunkline_hub)
        for definition in trial.definitions:
            await trial.succeed(definition)

    @check("action.gives-no-unknown-fields", level=COMPLETE)
    async def test_gives_no_unknown_fields(self, trunkline_hub: MakeTestHub) -> None:
        """An answer has no field that its output schema does not describe."""
        trial = await self.open_calls(trunkline_hub)
        for definition in trial.definitions:
            answer = await trial.succeed(definition)
            unknown = sorted(set(answer.json()) - set(definition.output.get("properties", {})))
            demand(
                not unknown,
                f"'{definition.name}' answered with the field '{', '.join(unknown)}', which its output schema lacks; describe it or leave it out",
            )

    @check("action.finds-nothing-of-another-company", level=DELIVERS)
    async def test_finds_nothing_of_another_company(self, trunkline_hub: MakeTestHub) -> None:
        """A call that names another company's record is answered with 404."""
        trial = await self.open_calls(trunkline_hub)
        neighbour = await trial.running.client_of(NEIGHBOUR_ID)
        for definition in _addressed(trial):
            answer = await trial.call(definition, await trial.request(definition), client=neighbour)
            demand(
                answer.status_code == 404,
                f"'{definition.name}' answered {answer.status_code} to a call for another company's record; it should be 404",
            )

    @check("action.takes-nothing-of-another-company", level=DELIVERS)
    async def test_takes_nothing_of_another_company(self, trunkline_hub: MakeTestHub) -> None:
        """An input that names another company's record is refused like an input that names an unknown record."""
        trial = await self.open_calls(trunkline_hub)
        neighbour, judged = await trial.beside(NEIGHBOUR_ID), 0
        for definition in trial.definitions:
            own = await trial.request(definition)
            for name in await _references(trial, definition, own):
                if not await _is_theirs(neighbour, definition, own, name):
                    continue
                judged += 1
                theirs = (await neighbour.request(definition)).input[name]
                answer = await trial.call(definition, own.with_input(**{name: theirs}))
                demand(
                    answer.status_code in REFUSED,
                    f"'{definition.name}' answered {answer.status_code} to a call whose '{name}' names another company's record; it "
                    "should be refused as one that there is not: ask for the company wherever a record is looked up",
                )
        if not judged:
            not_applicable(f"no action of the plugin '{self.name}' names a record in its input")

    @check("action.finds-no-unknown-record", level=DELIVERS)
    async def test_finds_no_unknown_record(self, trunkline_hub: MakeTestHub) -> None:
        """A call that names an unknown record is answered with 404."""
        trial = await self.open_calls(trunkline_hub)
        for definition in _addressed(trial):
            request = await trial.request(definition)
            unknown: Mapping[str, Json] = {
                name: MISSING_ID if isinstance(value, int) else f"{value}-unknown"
                for name, value in request.parameters.items()
            }
            answer = await trial.call(definition, Request(unknown, request.input))
            demand(
                answer.status_code == 404,
                f"'{definition.name}' answered {answer.status_code} to a call for a record that there is not; it should be 404",
            )

    @check("action.answers-on-postgresql", level=COMPLETE)
    async def test_answers_on_postgresql(self, trunkline_hub: MakeTestHub) -> None:
        """A valid call is carried out on PostgreSQL as it is on SQLite."""
        trial = await self.open_calls(trunkline_hub, database="postgresql")
        for definition in trial.definitions:
            await trial.succeed(definition)


def _addressed(trial: CallTrial) -> Sequence[Definition]:
    """List the actions whose path names a record; if there is none, the check does not apply."""
    return trial.select(
        lambda definition: "{" in definition.path,
        otherwise=f"no action of the plugin '{trial.plugin}' names a record",
    )


async def _references(trial: CallTrial, definition: Definition, request: Request) -> Sequence[str]:
    """List the fields of *request* that refer to a record: the action takes the given id and refuses an unknown id."""
    named: list[str] = []
    for name, value in request.input.items():
        is_number = isinstance(value, int) and not isinstance(value, bool)
        if not is_number and not (name.endswith("_id") and isinstance(value, str)):
            continue
        unknown = MISSING_ID if is_number else f"{value}-unknown"
        refused = await trial.call(definition, request.with_input(**{name: unknown}))
        if refused.status_code in REFUSED:
            taken = await trial.call(definition, await trial.request(definition))
            named += [name] if taken.is_success else []
    return named


async def _is_theirs(neighbour: CallTrial, definition: Definition, own: Request, name: str) -> bool:
    """Return whether a valid call of the other company names a different record in the field *name* than *own* does."""
    theirs = await neighbour.request(definition)
    if theirs.input.get(name) in {None, own.input[name]}:
        return False
    return (await neighbour.call(definition, theirs)).is_success
