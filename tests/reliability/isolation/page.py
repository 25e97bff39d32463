"""The second table of ``docs/reliability.md``: what the last whole run found."""

from collections.abc import Sequence
from pathlib import Path

from matrix import Outcome
from row import Row

PAGE = Path(__file__).parents[3] / "docs" / "reliability.md"


def write_page(outcomes: Sequence[Outcome], rows: Sequence[Row]) -> None:
    raise NotImplementedError
