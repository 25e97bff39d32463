"""Checks of the lists of searches and lookups: their form, their pages, and their descriptions in the hub."""

from collections.abc import Mapping, Sequence

from trunkline.schemas.catalog import Json
from trunkline.schemas.definitions import Definition
from trunkline_kit.checks import COMPLETE, DELIVERS, check, demand
from trunkline_kit.hubs import MakeTestHub
from trunkline_kit.suites.call_requests import Request, list_of
from trunkline_kit.suites.call_trial import CallSubject, CallTrial

RECORDS = 5
MOST_ITEMS = MOST_PAGES = 200


class SearchListChecks(CallSubject):
    """Checks of the lists in answers, and of their pages."""

    @check("search.gives-no-unknown-fields", level=COMPLETE)
    async def test_gives_no_unknown_fields(self, trunkline_hub: MakeTestHub) -> None:
        """No answer, and no item in an answer, has a field that the output schema does not describe."""
        trial = await self.open_calls(trunkline_hub)
        for definition in trial.definitions:
            answer = await trial.succeed(definition)
            properties = definition.output.get("properties", {})
            unknown = set(answer.json()) - set(properties)
            items = [schema for schema in properties.values() if schema.get("type") == "array"]
            known = set(items[0].get("items", {}).get("properties", {})) if items else set()
            if definition.is_single:
                known = set(properties)
            for item in list_of(definition, answer):
                unknown |= set(item) - known if isinstance(item, dict) and known else set()
            demand(
                not unknown,
                f"'{definition.name}' answered with the field '{', '.join(sorted(unknown))}', which its output schema lacks; describe it or "
                "leave it out",
            )

    @check("search.counts-what-it-gives", level=COMPLETE)
    async def test_counts_what_it_gives(self, trunkline_hub: MakeTestHub) -> None:
        """If an answer has a `count`, it is the number of items."""
        trial = await self.open_calls(trunkline_hub)
        counting = trial.select(
            lambda definition: "count" in definition.output.get("properties", {}),
            otherwise="no answer of the plugin's searches has a count",
        )
        for definition in counting:
            answer = await trial.succeed(definition)
            count, length = answer.json()["count"], len(list_of(definition, answer))
            demand(
                count == length,
                f"'{definition.name}' said that it found {count} and gave {length}; 'count' should be the number of items in the answer",
            )

    @check("search.pages-to-the-end", level=DELIVERS)
    async def test_pages_to_the_end(self, trunkline_hub: MakeTestHub) -> None:
        """`next_cursor` leads from page to page through every item once, and is null on the last page."""
        trial = await self.open_calls(trunkline_hub)
        for definition in _paging(trial):
            places = await _filled(trial, definition)
            most = definition.input["properties"]["limit"].get("maximum", MOST_ITEMS)
            whole = list_of(definition, await trial.succeed(definition, Request(places, {"limit": most})))
            paged = await self._pages(trial, definition, places)
            demand(
                paged == whole,
                f"'{definition.name}' gave {len(paged)} items page by page and {len(whole)} at once, or in another order; next_cursor "
                "should lead through each once",
            )

    async def _pages(
        self, trial: CallTrial, definition: Definition, places: Mapping[str, Json]
    ) -> list[Json]:
        items: list[Json] = []
        cursor: Json = ""
        for _ in range(MOST_PAGES):
            request = Request(places, {"limit": 2, "cursor": cursor})
            answer = await trial.succeed(definition, request)
            items += list_of(definition, answer)
            cursor = answer.json().get("next_cursor")
            if cursor is None:
                return items
        return items

    @check("search.keeps-to-the-limit", level=COMPLETE)
    async def test_keeps_to_the_limit(self, trunkline_hub: MakeTestHub) -> None:
        """A page has at most `limit` items."""
        trial = await self.open_calls(trunkline_hub)
        for definition in _paging(trial):
            places = await _filled(trial, definition)
            answer = await trial.succeed(definition, Request(places, {"limit": 2}))
            count = len(list_of(definition, answer))
            demand(
                count <= 2,
                f"'{definition.name}' gave {count} items where the limit is 2; a page should keep to it",
            )

    @check("search.refuses-a-foreign-cursor", level=COMPLETE)
    async def test_refuses_a_foreign_cursor(self, trunkline_hub: MakeTestHub) -> None:
        """A cursor that the list did not issue is refused with 400."""
        trial = await self.open_calls(trunkline_hub)
        for definition in _paging(trial):
            places = (await trial.request(definition)).parameters
            for cursor in ("x", "!!!", "e30", "MTIz"):
                answer = await trial.call(definition, Request(places, {"cursor": cursor}))
                demand(
                    answer.status_code == 400,
                    f"'{definition.name}' answered {answer.status_code} to the cursor '{cursor}', which it did not give out; it should be 400 "
                    "(raise BadCursor)",
                )


async def _filled(trial: CallTrial, definition: Definition) -> Mapping[str, Json]:
    """Make several records; return the path parameters of the last one."""
    requests = [await trial.request(definition) for _ in range(RECORDS)]
    return requests[-1].parameters


def _paging(trial: CallTrial) -> Sequence[Definition]:
    """List the operations with pages; if there is none, the check does not apply."""
    return trial.select(
        lambda definition: {"cursor", "limit"} <= set(definition.input.get("properties", {})),
        otherwise=f"nothing of the plugin '{trial.plugin}' gives its answer in pages",
    )
