"""Shows rows: as tables for a terminal, and as sections of ``docs/internals/performance.md``, each between two markers."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path

from benchmarks.results import Row

PAGE = Path(__file__).parents[1] / "docs" / "internals" / "performance.md"

FIGURES = 4
"""Number of figures of a row that a section of the page shows."""

_UNITS = {
    "_per_second": "/s",
    "_per_delivery": "per delivery",
    "_us": "µs",
    "_ms": "ms",
    "_mb": "MB",
    "_percent": "%",
}


def table(rows: Iterable[Row]) -> str:
    """Format *rows* as Markdown, with one table for all rows that have the same figures."""
    return "\n\n".join(map(_one_table, _tables_of(rows)))


def section(rows: Iterable[Row], *, how: str) -> str:
    """Format a suite's rows, and add in small type *how* the suite was run.

    Each row has its first ``FIGURES`` figures; baselines are left out, since the ratio shows them. A target that is
    equal to the target of the row above is shown as a ditto mark.
    """
    tables = _tables_of(replace(row, figures=_first(row.figures), note="") for row in rows)
    return "\n\n".join([*(_one_table(_with_dittos(alike)) for alike in tables), f"<sub>{how}</sub>"])


def _tables_of(rows: Iterable[Row]) -> list[list[Row]]:
    tables: dict[tuple[str, ...], list[Row]] = {}
    for row in rows:
        tables.setdefault(tuple(row.figures), []).append(row)
    return list(tables.values())


def _with_dittos(rows: list[Row]) -> list[Row]:
    above = ["", *(row.target for row in rows)]
    return [
        replace(row, target="″") if row.target and row.target == target else row
        for row, target in zip(rows, above, strict=False)
    ]


def _first(figures: Mapping[str, float]) -> dict[str, float]:
    own = [(key, value) for key, value in figures.items() if not key.startswith("baseline")]
    return dict(own[:FIGURES])


def write(suite: str, text: str, *, page: Path = PAGE) -> None:
    """Replace the section of *suite* on *page* with *text*."""
    changed = page.with_suffix(".new")  # an interrupted run leaves the page whole
    changed.write_text(replaced(page.read_text(encoding="utf-8"), suite, text), encoding="utf-8")
    changed.replace(page)


def replaced(page: str, suite: str, text: str) -> str:
    """Return a copy of *page* that has *text* between the markers of *suite*.

    Raises:
        ValueError: the page has no such section.
    """
    begin, end = f"<!-- {suite} -->", f"<!-- end of {suite} -->"
    replaced = re.subn(
        f"{begin}\n.*?{end}", lambda _: f"{begin}\n{text}\n{end}", page, count=1, flags=re.DOTALL
    )
    if not replaced[1]:
        msg = f"the page has no section between {begin} and {end}"
        raise ValueError(msg)
    return replaced[0]


def _one_table(rows: list[Row]) -> str:
    keys = rows[0].figures
    heads = ["", *map(_head, keys)]
    lines = [[row.name, *(_number(row.figures[key]) for key in keys)] for row in rows]
    for head, cells in (
        ("ratio", [f"{row.ratio:.2f}" if row.ratio is not None else "" for row in rows]),
        ("target", [row.target if row.met or not row.target else f"**{row.target}**" for row in rows]),
        ("note", [row.note for row in rows]),
    ):
        if any(cells):
            heads.append(head)
            lines = [[*line, cell] for line, cell in zip(lines, cells, strict=True)]
    words = ("", "target", "note")
    rule = ["---" if head in words else "---:" for head in heads]
    return "\n".join("| " + " | ".join(line) + " |" for line in (heads, rule, *lines))


def _head(key: str) -> str:
    for ending, unit in _UNITS.items():
        if f"_{key}".endswith(ending):
            what = f"_{key}".removesuffix(ending).replace("_", " ").replace(" cpu", " CPU")
            return f"{what} {unit}".strip()
    return key.replace("_", " ")


def _number(value: float) -> str:
    if abs(value) >= 1000 or value == int(value):
        return f"{value:,.0f}"
    return f"{value:.1f}" if abs(value) >= 10 else f"{value:.2f}"
