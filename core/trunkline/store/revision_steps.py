"""The steps of a migration revision, found by running the revision without a database.

A step is atomic and can be repeated without harm, so an interrupted migration can resume at any step.
"""

import copy
import io
from collections.abc import Callable, Sequence
from enum import StrEnum
from functools import partial
from typing import Any

import sqlalchemy
from alembic.operations import MigrateOperation, Operations, ops
from alembic.runtime.migration import MigrationContext
from msgspec import Struct, structs
from sqlalchemy import text


class Kind(StrEnum):
    """The kind of a step."""

    TABLE = "make a table"
    COLUMN = "add a column"
    INDEX = "build an index"
    INDEX_ANEW = "build an index anew"
    NO_INDEX = "drop an index"
    OTHER = "other"


class Step(Struct, frozen=True):
    """One change of a revision to *table*. *name* is the name of the index or column, None if not known."""

    kind: Kind
    table: str | None
    name: str | None
    operations: tuple[MigrateOperation, ...]


class Steps(Struct, frozen=True):
    """The steps of a revision. *is_known* is False if the steps depend on the database."""

    steps: Sequence[Step]
    is_known: bool
    again: Callable[[], "Steps"]

    def fresh(self, number: int) -> Step:
        """Build the step with the index *number* again, because its columns and constraints can be used only once."""
        return self.again().steps[number]

    @property
    def are_apart(self) -> bool:
        """Whether there are any steps, and each of them can be committed separately and repeated."""
        return self.is_known and bool(self.steps) and all(step.kind is not Kind.OTHER for step in self.steps)


def read(dialect: sqlalchemy.Dialect, upgrade: Callable[[], None]) -> Steps:
    """Run the *upgrade* of a revision without a database, and list the steps that it would do."""
    seen: list[MigrateOperation] = []
    unseen = io.StringIO()

    def note(operation: MigrateOperation) -> Any:
        seen.append(operation)
        if not isinstance(operation, ops.CreateTableOp):
            return None
        # A stand-in for the table, so that the revision can insert into it.
        columns = (item for item in operation.columns if isinstance(item, sqlalchemy.Column))
        named = (sqlalchemy.column(each.name, each.type) for each in columns)
        return sqlalchemy.table(operation.table_name, *named)

    context = MigrationContext.configure(dialect=dialect, opts={"as_sql": True, "output_buffer": unseen})
    with Operations.context(context) as recorder:
        recorder.invoke = note  # type: ignore[method-assign]
        try:
            upgrade()
            is_known = not unseen.getvalue()
        except Exception:  # noqa: BLE001 - the revision queries the database, or fails as it will when applied
            is_known = False
    return Steps(_steps_of(seen), is_known, partial(read, dialect, upgrade))


def _steps_of(operations: Sequence[MigrateOperation]) -> list[Step]:
    """Combine operations into steps, for example a table with its indexes, or an index that is dropped and rebuilt."""
    steps: list[Step] = []
    dropped: dict[str, Step] = {}
    for operation in operations:
        step = _step_of(operation)
        made = [i for i, each in enumerate(steps) if each.kind is Kind.TABLE and each.table == step.table]
        if step.kind is Kind.INDEX and made:
            table = steps[made[0]]
            steps[made[0]] = structs.replace(table, operations=(*table.operations, operation))
            continue
        last = steps[-1] if steps else None
        if step.kind is Kind.COLUMN and last and (last.kind, last.table) == (step.kind, step.table):
            names = f"{last.name}, {step.name}"
            steps[-1] = structs.replace(last, name=names, operations=(*last.operations, operation))
            continue
        if step.kind is Kind.NO_INDEX and step.name:
            dropped[step.name] = step
        if step.kind is Kind.INDEX and (drop := dropped.pop(step.name or "", None)):
            steps.remove(drop)
            step = Step(Kind.INDEX_ANEW, step.table, step.name, (*drop.operations, operation))
        steps.append(step)
    return steps


def _step_of(operation: MigrateOperation) -> Step:
    match operation:
        case ops.CreateTableOp():
            return Step(Kind.TABLE, operation.table_name, None, (operation,))
        case ops.AddColumnOp():
            return Step(Kind.COLUMN, operation.table_name, operation.column.name, (operation,))
        case ops.CreateIndexOp():
            return Step(Kind.INDEX, operation.table_name, operation.index_name, (operation,))
        case ops.DropIndexOp():
            return Step(Kind.NO_INDEX, operation.table_name, operation.index_name, (operation,))
        case ops.ExecuteSQLOp():
            return Step(Kind.OTHER, None, str(operation.sqltext), (operation,))
        case _:
            return Step(
                Kind.OTHER, getattr(operation, "table_name", None), type(operation).__name__, (operation,)
            )


def carry_out(connection: sqlalchemy.Connection, step: Step) -> None:
    """Apply *step* in the transaction of *connection*, unless it was applied before."""
    operations = Operations(MigrationContext.configure(connection))
    for operation in step.operations:
        if isinstance(operation, ops.CreateTableOp):
            wanted = {item.name for item in operation.columns if isinstance(item, sqlalchemy.Column)}
            # A table of another application with the same name lacks some of the columns.
            if wanted <= _columns(connection, operation.table_name):
                return
        if isinstance(operation, ops.AddColumnOp) and operation.column.name in _columns(
            connection, operation.table_name
        ):
            continue
        if isinstance(operation, ops.DropIndexOp):
            operation = _changed(operation, if_exists=True)  # noqa: PLW2901
        elif isinstance(operation, ops.CreateIndexOp):
            operation = _changed(operation, if_not_exists=True)  # noqa: PLW2901
        operations.invoke(operation)


def build_beside(connection: sqlalchemy.Connection, step: Step) -> None:
    """Build the index of *step* concurrently, outside a transaction, under the name that ``name_beside`` returns."""
    operation = step.operations[-1]
    assert isinstance(operation, ops.CreateIndexOp)
    beside = _changed(
        operation, index_name=name_beside(step), kw={**operation.kw, "postgresql_concurrently": True}
    )
    Operations(MigrationContext.configure(connection)).invoke(beside)


def name_beside(step: Step) -> str:
    """Return the name under which an index is built: its own, or a temporary name if it replaces another index."""
    assert step.name is not None
    return f"{step.name[:58]}_anew" if step.kind is Kind.INDEX_ANEW else step.name


def put_in_place(connection: sqlalchemy.Connection, step: Step) -> None:
    """Replace an index by its newly built successor, in the transaction of *connection*."""
    quote = connection.dialect.identifier_preparer.quote
    own, beside = quote(step.name or ""), quote(name_beside(step))
    if own != beside:
        connection.execute(text(f"DROP INDEX IF EXISTS {own}"))
        connection.execute(text(f"ALTER INDEX {beside} RENAME TO {own}"))


def _columns(connection: sqlalchemy.Connection, table: str) -> set[str]:
    inspector = sqlalchemy.inspect(connection)
    columns = inspector.get_columns(table) if inspector.has_table(table) else []
    return {column["name"] for column in columns}


def _changed(operation: MigrateOperation, **values: Any) -> MigrateOperation:
    changed = copy.copy(operation)
    for name, value in values.items():
        setattr(changed, name, value)
    return changed
