"""Companies as records, for pages about them."""

from collections.abc import Mapping
from typing import Protocol

from trunkline.schemas.catalog import Json


class Companies(Protocol):
    """Companies: found by id or reference, shown, made, changed and deleted. The views are JSON as ``/api/v1/companies`` has it."""

    async def find(self, name: int | str) -> int:
        """Tell the id of the company with that id or reference.

        Raises:
            CompanyUnknown: no company has that reference.
            CompanyErased: it is being deleted.
        """
        ...

    async def existing(self, name: int | str, *, make: bool = False) -> int:
        """Tell the id of a company that exists: one that has a record, a key, a subscription or an event.

        With *make* one that does not exist is made. Raises CompanyUnknown, CompanyErased.
        """
        ...

    async def reference_of(self, company_id: int) -> str | None:
        """Tell a company's reference, the same in both of its environments; None if it has none."""
        ...

    async def view(self, name: int | str) -> dict[str, Json]:
        """Show a company; one that was never made has an id and limits. Raises NotFound: it was deleted."""
        ...

    async def page(
        self, *, reference: str | None = None, cursor: str | None = None, limit: int = 50
    ) -> dict[str, Json]:
        """List the companies that were made or changed, by their ids. Raises BadCursor."""
        ...

    async def create(self, values: Mapping[str, Json]) -> dict[str, Json]:
        """Make a company and show it. Raises BodyInvalid, Conflict: another one has its reference."""
        ...

    async def change(
        self, name: int | str, values: Mapping[str, Json], *, if_match: str | None = None
    ) -> dict[str, Json]:
        """Change what *values* name of a company, and show it; None takes back what was set. Raises BodyInvalid, Conflict."""
        ...

    async def delete(self, name: int | str, *, environment: str | None = None) -> dict[str, Json]:
        """Stop a company at once, have all of it removed, and give the receipt. Raises CompanyUnknown.

        Its test environment goes with it, or, where *environment* is ``test``, alone.
        """
        ...

    async def receipt(self, erasure_id: str) -> dict[str, Json]:
        """Show what an erasure has removed until now. Raises NotFound."""
        ...
