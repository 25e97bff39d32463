"""Generates clients from the OpenAPI document as users do, compiles them, and calls a hub with each (``make clients``).

Each client emits an event, gets a 422 as a typed problem, polls to the end, creates, lists and deletes a subscription, carries
out an action and a search. An amount of 149999.99 and an id of 3,000,000,000 must arrive unchanged. Name clients (or linters) to run
only those.
"""

import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).parents[2]
HERE = Path(__file__).parent
CACHE = ROOT / ".cache" / "clients"
TRUNKLINE = Path(sys.executable).with_name("trunkline")
PORT = 8791
NODE = (
    "openapi-typescript@7.13.0", "openapi-fetch@0.17.0", "@hey-api/openapi-ts@0.99.0", "typescript@5.9.3", "tsx", "@types/node",
    "@redocly/cli@2.77.0", "@stoplight/spectral-cli@6.16.3",
)  # fmt: skip
PYTHON = ("openapi-python-client==0.29.1", "openapi-generator-cli==7.26.0", "mypy")
CRATES = Path("/usr/share/cargo/registry")
DEBIAN = "librust-{serde,serde-json,serde-with,serde-repr,url,chrono,reqwest,tokio}-dev"
SCOPES = ("events:read", "events:write", "webhooks:write", "integrations:read", "integrations:write")
SETTINGS = f"""
[server]
port = {PORT}
[limits]
enabled = false
"""
TSCONFIG = """{"compilerOptions": {"strict": true, "module": "esnext", "moduleResolution": "bundler", "target": "es2022", "noUncheckedIndexedAccess": true,
"noEmit": true, "lib": ["es2023", "dom"], "types": ["node"]}, "include": ["*.ts"]}"""
RULES = 'extends: ["spectral:oas", "spectral:asyncapi"]'
GENERATED = 'package javax.annotation; public @interface Generated { String[] value(); String date() default ""; String comments() default ""; }'
"""An annotation in the generated code that no JDK contains."""


class Missing(Exception):
    """A client's tool is not available here."""


def run(*command: str | Path, folder: Path, **more: str) -> None:
    """Run *command*; its output is shown if it fails."""
    done = subprocess.run(
        command,
        cwd=folder,
        env=os.environ | more,
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        check=False,
    )
    if done.returncode:
        raise SystemExit(f"{' '.join(map(str, command))}\n{done.stdout[-8_000:]}")


def node(name: str) -> Path:
    """Return the path of an npm program; the first call installs all of them."""
    folder = CACHE / "node"
    if not (folder / "node_modules" / ".bin" / name).exists():
        folder.mkdir(parents=True, exist_ok=True)
        run("npm", "install", "--silent", "--no-audit", "--no-fund", "--prefix", folder, *NODE, folder=folder)
    return folder / "node_modules" / ".bin" / name


def python(name: str) -> Path:
    """Return the path of a PyPI program; the first call installs all of them."""
    programs = CACHE / "python" / "bin"
    if not (programs / name).exists():
        run(sys.executable, "-m", "venv", CACHE / "python", folder=ROOT)
        run(programs / "pip", "install", "--quiet", *PYTHON, folder=ROOT)
    return programs / name


def generator(folder: Path, *options: str) -> None:
    """Run openapi-generator in *folder*."""
    run(
        python("openapi-generator-cli"),
        "generate",
        "-i",
        "openapi.json",
        "--skip-validate-spec",
        *options,
        folder=folder,
    )


def lint(folder: Path, _: dict[str, str]) -> None:
    """Lint the documents; an error ends the run."""
    (folder / ".spectral.yaml").write_text(RULES)
    for document in ("openapi.json", "openapi-3.0.json"):
        run(node("redocly"), "lint", "--extends", "recommended", document, folder=folder)
    run(
        node("spectral"),
        "lint",
        "--fail-severity",
        "error",
        "openapi.json",
        "openapi-3.0.json",
        "asyncapi.json",
        folder=folder,
    )


def typescript(folder: Path, hub: dict[str, str], program: str, *make: str) -> None:
    """Make a client by the command *make*, beside *program*; compile both and run it."""
    make_client = node(make[0])
    (folder / "node_modules").symlink_to(CACHE / "node" / "node_modules")
    (folder / "package.json").write_text('{"type": "module"}')
    (folder / "tsconfig.json").write_text(TSCONFIG)
    run(make_client, *make[1:], folder=folder)
    shutil.copy(HERE / program, folder)
    run(node("tsc"), "-p", ".", folder=folder)
    run(node("tsx"), program, folder=folder, **hub)


def openapi_typescript(folder: Path, hub: dict[str, str]) -> None:
    """Make TypeScript's types for openapi-fetch."""
    typescript(folder, hub, "openapi_fetch.ts", "openapi-typescript", "openapi.json", "-o", "api.ts")


def hey_api(folder: Path, hub: dict[str, str]) -> None:
    """Make TypeScript's client of hey-api."""
    typescript(folder, hub, "hey_api.ts", "openapi-ts", "-i", "openapi.json", "-o", "hey")


