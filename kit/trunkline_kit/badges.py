"""A badge of a plugin's conformance level, made from its conformance report."""

from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from xml.sax.saxutils import escape, quoteattr

import orjson

from trunkline.errors import Refused

COLOURS: Mapping[str | None, str] = {
    "complete": "#1a7f4b",
    "delivers": "#2f6fb0",
    "loads": "#9a6700",
    None: "#b42318",
}
_OUTCOMES = ("passed", "failed", "not_judged", "not_applicable")
_LETTER = 7
_ROOM = 12
_LEFT = "trunkline"


def read_plugin(report: Path, name: str | None) -> tuple[str, Mapping[str, Any]]:
    """Read the entry of the plugin *name* in *report* (if *name* is None, of the only plugin).

    Raises:
        Refused: the file is not a report, has no such plugin, or has several plugins and *name* is None.
    """
    try:
        plugins = dict(orjson.loads(report.read_bytes())["plugins"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        msg = f"{report} is no conformance report ({type(error).__name__}); 'pytest --trunkline-report {report}' writes one."
        raise Refused(msg) from None
    chosen = name or (next(iter(plugins)) if len(plugins) == 1 else None)
    if chosen not in plugins:
        msg = f"{report} has the plugins {', '.join(sorted(plugins)) or 'none'}; name one of them with --plugin."
        raise Refused(msg)
    return str(chosen), plugins[chosen]


def draw(name: str, judged: Mapping[str, Any], *, report_url: str | None) -> str:
    """Draw the badge of the plugin *name* as SVG, with a link to *report_url* if given."""
    level = judged.get("level")
    right = str(level or "does not load")
    ended = Counter(check.get("outcome") for check in judged.get("checks", ()))
    counts = ", ".join(f"{ended[each]} {each.replace('_', ' ')}" for each in _OUTCOMES if ended[each])
    told = escape(f"{name}: {right} ({counts})")
    widths = [len(text) * _LETTER + _ROOM for text in (_LEFT, right)]
    whole = sum(widths)
    middles = widths[0] / 2, widths[0] + widths[1] / 2
    colour = COLOURS.get(level, COLOURS[None])
    begin, end = "", ""
    if report_url is not None:
        begin, end = f'<a href={quoteattr(report_url)} target="_blank">\n', "</a>"
    return f"""<svg xmlns="http://www.w3.org/2000/svg" width="{whole}" height="20" role="img" aria-label="{told}">
{begin}<title>{told}</title>
<rect width="{widths[0]}" height="20" fill="#30363d"/>
<rect x="{widths[0]}" width="{widths[1]}" height="20" fill="{colour}"/>
<g fill="#fff" font-family="Verdana,Geneva,sans-serif" font-size="11" text-anchor="middle">
<text x="{middles[0]:g}" y="14">{_LEFT}</text>
<text x="{middles[1]:g}" y="14">{escape(right)}</text>
</g>
{end}</svg>
"""
