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
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.plugins import npm
from tests.programs import free_port

ROOT = Path(__file__).parents[2]
HERE = Path(__file__).parent
CACHE = ROOT / ".cache" / "clients"
TRUNKLINE = Path(sys.executable).with_name("trunkline")
GENERATOR = "openapi-generator-cli==7.26.0"
PYTHON = ("openapi-python-client==0.29.1", "mypy==2.4.1")
OKHTTP = "allure-commandline@2.46.1"
"""A package from npm that has OkHttp among its files."""
GSON = Path("/usr/share/java/gson.jar")
CRATES = Path("/usr/share/cargo/registry")
DEBIAN = "librust-{serde,serde-json,serde-with,serde-repr,url,chrono,reqwest,tokio}-dev"
SCOPES = ("events:read", "events:write", "webhooks:write", "integrations:read", "integrations:write")
SETTINGS = "[limits]\nenabled = false\n"
TSCONFIG = """{"compilerOptions": {"strict": true, "module": "esnext", "moduleResolution": "bundler", "target": "es2022", "noUncheckedIndexedAccess": true,
"noEmit": true, "lib": ["es2023", "dom"], "types": ["node"]}, "include": ["*.ts"]}"""
RULES = 'extends: ["spectral:oas", "spectral:asyncapi"]'
QUICK_JAVA = "-XX:TieredStopAtLevel=1 -XX:+UseSerialGC"  # for processes that end soon
QUICK_RUST = {
    "CARGO_TARGET_DIR": str(CACHE / "rust"),
    "CARGO_PROFILE_DEV_DEBUG": "0",
    "CARGO_INCREMENTAL": "0",
}
STAND_INS = {
    "javax/annotation/Generated": 'public @interface Generated { String[] value(); String date() default ""; String comments() default ""; }',
    "io/gsonfire/TypeSelector": "public interface TypeSelector<T> {}",
    "io/gsonfire/GsonFireBuilder": (
        "public class GsonFireBuilder { public com.google.gson.GsonBuilder createGsonBuilder() { return new com.google.gson.GsonBuilder(); } }"
    ),
    "okhttp3/logging/HttpLoggingInterceptor": (
        "public class HttpLoggingInterceptor implements okhttp3.Interceptor { public enum Level { BODY } public void setLevel(Level level) {}"
        " public okhttp3.Response intercept(Chain chain) throws java.io.IOException { return chain.proceed(chain.request()); } }"
    ),
}
"""Classes of small libraries that no registry here has. The generated code names them; the calls use none of them."""


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


def node(name: str, *, of: str = "generators") -> Path:
    return npm.install(HERE / of, flags=()) / "node_modules" / ".bin" / name


def python(*packages: str) -> Path:
    """Return the folder of the programs of PyPI's *packages*; the first call installs them."""
    folder = CACHE / packages[0]
    if not (whole := folder / "whole").exists():
        uv = Path(sys.executable).with_name("uv")
        run(uv, "venv", "--quiet", "--clear", "--python", sys.executable, folder, folder=ROOT)
        run(uv, "pip", "install", "--quiet", "--python", folder, *packages, folder=ROOT)
        whole.touch()
    return folder / "bin"


def archive() -> Path:
    """Return the archive of openapi-generator, which PyPI's package has."""
    return next(python(GENERATOR).parent.rglob("openapi-generator.jar"))


def generate(folder: Path, language: str, *options: str) -> Path:
    if shutil.which("javac") is None:
        raise Missing("a JDK (Debian's default-jdk-headless)")
    own = "apis,models,supportingFiles,apiDocs=false,modelDocs=false,apiTests=false,modelTests=false"
    whole = ("generate", "-i", "openapi.json", "--skip-validate-spec", "--global-property", own)
    made = ("-g", language, "-o", "made", *options)
    run("java", "-jar", archive(), *whole, *made, folder=folder, JAVA_TOOL_OPTIONS=QUICK_JAVA)
    return folder / "made"


