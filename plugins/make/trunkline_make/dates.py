"""Dates in the output of modules: Make can show dates and calculate with them only if they are parsed.

https://developers.make.com/custom-apps-documentation/best-practices/output-parameters
"""

from collections.abc import Iterable, Mapping, Sequence

from trunkline import Json
from trunkline.pages import Field, FieldKind
from trunkline_make.names import expression, path

_FORMATS: Mapping[FieldKind, str] = {"date": "YYYY-MM-DD", "date-time": "YYYY-MM-DDTHH:mm:ssZ"}


def with_dates(fields: Iterable[Field], *, root: str) -> Json:
    """Write the value at *root* with its dates parsed.

    An object that may be absent is not rebuilt, because an absent object would become an empty one.
    """
    parsed: dict[str, Json] = {}
    for field in fields:
        place = path(root, field.name)
        if (form := _FORMATS.get(field.kind)) is not None:
            parsed[field.name] = expression(f"if({place}, parseDate({place}, '{form}'), {place})")
        elif field.kind == "object" and field.is_required and not field.is_nullable:
            inner = with_dates(field.fields, root=place)
            if isinstance(inner, dict):
                parsed[field.name] = inner
    return {"{{...}}": expression(root), **parsed} if parsed else expression(root)


def common_dates(payloads: Sequence[Sequence[Field]]) -> list[Field]:
    """List the dates of several payloads, without fields that have another type in one of them."""
    fields = [field for payload in payloads for field in payload]
    kinds: dict[str, set[FieldKind]] = {}
    for field in fields:
        kinds.setdefault(field.name, set()).add(field.kind)
    dates = {field.name: field for field in fields if field.kind in _FORMATS}
    return [field for name, field in dates.items() if len(kinds[name]) == 1]