def openapi_python_client(folder: Path, hub: dict[str, str]) -> None:
    """Make Python's client, checked by ``mypy --strict``."""
    run(
        python("openapi-python-client"),
        "generate",
        "--path",
        "openapi.json",
        "--output-path",
        "made",
        "--meta",
        "none",
        folder=folder,
    )
    shutil.copy(HERE / "calls.py", folder)
    run(python("mypy"), "--strict", "made", "calls.py", folder=folder)
    run(python("python"), "calls.py", folder=folder, **hub)


def java_native(folder: Path, hub: dict[str, str]) -> None:
    """Make Java's client on the JDK's HTTP client; Jackson is in the generator's own archive."""
    if shutil.which("javac") is None:
        raise Missing("a JDK (Debian's default-jdk-headless)")
    generator(
        folder,
        "-g",
        "java",
        "--library",
        "native",
        "--additional-properties",
        "openApiNullable=false",
        "-o",
        "made",
    )
    (stand_in := folder / "javax" / "annotation" / "Generated.java").parent.mkdir(parents=True)
    stand_in.write_text(GENERATED)
    jar = next((CACHE / "python").rglob("openapi-generator.jar"))
    sources = [*folder.glob("made/src/main/**/*.java"), stand_in, HERE / "Calls.java"]
    run("javac", "-nowarn", "-d", "classes", "-cp", jar, *sources, folder=folder)
    run("java", "-cp", f"classes:{jar}", "Calls", folder=folder, **hub)


def rust(folder: Path, hub: dict[str, str]) -> None:
    """Make Rust's client of openapi-generator, on Debian's crates."""
    if shutil.which("cargo") is None or not list(CRATES.glob("reqwest-0.12*")):
        raise Missing(f"cargo and Debian's crates ({DEBIAN})")
    generator(folder, "-g", "rust", "-o", "made")
    made = folder / "made"
    (made / ".cargo").mkdir()
    (made / ".cargo" / "config.toml").write_text(
        f'[source.crates-io]\nreplace-with = "debian"\n[source.debian]\ndirectory = "{CRATES}"\n'
    )
    text = (made / "Cargo.toml").read_text().partition("[features]")[0]
    crate = 'reqwest = { version = "0.12", default-features = false, features = ["json", "multipart"] }'
    text = re.sub(
        r"^reqwest = .*$",
        f'{crate}\ntokio = {{ version = "1", features = ["rt-multi-thread", "macros"] }}',
        text,
        flags=re.MULTILINE,
    )
    (made / "Cargo.toml").write_text(text.replace('"base64", ', ""))
    shutil.copy(HERE / "calls.rs", made / "src" / "main.rs")
    run("cargo", "run", "--offline", "--quiet", folder=made, CARGO_TARGET_DIR=str(CACHE / "rust"), **hub)


CLIENTS: dict[str, Callable[[Path, dict[str, str]], None]] = {
    "lint": lint,
    "openapi-typescript": openapi_typescript,
    "hey-api": hey_api,
    "openapi-python-client": openapi_python_client,
    "java-native": java_native,
    "rust": rust,
}


@contextmanager
def serving(folder: Path) -> Iterator[dict[str, str]]:
    """Serve a hub from *folder*; give its address and a key."""
    (folder / "trunkline.toml").write_text(SETTINGS)
    with (
        (folder / "log.txt").open("w") as log,
        subprocess.Popen([TRUNKLINE, "serve"], cwd=folder, stderr=log, stdout=log) as hub,
    ):
        try:
            address = f"http://127.0.0.1:{PORT}"
            _wait_for(f"{address}/readyz")
            scopes = [option for scope in SCOPES for option in ("--scope", scope)]
            make = [TRUNKLINE, "keys", "create", "--company", "92", "--name", "clients", *scopes]
            key = subprocess.run(make, cwd=folder, capture_output=True, text=True, check=True).stdout.strip()
            yield {"HUB": address, "KEY": key}
        finally:
            hub.terminate()


def _wait_for(url: str) -> None:
    for _ in range(300):
        try:
            urllib.request.urlopen(url).close()
        except OSError:
            time.sleep(0.1)
        else:
            return
    raise SystemExit(f"{url} does not answer")


def main() -> int:
    """Make the named clients, or all; return 1 if a tool is missing."""
    is_whole = True
    with tempfile.TemporaryDirectory() as folder, serving(Path(folder)) as hub:
        for document in ("openapi", "asyncapi"):
            run(TRUNKLINE, "export", document, ".", folder=Path(folder))
        for name in sys.argv[1:] or CLIENTS:
            own = Path(folder) / name
            own.mkdir()
            for document in Path(folder).glob("*api*.json"):
                shutil.copy(document, own)
            began = time.monotonic()
            try:
                CLIENTS[name](own, hub)
            except Missing as missing:
                is_whole = False
                print(f"{name}: not made, as it needs {missing}")
            else:
                print(f"{name}: ok, {time.monotonic() - began:.0f} s", flush=True)
    return 0 if is_whole else 1


if __name__ == "__main__":
    sys.exit(main())
