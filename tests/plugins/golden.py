"""Files that a generator's output must equal; ``TRUNKLINE_WRITE_GOLDEN=1`` writes them anew."""

import os
from pathlib import Path


def check(kept: Path, made: bytes) -> None:
    """Compare *made* with the file *kept*."""
    if os.environ.get("TRUNKLINE_WRITE_GOLDEN"):
        kept.parent.mkdir(parents=True, exist_ok=True)
        kept.write_bytes(made)
    assert made.decode() == kept.read_text()
