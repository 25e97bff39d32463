"""Charts as SVG, drawn without a library: bars that may be stacked, and lines.

A picture is stretched to the available width, so it contains no text: the template puts scales and dates around it, and
lines keep their width (``vector-effect``). Each bucket has a title for the pointer. Shapes are plain strings
made of our own numbers and class names, because ``Markup.format`` for each shape would take half of a page's time; only
titles are escaped.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from math import floor, log10

from markupsafe import Markup, escape
from msgspec import Struct

WIDTH, HEIGHT = 1000, 160
_NICE = (1, 1.2, 1.4, 1.6, 1.8, 2, 2.4, 2.8, 3.2, 3.6, 4, 4.8, 5, 6, 7, 8, 9, 10)
"""The round numbers for the top of a scale; each is at most a fifth larger than the previous one."""
_GAP = 0.22
"""The share of a bucket's width that its bar leaves free."""


class Series(Struct, frozen=True):
    """One row of values, one for each bucket; None is a missing value. *style* is the class of the row in the stylesheet."""

    name: str
    values: Sequence[float | None]
    style: str = ""


@dataclass(frozen=True, slots=True)
class Chart:
    """A picture and its labels: *scale* has the labels from top to bottom, *dates* from left to right."""

    name: str
    title: str
    svg: Markup = field(repr=False)
    scale: Sequence[str]
    dates: Sequence[str]
    series: Sequence[Series]
    kind: str

    @property
    def is_empty(self) -> bool:
        """Return True if there is nothing to draw."""
        return not any(value for series in self.series for value in series.values)


class Axis(Struct, frozen=True):
    """The common axis of a page's charts: the times of the buckets, in words, and a few of them as labels."""

    buckets: Sequence[str]
    dates: Sequence[str]


def bars(
    name: str, title: str, series: Sequence[Series], axis: Axis, *, format_value: Callable[[float], str]
) -> Chart:
    """Draw *series* as stacked bars."""
    totals = [
        sum(values) for values in zip(*([value or 0 for value in row.values] for row in series), strict=True)
    ]
    top = nice_top(max(totals, default=0), whole=True)
    slot = WIDTH / max(len(totals), 1)
    groups = "".join(
        _slot(
            series,
            axis,
            number,
            width=slot,
            format_value=format_value,
            shapes=_stack(series, number, slot, top),
        )
        for number in range(len(totals))
    )
    return _chart(name, title, series, axis, groups, top=top, format_value=format_value, kind="bar")


def lines(
    name: str, title: str, series: Sequence[Series], axis: Axis, *, format_value: Callable[[float], str]
) -> Chart:
    """Draw *series* as lines, broken at missing values."""
    highest = max((value for row in series for value in row.values if value is not None), default=0)
    top = nice_top(highest, whole=True)
    count = max((len(row.values) for row in series), default=0)
    slot = WIDTH / max(count, 1)
    shapes = ""
    for row in series:
        commands, before = "", None
        for number, value in enumerate(row.values):
            if value is not None:  # a single value is a line without length: round line ends show it as a dot
                point = f"{(number + 0.5) * slot:.2f} {HEIGHT - value / top * HEIGHT:.2f}"
                commands += f"M{point}h0.01" if before is None else f"L{point}"
            before = value
        shapes += f'<path class="line {row.style}" d="{commands}" vector-effect="non-scaling-stroke"/>'
    groups = "".join(
        _slot(series, axis, number, width=slot, format_value=format_value) for number in range(count)
    )
    return _chart(name, title, series, axis, shapes + groups, top=top, format_value=format_value, kind="line")


def spark(delivered: Sequence[int], failed: Sequence[int], *, title: str) -> Markup:
    """Draw a small picture without scales: *failed* stacked on *delivered*; *title* describes it."""
    series = [Series("Delivered", delivered), Series("Failed", failed, "is-bad")]
    top = max(max((sum(pair) for pair in zip(delivered, failed, strict=True)), default=0), 1)
    slot = WIDTH / max(len(delivered), 1)
    shapes = "".join(_stack(series, number, slot, top) for number in range(len(delivered)))
    return Markup(
        '<svg class="spark" viewBox="0 0 {} {}" preserveAspectRatio="none" role="img" aria-label="{}">{}</svg>'
    ).format(WIDTH, HEIGHT, title, Markup(shapes))  # noqa: S704 - our own numbers


def nice_top(highest: float, *, whole: bool = False) -> float:
    """Return the top of a scale: a round number at or just above *highest*. If *whole*, half of it is a whole number too."""
    least = max(highest, 2 if whole else 1)
    power = 10.0 ** floor(log10(least))
    tops = (round(step * power, 9) for step in _NICE)
    return next(top for top in tops if top >= least and not (whole and top % 2))


def _chart(
    name: str,
    title: str,
    series: Sequence[Series],
    axis: Axis,
    shapes: str,
    *,
    top: float,
    format_value: Callable[[float], str],
    kind: str,
) -> Chart:
    highest = [  # for screen readers; the table has every number
        f"{row.name}, at most {format_value(max(values))}"
        for row in series
        if (values := [value for value in row.values if value is not None])
    ]
    first, last = (axis.buckets[0], axis.buckets[-1]) if axis.buckets else ("", "")
    svg = Markup(
        '<svg viewBox="0 0 {w} {h}" preserveAspectRatio="none" role="img" aria-labelledby="{id}-title {id}-desc">'
        '<title id="{id}-title">{title}</title><desc id="{id}-desc">{desc}</desc>'
        '<path class="grid" d="M0 0.5H{w}M0 {half}H{w}" vector-effect="non-scaling-stroke"/>{shapes}'
        '<path class="axis" d="M0 {h}H{w}" vector-effect="non-scaling-stroke"/></svg>'
    ).format(
        w=WIDTH,
        h=HEIGHT,
        id=name,
        title=title,
        desc=f"From {first} to {last}. {'; '.join(highest) or 'No values'}. The table below has every number.",
        half=HEIGHT / 2,
        shapes=Markup(shapes),  # noqa: S704 - our own numbers and classes, and escaped titles
    )
    return Chart(name, title, svg, [format_value(top), format_value(top / 2), "0"], axis.dates, series, kind)


def _stack(series: Sequence[Series], number: int, slot: float, top: float) -> str:
    shapes, below = "", 0.0
    for row in series:
        value = row.values[number]
        if value:
            height = max(value / top * HEIGHT, 1.5)
            shapes += (
                f'<rect class="bar {row.style}" x="{slot * (number + _GAP / 2):.2f}" y="{HEIGHT - below - height:.2f}" '
                f'width="{slot * (1 - _GAP):.2f}" height="{height:.2f}"/>'
            )
            below += height
    return shapes


def _slot(
    series: Sequence[Series],
    axis: Axis,
    number: int,
    *,
    width: float,
    format_value: Callable[[float], str],
    shapes: str = "",
) -> str:
    """Draw a bucket: its *shapes*, and a title with its values."""
    values = [(row.name, row.values[number]) for row in series]
    lines = [f"{name}: {format_value(value)}" for name, value in values if value is not None]
    title = escape("\n".join([axis.buckets[number], *lines]))
    return (
        f'<g class="slot"><title>{title}</title><rect class="hit" x="{number * width:.2f}" y="0" '
        f'width="{width:.2f}" height="{HEIGHT}"/>{shapes}</g>'
    )
