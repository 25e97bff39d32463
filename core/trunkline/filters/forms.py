"""Filters as forms send them: a platform sends every comparison of its form, including those left empty. Pure."""

from trunkline.filters.filters import MAX_DEPTH
from trunkline.schemas.catalog import Json


def without_blanks(filter: Json) -> Json:
    """Remove the parts of a filter that a form left empty: comparisons with empty text, empty lists and empty objects.

    If one filter in ``any`` is empty, the whole ``any`` is removed. A filter that is nested too deep stays unchanged.
    """
    return _kept(filter, levels=2 * MAX_DEPTH)


def _kept(part: Json, *, levels: int) -> Json:
    if not isinstance(part, dict) or not levels:
        return part
    kept = {name: _member(name, value, levels=levels - 1) for name, value in part.items()}
    return {name: value for name, value in kept.items() if value not in ([], {})}


def _member(name: str, value: Json, *, levels: int) -> Json:
    if value == "" and name in {"eq", "in", "contains", "gte", "lte"}:  # the comparisons of forms
        return []
    if name not in {"any", "all"} or not isinstance(value, list):
        return _kept(value, levels=levels)
    parts = [_kept(part, levels=levels) for part in value]
    if name == "any" and {} in parts:
        return []
    return [part for part in parts if part != {}]
