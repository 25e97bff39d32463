"""A connection as the functions of ``store`` use it: SQLAlchemy's ``AsyncConnection`` is one, and so is ``store.direct``'s."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Protocol

from sqlalchemy import Executable
from sqlalchemy.engine import Dialect


class Result(Protocol):
    """The result of a statement, with those methods of SQLAlchemy's results that both kinds of connections have."""

    @property
    def rowcount(self) -> Any:
        """The number of rows found or changed; -1 if it is not known."""
        ...

    def __iter__(self) -> Iterator[Any]:
        """Iterate over the rows."""
        ...

    def all(self) -> Sequence[Any]:
        """Return all rows."""
        ...

    def first(self) -> Any:
        """Return the first row, or None."""
        ...

    def one_or_none(self) -> Any:
        """Return the only row, or None. Raises MultipleResultsFound."""
        ...

    def one(self) -> Any:
        """Return the only row. Raises NoResultFound, MultipleResultsFound."""
        ...

    def scalar(self) -> Any | None:
        """Return the first value of the first row, or None."""
        ...

    def scalar_one(self) -> Any:
        """Return the first value of the only row. Raises NoResultFound, MultipleResultsFound."""
        ...

    def scalar_one_or_none(self) -> Any | None:
        """Return the first value of the only row, or None. Raises MultipleResultsFound."""
        ...


class Connection(Protocol):
    """A lent connection."""

    @property
    def dialect(self) -> Dialect:
        """The dialect of its statements."""
        ...

    async def get_raw_connection(self) -> Any:
        """Return the object whose ``driver_connection`` is the driver's own connection."""
        ...

    async def execute(
        self, statement: Executable, parameters: Mapping[str, Any] | Sequence[Mapping[str, Any]] = ..., /
    ) -> Result:
        """Run *statement*. If *parameters* is a list, run the statement once for each item, and return no rows."""
        ...

    async def scalar(self, statement: Executable, parameters: Mapping[str, Any] = ..., /) -> Any:
        """Run *statement*, and return the first value of its first row, or None."""
        ...

    async def exec_driver_sql(self, statement: str, rows: Sequence[Sequence[Any]], /) -> Any:
        """Run *statement*, written in the driver's own SQL, once for each of *rows*."""
        ...
