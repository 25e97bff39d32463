"""Checks of an action's records: stored exactly once, all or nothing, and within the deadline."""

import asyncio
from collections.abc import Mapping

from trunkline.schemas.catalog import Json
from trunkline.schemas.definitions import Definition
from trunkline_kit.checks import COMPLETE, DELIVERS, check, demand
from trunkline_kit.hubs import MakeTestHub
from trunkline_kit.suites.call_demands import demand_end, demand_no_answer
from trunkline_kit.suites.call_requests import Request, plain_texts
from trunkline_kit.suites.call_trial import CallSubject, CallTrial, broken_at

AT_ONCE = 10
ROUNDS = 3
_TIMES = ("_ms", "_seconds", "_at", "time", "timestamp")
POINTS = ("action.after_run", "action.before_append", "action.before_commit")


class ActionRecordChecks(CallSubject):
    """Checks of records, events and idempotency."""

    @check("action.emits-what-it-promises", level=DELIVERS)
    async def test_emits_what_it_promises(self, trunkline_hub: MakeTestHub) -> None:
        """A call emits only event types in the definition's `emits`, and only events of the caller's company."""
        trial = await self.open_calls(trunkline_hub)
        for definition in trial.definitions:
            request = await trial.request(definition)
            before = len(await trial.events())
            await trial.succeed(definition, request)
            emitted = [event["type"] for event in (await trial.events())[before:]]
            stray = sorted(set(emitted) - set(definition.emits))
            demand(
                not stray,
                f"'{definition.name}' emitted '{', '.join(stray)}', which its 'emits' does not name; name every event type there",
            )
            demand(
                emitted or not definition.emits,
                f"'{definition.name}' emitted nothing in a valid call; its 'emits' promises {', '.join(definition.emits)}",
            )

    @check("action.takes-calls-at-once", level=COMPLETE)
    async def test_takes_calls_at_once(self, trunkline_hub: MakeTestHub) -> None:
        """Ten different calls at the same time are all carried out."""
        trial = await self.open_calls(trunkline_hub)
        for definition in trial.definitions:
            requests = [await trial.request(definition) for _ in range(AT_ONCE)]
            for answer in await asyncio.gather(*(trial.call(definition, request) for request in requests)):
                trial.demand_success(definition, answer)

    @check("action.loses-no-update", level=DELIVERS)
    async def test_loses_no_update(self, trunkline_hub: MakeTestHub) -> None:
        """Concurrent updates of one record lose nothing: two fields are both stored, and a counter counts every call."""
        trial = await self.open_calls(trunkline_hub, database="postgresql")
        definitions = trial.in_database()
        for definition in definitions:
            for number in range(ROUNDS):
                await _demand_both_fields(trial, definition, number)
            one_by_one = await _distinct_numbers(trial, definition, at_once=False)
            at_once = await _distinct_numbers(trial, definition, at_once=True)
            demand(
                all(at_once.get(name, 0) >= count for name, count in one_by_one.items()),
                f"'{definition.name}' gave the same number to several of {AT_ONCE} calls at once, where it gives each another one after "
                "the other; change a number in the statement that writes it, or lock the row that is read first",
            )

    @check("action.stores-all-or-nothing", level=DELIVERS)
    async def test_stores_all_or_nothing(self, trunkline_hub: MakeTestHub) -> None:
        """If a call breaks before the commit, neither record nor event is kept, and the call can be repeated."""
        trial = await self.open_calls(trunkline_hub)
        for number, definition in enumerate(trial.definitions):
            for point in POINTS:
                request = await trial.request(definition)
                before = await trial.contents()
                with broken_at(point):
                    status = await _status(trial, definition, request, key=f"{point}-{number}")
                demand(
                    status >= 500,
                    f"'{definition.name}' answered {status} though the hub broke at {point}; it should go through the hub",
                )
                changed = await trial.changes_since(before)
                demand(
                    not changed,
                    f"'{definition.name}' left something in {', '.join(changed)} of a call that broke at {point}; it should write by "
                    "call.connection alone, and give its events in the answer",
                )
                await trial.succeed(definition, request, key=f"{point}-{number}")

    @check("action.takes-no-failure-for-success", level=COMPLETE)
    async def test_takes_no_failure_for_success(self, trunkline_hub: MakeTestHub) -> None:
        """If the database is unavailable, an action raises instead of returning an answer."""
        trial = await self.open_calls(trunkline_hub)
        for definition in trial.in_database():
            await demand_no_answer(trial, definition)

    @check("action.ends-at-its-deadline", level=COMPLETE)
    async def test_ends_at_its_deadline(self, trunkline_hub: MakeTestHub) -> None:
        """If the database hangs, an action ends at the call's deadline."""
        trial = await self.open_calls(trunkline_hub)
        for definition in trial.in_database():
            await demand_end(trial, definition)


async def _status(trial: CallTrial, definition: Definition, request: Request, *, key: str) -> int:
    """Make a call in a failing hub and return its status; an error that reaches the server counts as 500."""
    try:
        return (await trial.call(definition, request, key=key)).status_code
    except RuntimeError:
        return 500


async def _demand_both_fields(trial: CallTrial, definition: Definition, number: int) -> None:
    """Change two fields of one record by concurrent calls, and assert that both changes are stored."""
    fields = [name for name in plain_texts(definition) if name not in definition.input.get("required", ())][
        :2
    ]
    if "{" not in definition.path or len(fields) < 2:
        return
    request = await trial.request(definition)
    values = {name: f"update {number} of {name}" for name in fields}
    changes = [Request(request.parameters, {name: value}) for name, value in values.items()]
    answers = await asyncio.gather(*(trial.call(definition, change) for change in changes))
    for answer in answers:
        trial.demand_no_failure(definition, answer, "one of two updates at once")
    if not all(answer.is_success for answer in answers):
        return  # this action needs more fields in its input, so both updates change them
    stored = " ".join((await trial.contents()).values())
    demand(
        all(value in stored for value in values.values()),
        f"'{definition.name}' lost one of two updates of a record at once; write the fields that a call names and no others, or lock "
        "the row that is read first",
    )


async def _distinct_numbers(trial: CallTrial, definition: Definition, *, at_once: bool) -> Mapping[str, int]:
    """Repeat one call, and for each numeric field of the answers count its distinct values."""
    request = await trial.request(definition)
    calls = [trial.call(definition, request) for _ in range(AT_ONCE)]
    answers = await asyncio.gather(*calls) if at_once else [await call for call in calls]
    seen: dict[str, set[Json]] = {}
    for answer in answers:
        for name, value in answer.json().items() if answer.is_success else ():
            if isinstance(value, int | float) and not name.endswith(_TIMES):
                seen.setdefault(name, set()).add(value)
    return {name: len(values) for name, values in seen.items()}
