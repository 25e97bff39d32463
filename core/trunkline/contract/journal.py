"""How a plugin records its changes: operational events, and the audit log."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from sqlalchemy.ext.asyncio import AsyncConnection


from trunkline.schemas.catalog import Json


class Journal(Protocol):
    """Records changes, and lists earlier ones."""

    async def tell(
        self, connection: "AsyncConnection", event_type: str, *, company_id: int, facts: Mapping[str, Json]
    ) -> None:
        """Emit an operational event about a company, with *facts* in its payload, if the transaction of *connection* commits."""
        ...

    def note(
        self,
        action: str,
        target: str,
        *,
        company_id: int | None,
        before: Mapping[str, Json] | None = None,
        after: Mapping[str, Json] | None = None,
    ) -> None:
        """Record a change of *target* in the audit log, if the task's current transaction commits; nothing is recorded
        outside a transaction.

        *action* is a noun and a verb (``app.changed``). Members whose names mark them as secret are masked.
        """
        ...

    async def page(
        self,
        company_id: int | None,
        *,
        actor: str | None = None,
        action: str | None = None,
        target: str | None = None,
        request_id: str | None = None,
        cursor: str | None = None,
        limit: int = 50,
    ) -> dict[str, Json]:
        """List the changes of a company (None: of all companies), newest first, as ``GET /api/v1/audit`` does.

        Raises BadCursor.
        """
        ...