def lint(folder: Path, _: dict[str, str]) -> None:
    (folder / ".spectral.yaml").write_text(RULES)
    for document in ("openapi.json", "openapi-3.0.json"):
        run(node("redocly", of="linters"), "lint", "--extends", "recommended", document, folder=folder)
    run(
        node("spectral", of="linters"),
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
    (folder / "node_modules").symlink_to(make_client.parents[1])
    (folder / "package.json").write_text('{"type": "module"}')
    (folder / "tsconfig.json").write_text(TSCONFIG)
    run(make_client, *make[1:], folder=folder)
    shutil.copy(HERE / program, folder)
    run(node("tsc"), "-p", ".", folder=folder)
    run(node("tsx"), program, folder=folder, **hub)


def openapi_typescript(folder: Path, hub: dict[str, str]) -> None:
    typescript(folder, hub, "openapi_fetch.ts", "openapi-typescript", "openapi.json", "-o", "api.ts")


def hey_api(folder: Path, hub: dict[str, str]) -> None:
    typescript(folder, hub, "hey_api.ts", "openapi-ts", "-i", "openapi.json", "-o", "hey")


def openapi_python_client(folder: Path, hub: dict[str, str]) -> None:
    """Make Python's client, checked by ``mypy --strict``."""
    programs = python(*PYTHON)
    (folder / "config.yml").write_text(
        "post_hooks: []"
    )  # its Ruff changes annotations such that mypy refuses them
    options = ("--path", "openapi.json", "--config", "config.yml", "--output-path", "made", "--meta", "none")
    run(programs / "openapi-python-client", "generate", *options, folder=folder)
    shutil.copy(HERE / "calls.py", folder)
    run(programs / "mypy", "--strict", "made", "calls.py", folder=folder)
    run(programs / "python", "calls.py", folder=folder, **hub)


def java_native(folder: Path, hub: dict[str, str]) -> None:
    """Make Java's client on the JDK's HTTP client; Jackson is in the generator's own archive."""
    java("native", [archive()], ["javax/annotation/Generated"], folder, hub)


def java_okhttp_gson(folder: Path, hub: dict[str, str]) -> None:
    if not GSON.exists():
        raise Missing("Debian's libgoogle-gson-java")
    jars = CACHE / "okhttp"
    if not jars.exists():
        jars.mkdir(parents=True)
        run("npm", "pack", "--silent", OKHTTP, folder=jars)
        run("tar", "-xzf", next(jars.glob("*.tgz")), folder=jars)
    used = [
        next(jars.rglob(f"jira-plugin/lib/{name}-*.jar"))
        for name in ("okhttp-jvm", "okio-jvm", "kotlin-stdlib")
    ]
    java("okhttp-gson", [archive(), GSON, *used], STAND_INS, folder, hub)


def java(
    library: str, jars: Iterable[Path], stand_ins: Iterable[str], folder: Path, hub: dict[str, str]
) -> None:
    """Make Java's client on *library*, compile it with *jars* and *stand_ins*, and run it."""
    made = generate(folder, "java", "--library", library, "--additional-properties", "openApiNullable=false")
    for name in stand_ins:
        package, _, _ = name.rpartition("/")
        (file := made / "src" / "main" / f"{name}.java").parent.mkdir(parents=True, exist_ok=True)
        file.write_text(f"package {package.replace('/', '.')}; {STAND_INS[name]}")
    sources = [
        *made.glob("src/main/**/*.java"),
        HERE / "java" / "Calls.java",
        HERE / "java" / library / "Library.java",
    ]
    path = ":".join(["classes", *map(str, jars)])
    javac = ("javac", "-nowarn", "-proc:none", "-d", "classes", "-cp", path)
    run(*javac, *sources, folder=folder, JAVA_TOOL_OPTIONS=QUICK_JAVA)
    run("java", "-cp", path, "Calls", folder=folder, JAVA_TOOL_OPTIONS=QUICK_JAVA, **hub)


def go(folder: Path, hub: dict[str, str]) -> None:
    """Make Go's client of openapi-generator, on the standard library alone."""
    if shutil.which("go") is None:
        raise Missing("Go (Debian's golang-go)")
    made = generate(folder, "go", "--additional-properties", "packageName=hub,withGoMod=false")
    (made / "go.mod").write_text("module hub\n\ngo 1.21\n")
    (made / "calls").mkdir()
    shutil.copy(HERE / "calls.go", made / "calls" / "main.go")
    run("go", "run", "./calls", folder=made, **hub)


def rust(folder: Path, hub: dict[str, str]) -> None:
    """Make Rust's client of openapi-generator, on Debian's crates."""
    if shutil.which("cargo") is None or not list(CRATES.glob("reqwest-0.12*")):
        raise Missing(f"cargo and Debian's crates ({DEBIAN})")
    made = generate(folder, "rust")
    (made / ".cargo").mkdir()
    (made / ".cargo" / "config.toml").write_text(
        f'[source.crates-io]\nreplace-with = "debian"\n[source.debian]\ndirectory = "{CRATES}"\n'
    )
    text = (made / "Cargo.toml").read_text().partition("[features]")[0]
    crate = 'reqwest = { version = "0.12", default-features = false, features = ["json", "multipart"] }'
    text = re.sub(
        r"^reqwest = .*$",
        f'{crate}\ntokio = {{ version = "1", features = ["rt", "macros"] }}',
        text,
        flags=re.MULTILINE,
    )
    (made / "Cargo.toml").write_text(text.replace('"base64", ', ""))
    shutil.copy(HERE / "calls.rs", made / "src" / "main.rs")
    run("cargo", "run", "--offline", "--quiet", folder=made, **QUICK_RUST, **hub)


CLIENTS: dict[str, Callable[[Path, dict[str, str]], None]] = {
    "lint": lint,
    "openapi-typescript": openapi_typescript,
    "hey-api": hey_api,
    "openapi-python-client": openapi_python_client,
    "java-native": java_native,
    "java-okhttp-gson": java_okhttp_gson,
    "go": go,
    "rust": rust,
}


def make(name: str, folder: Path, hub: dict[str, str]) -> None:
    """Make the client *name* from the documents, in *folder*, and call *hub* with it. Raises Missing."""
    own = folder / name
    own.mkdir()
    for document in ("openapi", "asyncapi"):
        run(TRUNKLINE, "export", document, ".", folder=own)
    CLIENTS[name](own, hub)


@contextmanager
def serving(folder: Path) -> Iterator[dict[str, str]]:
    (folder / "trunkline.toml").write_text(SETTINGS)
    port = free_port()
    with (
        (folder / "log.txt").open("w") as log,
        subprocess.Popen(
            [TRUNKLINE, "serve", "--port", str(port)], cwd=folder, stderr=log, stdout=log
        ) as hub,
    ):
        try:
            address = f"http://127.0.0.1:{port}"
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
        for name in sys.argv[1:] or CLIENTS:
            began = time.monotonic()
            try:
                make(name, Path(folder), hub)
            except Missing as missing:
                is_whole = False
                print(f"{name}: not made, as it needs {missing}")
            else:
                print(f"{name}: ok, {time.monotonic() - began:.0f} s", flush=True)
    return 0 if is_whole else 1


if __name__ == "__main__":
    sys.exit(main())
