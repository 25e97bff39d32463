"""The filter of a subscription as rows of a form: a field, a comparison, a value.

Rows can express most filters; filters with ``any`` or ``not`` are edited as JSON. Pure. ``filter_of`` is the inverse of
``rows_of``.
"""

import re
from collections.abc import Iterable, Mapping, Sequence

import orjson
from msgspec import Struct

from trunkline import Json

OPERATORS: Sequence[tuple[str, str]] = (
    ("eq", "is"),
    ("ne", "is not"),
    ("in", "is one of"),
    ("contains", "contains"),
    ("starts_with", "starts with"),
    ("gt", "is greater than"),
    ("gte", "is at least"),
    ("lt", "is less than"),
    ("lte", "is at most"),
    ("present", "is there"),
    ("absent", "is not there"),
)
"""The operators of a row with their labels; the last two mean ``exists`` and take no value."""
NO_VALUE: Mapping[str, bool] = {"present": True, "absent": False}
_TEXTS = frozenset({"text", "date", "date-time"})
_PART = re.compile(r'\s*"(?:[^"\\]|\\.)*"\s*(?=,|$)|[^,]+')
"""One value of a list."""

Kinds = Mapping[str, str]
"""Maps each path to the kind of its values (``products.FieldKind``); paths with values of several kinds are left out."""


class Row(Struct, frozen=True):
    """One condition as typed."""

    path: str = ""
    operator: str = "eq"
    value: str = ""

    @property
    def is_blank(self) -> bool:
        """Return True if nothing was entered."""
        return not self.path and not self.value


def rows_of(source: Json, kinds: Kinds) -> list[Row] | None:
    """Write a filter as rows; None if rows cannot express it."""
    if not isinstance(source, Mapping):
        return None
    rows: list[Row] = []
    for name, condition in source.items():
        match name:
            case "any" | "not":
                return None
            case "all":
                parts = [rows_of(part, kinds) for part in condition]
            case _:
                parts = [_rows_at(name, condition, kinds.get(name))]
        for part in parts:
            if part is None:
                return None
            rows += part
    return rows


def filter_of(rows: Iterable[Row], kinds: Kinds) -> dict[str, Json] | None:
    """Make the filter of *rows*, which must all match; None if every row is blank."""
    conditions: dict[str, dict[str, Json]] = {}
    repeated: list[Json] = []
    for row in rows:
        if row.is_blank:
            continue
        name, value = _comparison(row, kinds.get(row.path))
        comparisons = conditions.setdefault(row.path, {})
        if name in comparisons:
            repeated.append({row.path: {name: value}})
        else:
            comparisons[name] = value
    source: dict[str, Json] = {
        path: comparisons["eq"] if comparisons.keys() == {"eq"} else comparisons
        for path, comparisons in conditions.items()
    }
    return (source | {"all": repeated} if repeated else source) or None


def read_value(text: str, kind: str | None) -> Json:
    """Read a typed value: text for a text field, else a number or boolean if it looks like one.

    ``null`` is None; a value in quotation marks is always text.
    """
    if text == "null":
        return None
    value = _json(text)
    is_plain = isinstance(value, str) or (kind not in _TEXTS and isinstance(value, bool | int | float))
    return value if is_plain else text


def write_value(value: Json, kind: str | None) -> str:
    """Write a value as text from which ``read_value`` reads the same value, if the field can hold the value."""
    is_plain = isinstance(value, str) and value.isprintable() and value == value.strip()
    if is_plain and read_value(value, kind) == value:
        return str(value)
    return orjson.dumps(value).decode()


def _rows_at(path: str, condition: Json, kind: str | None) -> list[Row] | None:
    """Write the condition at *path* as rows; None if they would be read as a different condition."""
    comparisons: Mapping[str, Json] = condition if isinstance(condition, Mapping) else {"eq": condition}
    if path != path.strip():  # a form's fields are stripped
        return None
    rows: list[Row] = []
    for name, value in comparisons.items():
        match name:
            case "exists":
                row = Row(path, "present" if value else "absent")
            case "in":
                text = ", ".join(write_value(each, kind) for each in value)
                is_list = _read_list(text, kind) == list(value)
                row = Row(path, name, text if is_list else orjson.dumps(list(value)).decode())
            case _:
                row = Row(path, name, write_value(value, "text" if name == "starts_with" else kind))
        if repr(_comparison(row, kind)) != repr((name, value)):  # 1, 1.0 and true are different here
            return None
        rows.append(row)
    return rows


def _comparison(row: Row, kind: str | None) -> tuple[str, Json]:
    match row.operator:
        case "present" | "absent":
            return "exists", NO_VALUE[row.operator]
        case "in":
            return "in", _read_list(row.value, kind)
        case operator:
            return operator, read_value(row.value, "text" if operator == "starts_with" else kind)


def _read_list(text: str, kind: str | None) -> list[Json]:
    """Read a list: JSON, or comma-separated values; commas within quotation marks separate nothing."""
    value = _json(text)
    if isinstance(value, list):
        return value
    return [read_value(part.strip(), kind) for part in _PART.findall(text) if part.strip()]


def _json(text: str) -> Json:
    try:
        return orjson.loads(text)
    except ValueError:
        return None
