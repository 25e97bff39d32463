"""SearchConformance: checks of searches and lookups. They are called over HTTP, as customers call them."""

from typing import ClassVar

from trunkline.schemas.definitions import Kind
from trunkline_kit.suites.search_answers import SearchAnswerChecks
from trunkline_kit.suites.search_lists import SearchListChecks
from trunkline_kit.suites.search_queries import SearchQueryChecks


class SearchConformance(SearchAnswerChecks, SearchQueryChecks, SearchListChecks):
    """Judges every search and every lookup of a plugin. Subclass it, and name the plugin.

    ``request_for`` makes a record and gives the query that finds it::

        class TestAcmeSearches(SearchConformance):
            plugin = "acme"

            async def request_for(self, hub, definition):
                await make_note(hub, title="Found")
                return Request({}, {"title": "Found"} if definition.kind == "search" else {})
    """

    kinds: ClassVar[tuple[Kind, ...]] = ("search", "lookup")
