"""The last release, as pip would have installed it, for tests that upgrade from it.

It is kept here, beside this module, since a clone need not have the commit that it was made of, and a test of upgrades
must not depend on that. After a release, name its commit in ``COMMIT`` and run::

    .venv/bin/python tests/reliability/last_release.py
"""

import subprocess
import sys
import tarfile
import tempfile
import zipfile
from pathlib import Path

ROOT = Path(__file__).parents[2]
KEPT = Path(__file__).with_name("last-release.tar.xz")
COMMIT = "6e0de94d5151fbd64c90f41dc6a3363b4987feb1"
"""0.1 as it was first tried by an operator: eight migrations, no schema of its own, no TLS of its own."""


def unpack(folder: Path) -> dict[str, str]:
    """Unpack it into *folder*; gives the environment that makes a process of ours run it, with its own plugins."""
    with tarfile.open(KEPT) as archive:
        archive.extractall(folder, filter="data")
    return {"PYTHONPATH": str(folder)}


def check_out(folder: Path) -> bool:
    """Put the tree of the commit into *folder*; False where this clone does not have it."""
    archive = folder / "tree.tar"
    command = ["git", "archive", "--output", archive, COMMIT]
    if subprocess.run(command, cwd=ROOT, capture_output=True, check=False).returncode:
        return False
    with tarfile.open(archive) as tree:
        tree.extractall(folder, filter="data")
    archive.unlink()
    return True


def keep() -> None:
    """Build the wheel of the commit, and keep what is in it, packed to half of the wheel's size."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        if not check_out(folder):
            sys.exit(f"This clone has no commit {COMMIT}.")
        build = [
            sys.executable,
            "-m",
            "build",
            "--wheel",
            "--no-isolation",
            "--outdir",
            folder / "dist",
            folder,
        ]
        subprocess.run(build, check=True)
        (wheel,) = (folder / "dist").glob("*.whl")
        with zipfile.ZipFile(wheel) as archive:
            archive.extractall(folder / "wheel")
        with tarfile.open(KEPT, "w:xz", preset=9) as archive:
            for file in sorted((folder / "wheel").rglob("*")):
                if file.is_file():
                    archive.add(file, file.relative_to(folder / "wheel"), filter=_anonymous)


def _anonymous(member: tarfile.TarInfo) -> tarfile.TarInfo:
    member.uid = member.gid = member.mtime = 0
    member.uname = member.gname = ""
    return member


if __name__ == "__main__":
    keep()
