"""Companies as records, for pages about them."""

from collections.abc import Mapping
from typing import Protocol

from trunkline.schemas.catalog import Json


class Companies(Protocol):
    """Finds companies by id or reference, and shows, makes, changes and deletes them.

    Views are JSON as in ``/api/v1/companies``.
    """

    async def find(self, name: int | str) -> int:
        """Find the id of the company with the id or reference *name*.

        Raises:
            CompanyUnknown: no company has that reference.
            CompanyErased: the company is being deleted.
        """
        ...

    async def existing(self, name: int | str, *, make: bool = False) -> int:
        """Find the id of a company that exists: it has a record, a key, a subscription or an event.

        With *make* a missing company is made. Raises CompanyUnknown, CompanyErased.
        """
        ...

    async def reference_of(self, company_id: int) -> str | None:
        """Find a company's reference, the same in both of its environments; None if it has none."""
        ...

    async def view(self, name: int | str) -> dict[str, Json]:
        """Show a company; a company without a record has an id and limits. Raises NotFound if it was deleted."""
        ...

    async def page(
        self, *, reference: str | None = None, cursor: str | None = None, limit: int = 50
    ) -> dict[str, Json]:
        """List the companies that have a record, ordered by id. A company gets a record when it is made or changed.

        Raises BadCursor.
        """
        ...

    async def create(self, values: Mapping[str, Json]) -> dict[str, Json]:
        """Make a company and show it. Raises BodyInvalid, or Conflict if another company has its reference."""
        ...

    async def change(
        self, name: int | str, values: Mapping[str, Json], *, if_match: str | None = None
    ) -> dict[str, Json]:
        """Change the members named in *values*, and show the company; None resets a member. Raises BodyInvalid, Conflict."""
        ...

    async def delete(self, name: int | str, *, environment: str | None = None) -> dict[str, Json]:
        """Stop a company at once, begin the removal of all its data, and return the receipt. Raises CompanyUnknown.

        Its test environment is removed too; if *environment* is ``test``, only the test environment is removed.
        """
        ...

    async def receipt(self, erasure_id: str) -> dict[str, Json]:
        """Show how much an erasure has removed so far. Raises NotFound."""
        ...
