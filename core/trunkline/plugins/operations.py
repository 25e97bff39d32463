"""Checks of a plugin's operations, and their kinds."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace

from trunkline.contract import Operation
from trunkline.plugins.types import find_function_fault, find_text_fault, find_type_fault
from trunkline.schemas.definitions import KINDS, Definition, Kind

Defined = Mapping[Kind, Collection[str]]
"""The names that the schemas define, by kind."""


def with_kind(operation: Operation, defined: Defined) -> Operation:
    """Set the kind of a valid *operation*."""
    return operation if operation.kind else replace(operation, kind=_kinds_of(operation, defined)[0])


def find_operation_fault(operation: Operation, defined: Defined) -> str | None:
    """Describe the fault of *operation* in words that follow the word *its*; None if there is no fault."""
    if fault := _find_form_fault(operation):
        return fault
    if operation.definition is not None:
        definition = operation.definition
        if operation.name in defined[operation.kind or definition.kind]:
            return f"definition of '{operation.name}' is its own, but the schemas define it already"
        named = (operation.kind or definition.kind, operation.name)
        if (definition.kind, definition.name) != named:
            return f"definition is of the {definition.kind} '{definition.name}', not of the {named[0]} '{named[1]}'"
        return None
    kinds = _kinds_of(operation, defined)
    if len(kinds) > 1:
        return f"name '{operation.name}' is that of {' and of '.join(f'a {kind}' for kind in kinds)}; give its kind"
    return None if kinds else _unknown(operation, defined)


def _find_form_fault(operation: Operation) -> str | None:
    if fault := find_text_fault("name", operation.name):
        return fault
    if fault := find_function_fault("run", operation.run, is_optional=False):
        return fault
    if operation.kind not in {None, *KINDS}:
        return f"kind {operation.kind!r} is none of {', '.join(KINDS)}"
    if operation.definition is None:
        return None
    return find_type_fault("definition", operation.definition, Definition, expected="a Definition")


def _kinds_of(operation: Operation, defined: Defined) -> list[Kind]:
    """List the kinds that *operation* may have."""
    if operation.definition is not None:
        return [operation.definition.kind]
    kinds: Sequence[Kind] = [operation.kind] if operation.kind else KINDS
    return [kind for kind in kinds if operation.name in defined[kind]]


def _unknown(operation: Operation, defined: Defined) -> str:
    kinds: Sequence[Kind] = [operation.kind] if operation.kind else KINDS
    known = ", ".join(sorted(name for kind in kinds for name in defined[kind])) or "none"
    *others, last = (f"{'an' if kind == 'action' else 'a'} {kind}" for kind in kinds)
    what = f"neither {', '.join(others)} nor {last}" if others else f"no {kinds[0]}"
    return f"name '{operation.name}' is {what} that is defined; defined are {known}"
