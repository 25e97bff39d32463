"""The first step of loading: list the plugins of the installed distributions. Nothing is imported."""

import re
from collections.abc import Iterable, Sequence
from importlib.metadata import Distribution
from itertools import chain
from operator import attrgetter

from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import canonicalize_name

from trunkline.plugins.records import Candidate
from trunkline.schemas import entry_points

HUB = "trunkline"
PRODUCTS = "trunkline.products"
"""Entry-point group in which a distribution assigns a plugin to a product: ``PLUGIN = "SCHEMAS"``."""
_MAY_BE_ON_HUB = re.compile(rf"\s*{HUB}(?![A-Za-z0-9])", re.IGNORECASE)
"""Matches the beginning of a requirement that may be on the hub; all other requirements need not be parsed."""


def discover(group: str = HUB, *, path: Sequence[str] | None = None) -> list[Candidate]:
    """List the plugins that distributions on *path* (``sys.path`` if None) declare in the entry-point *group*.

    If a distribution is on the path twice, the first hides the second, as it does for imports.
    """
    by_distribution: dict[str, list[Candidate]] = {}
    for distribution in entry_points.declaring(group, path=path):
        declared = _read_candidates(distribution, group)
        if declared:
            by_distribution.setdefault(canonicalize_name(declared[0].distribution), declared)
    return sorted(chain.from_iterable(by_distribution.values()), key=attrgetter("name", "distribution"))


def _read_candidates(distribution: Distribution, group: str) -> list[Candidate]:
    entries = entry_points.of(distribution, group)
    if not entries:
        return []
    metadata = distribution.metadata  # each property of a distribution parses it anew
    requires = _read_range(metadata.get_all("Requires-Dist") or distribution.requires or ())
    products = {entry.name: entry.value for entry in entry_points.of(distribution, PRODUCTS)}
    name, version = metadata["Name"], metadata["Version"]
    return [
        Candidate(entry.name, entry.value, name, version, requires, products.get(entry.name))
        for entry in entries
    ]


def _read_range(requirements: Iterable[str]) -> str | None:
    """Read the range of the hub's versions from the *requirements* that apply to this machine without any extra."""
    ranges: list[str] = []
    for line in filter(_MAY_BE_ON_HUB.match, requirements):
        try:
            requirement = Requirement(line)
        except InvalidRequirement:
            continue
        marker = requirement.marker
        if canonicalize_name(requirement.name) == HUB and (not marker or marker.evaluate({"extra": ""})):
            ranges.append(str(requirement.specifier))
    return ",".join(filter(None, ranges)) if ranges else None
