"""The first step of loading: list the plugins of the installed distributions. Nothing is imported."""

import re
from collections.abc import Iterable, Sequence
from importlib.metadata import Distribution

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
    return sorted(
        (candidate for declared in by_distribution.values() for candidate in declared),
        key=lambda candidate: (candidate.name, candidate.distribution),
    )


def _read_candidates(distribution: Distribution, group: str) -> list[Candidate]:
    entries = entry_points.of(distribution, group)
    if not entries:
        return []
    metadata = distribution.metadata  # each property of a distribution parses it anew
    requires = _read_range(metadata.get_all("Requires-Dist") or distribution.requires or ())
    products = {entry.name: entry.value for entry in entry_points.of(distribution, PRODUCTS)}
    return [
        Candidate(
            entry.name,
            entry.value,
            metadata["Name"],
            metadata["Version"],
            requires,
            products.get(entry.name),
        )
        for entry in entries
    ]


def _read_range(requirements: Iterable[str]) -> str | None:
    ranges = [
        str(requirement.specifier)
        for requirement in map(_parse, filter(_MAY_BE_ON_HUB.match, requirements))
        if requirement is not None and _is_on_hub(requirement)
    ]
    return ",".join(filter(None, ranges)) if ranges else None


def _parse(line: str) -> Requirement | None:
    try:
        return Requirement(line)
    except InvalidRequirement:
        return None


def _is_on_hub(requirement: Requirement) -> bool:
    """Return True if *requirement* is on the hub and applies to this machine without any extra."""
    if canonicalize_name(requirement.name) != HUB:
        return False
    return requirement.marker is None or requirement.marker.evaluate({"extra": ""})
