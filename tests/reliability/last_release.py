"""The last release, as pip would have installed it, for tests that upgrade from it.

It is built from its commit, which this clone must have. After a release, name its commit in ``COMMIT``.
"""

import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

ROOT = Path(__file__).parents[2]
COMMIT = "6e0de94d5151fbd64c90f41dc6a3363b4987feb1"
"""0.1 as it was first tried by an operator: eight migrations, no schema of its own, no TLS of its own."""


def is_here() -> bool:
    """Tell whether this clone has the commit: one without the history (``git clone --depth 1``) has not."""
    found = subprocess.run(["git", "cat-file", "-e", COMMIT], cwd=ROOT, capture_output=True, check=False)
    return found.returncode == 0


def install(folder: Path) -> dict[str, str]:
    """Build its wheel in *folder* and unpack it there; gives the environment that makes a process of ours run it, with its plugins."""
    tree, release = folder / "tree", folder / "release"
    tree.mkdir(parents=True)
    archive = folder / "tree.tar"
    subprocess.run(["git", "archive", "--output", archive, COMMIT], cwd=ROOT, check=True)
    with tarfile.open(archive) as files:
        files.extractall(tree, filter="data")
    build = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", folder / "dist", tree]
    subprocess.run(build, check=True, capture_output=True)
    (wheel,) = (folder / "dist").glob("*.whl")
    with zipfile.ZipFile(wheel) as packed:
        packed.extractall(release)
    return {"PYTHONPATH": str(release)}
