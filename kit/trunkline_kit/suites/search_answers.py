"""Checks of the answers of searches and lookups: they have only records of the caller's company, and write nothing."""

import asyncio

import httpx2

from trunkline.schemas.definitions import Definition
from trunkline_kit.checks import COMPLETE, DELIVERS, LOADS, check, demand
from trunkline_kit.hubs import MakeTestHub
from trunkline_kit.suites.call_demands import demand_end, demand_no_answer
from trunkline_kit.suites.call_requests import NEIGHBOUR_ID, list_of
from trunkline_kit.suites.call_trial import CallSubject

AT_ONCE = 10


class SearchAnswerChecks(CallSubject):
    """Checks of the answers of searches and lookups."""

    @check("search.is-provided", level=LOADS)
    async def test_is_provided(self, trunkline_hub: MakeTestHub) -> None:
        """The plugin carries out at least one search or lookup, and a hub with its route starts."""
        await self.open_calls(trunkline_hub)

    @check("search.finds-what-is-there", level=DELIVERS)
    async def test_finds_what_is_there(self, trunkline_hub: MakeTestHub) -> None:
        """A valid query is answered with 200 and the matching record."""
        trial = await self.open_calls(trunkline_hub)
        for definition in trial.definitions:
            answer = await trial.succeed(definition)
            demand(
                list_of(definition, answer),
                f"'{definition.name}' did not find what is there; it should answer with it (the suite's 'request_for' makes it)",
            )

    @check("search.finds-nothing-of-another-company", level=DELIVERS)
    async def test_finds_nothing_of_another_company(self, trunkline_hub: MakeTestHub) -> None:
        """A record that one company finds is not found by another company."""
        trial = await self.open_calls(trunkline_hub)
        neighbour = await trial.running.client_of(NEIGHBOUR_ID)
        for definition in trial.definitions:
            request = await trial.request(definition)
            own = list_of(definition, await trial.succeed(definition, request))
            answer = await trial.call(definition, request, client=neighbour)
            if _names_a_record(definition):
                _demand_missing(definition, answer, "another company's record")
                continue
            trial.demand_success(definition, answer)
            theirs = list_of(definition, answer)
            shared = [item for item in own if item in theirs]
            demand(
                not shared or definition.name in self.common,
                f"'{definition.name}' gave one company what is another's; it should look only among those of call.company_id",
            )

    @check("search.answers-200-where-nothing-is-found", level=DELIVERS)
    async def test_answers_200_where_nothing_is_found(self, trunkline_hub: MakeTestHub) -> None:
        """A search without a match gets 200 and an empty list (for find-or-create), or 404 if its path has an id."""
        trial = await self.open_calls(trunkline_hub)
        newcomer = await trial.running.client_of(NEIGHBOUR_ID + 1)
        for definition in trial.definitions:
            answer = await trial.call(definition, await trial.request(definition), client=newcomer)
            if _names_a_record(definition):
                _demand_missing(definition, answer, "a record that there is not")
                continue
            items = list_of(definition, answer) if answer.status_code == 200 else None
            demand(
                items is not None and (not items or definition.name in self.common),
                f"'{definition.name}' answered {answer.status_code} with {items} where nothing is found; it should be 200 with an empty "
                "list",
            )

    @check("search.only-reads", level=DELIVERS)
    async def test_only_reads(self, trunkline_hub: MakeTestHub) -> None:
        """A search writes nothing and emits no event."""
        trial = await self.open_calls(trunkline_hub)
        for definition in trial.definitions:
            request = await trial.request(definition)
            before = await trial.contents()
            await trial.succeed(definition, request)
            changed = await trial.changes_since(before)
            demand(
                not changed, f"'{definition.name}' changed {', '.join(changed)}; a search should only read"
            )

    @check("search.gives-the-same-again", level=COMPLETE)
    async def test_gives_the_same_again(self, trunkline_hub: MakeTestHub) -> None:
        """The same query twice gives the same answer, in the same order."""
        trial = await self.open_calls(trunkline_hub)
        for definition in trial.definitions:
            await trial.request(definition)
            request = await trial.request(definition)
            answers = [(await trial.succeed(definition, request)).content for _ in range(3)]
            demand(
                len(set(answers)) == 1,
                f"'{definition.name}' answered the same query in different ways; it should give the same, in an order that is fixed",
            )

    @check("search.takes-calls-at-once", level=COMPLETE)
    async def test_takes_calls_at_once(self, trunkline_hub: MakeTestHub) -> None:
        """Ten concurrent queries are all answered, each as if it were alone."""
        trial = await self.open_calls(trunkline_hub)
        for definition in trial.definitions:
            request = await trial.request(definition)
            alone = await trial.succeed(definition, request)
            for answer in await asyncio.gather(*(trial.call(definition, request) for _ in range(AT_ONCE))):
                demand(
                    answer.content == alone.content,
                    f"'{definition.name}' answered {answer.status_code} or otherwise when it was asked {AT_ONCE} times at once; each "
                    "answer should be as if it were alone",
                )

    @check("search.takes-no-failure-for-nothing", level=COMPLETE)
    async def test_takes_no_failure_for_nothing(self, trunkline_hub: MakeTestHub) -> None:
        """If the database is unavailable, a search raises: with an empty list, find-or-create would add a record."""
        trial = await self.open_calls(trunkline_hub)
        for definition in trial.in_database():
            await demand_no_answer(trial, definition)

    @check("search.ends-at-its-deadline", level=COMPLETE)
    async def test_ends_at_its_deadline(self, trunkline_hub: MakeTestHub) -> None:
        """If the database hangs, a search ends at the call's deadline."""
        trial = await self.open_calls(trunkline_hub)
        for definition in trial.in_database():
            await demand_end(trial, definition)

    @check("search.answers-on-postgresql", level=COMPLETE)
    async def test_answers_on_postgresql(self, trunkline_hub: MakeTestHub) -> None:
        """A valid query is answered on PostgreSQL as it is on SQLite."""
        trial = await self.open_calls(trunkline_hub, database="postgresql")
        for definition in trial.definitions:
            demand(
                list_of(definition, await trial.succeed(definition)),
                f"'{definition.name}' did not find on PostgreSQL what it finds on SQLite; it should give the same",
            )


def _names_a_record(definition: Definition) -> bool:
    return definition.is_single or "{" in definition.path


def _demand_missing(definition: Definition, answer: httpx2.Response, what: str) -> None:
    demand(
        answer.status_code == 404,
        f"'{definition.name}' answered {answer.status_code} to a call for {what}; it should be 404",
    )
