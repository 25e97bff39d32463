"""The pages are true: their commands and programs work against a real hub, and their links lead somewhere.

CONTRIBUTING explains each kind of fenced block.
"""

import contextlib
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import sysconfig
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from cryptography.exceptions import InvalidSignature
from standardwebhooks import WebhookVerificationError
from tests import spared
from tests.answers import json_of
from tests.example_product import EVENT_TYPES
from tests.keys import make_key
from tests.programs import free_port, inherited, output_of

from trunkline import settings
from trunkline.errors import BodyInvalid
from trunkline.filters import filters
from trunkline.filters.comparisons import OPERATORS
from trunkline_kit.receiver import Receiver

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
EXAMPLE = DOCS / "examples" / "chat"
OWN_PAGES = (
    ROOT / "README.md",
    ROOT / "CONTRIBUTING.md",
    ROOT / "CHANGELOG.md",
    ROOT / "plugins" / "README.md",
    ROOT / "kit" / "README.md",
)
PAGES = [*OWN_PAGES, *sorted(DOCS.rglob("*.md"))]
FENCE = re.compile(r"^```(\w+)(?: +([^\n]+))?\n(.*?)^```$", re.MULTILINE | re.DOTALL)
PATIENCE_SECONDS = 20.0
OFFLINE = {
    "PIP_NO_INDEX": "1",
    "PIP_NO_DEPS": "1",
    "PIP_NO_BUILD_ISOLATION": "0",
    "PIP_DISABLE_PIP_VERSION_CHECK": "1",
}
"""Makes pip build from installed packages; its "no build isolation" is in effect if the variable is 0."""
WITH_PACKAGES = {**OFFLINE, "PYTHONPATH": sysconfig.get_path("purelib")}
"""A reader's environment finds trunkline's dependencies, as if they came from an index."""
CURL = """#!{python}
import sys, urllib.error, urllib.request
arguments, headers, url, data, method = iter(sys.argv[1:]), {{}}, "", None, None
for argument in arguments:
    if argument == "-H":
        name, _, value = next(arguments).partition(":")
        headers[name] = value.strip()
    elif argument == "-d":
        data = next(arguments).encode()
    elif argument == "-X":
        method = next(arguments)
    elif argument != "-s":
        url = argument
try:
    answer = urllib.request.urlopen(urllib.request.Request(url, data, headers, method=method))
except urllib.error.HTTPError as error:
    answer = error
sys.stdout.buffer.write(answer.read())
"""
"""The part of curl that the pages use, for machines without curl."""


@dataclass(frozen=True, slots=True)
class Block:
    language: str
    note: str
    text: str


def blocks_of(page: Path) -> list[Block]:
    return [Block(language, note or "", text) for language, note, text in FENCE.findall(page.read_text())]


def blocks(page: str, language: str, note: str) -> list[str]:
    found = [
        block.text for block in blocks_of(DOCS / page) if (block.language, block.note) == (language, note)
    ]
    assert found
    return found


def pattern_of(expected: str) -> re.Pattern[str]:
    return re.compile(".*".join(map(re.escape, expected.strip().split("…"))), re.DOTALL)


def ends_by(seconds: float, condition: Callable[[], bool]) -> bool:
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.02)
    return True


class Reader:
    """Someone who follows a page word for word, in one shell, in an empty folder.

    Free ports replace the ports 8000 and 9000; ``CHECKOUT`` is this checkout.
    """

    def __init__(self, folder: Path, environment: Mapping[str, str]) -> None:
        self.folder = folder
        self.ports = {"8000": str(free_port()), "9000": str(free_port())}
        tools = folder.parent / f"{folder.name}-tools"
        for made in (folder, tools):
            made.mkdir()
        if shutil.which("curl") is None:
            (tools / "curl").write_text(CURL.format(python=sys.executable))
            (tools / "curl").chmod(0o755)
        path = f"{sysconfig.get_path('scripts')}{os.pathsep}{os.environ['PATH']}{os.pathsep}{tools}"
        own = {
            "PATH": path,
            "CHECKOUT": str(ROOT),
            "TRUNKLINE_SERVER__PORT": self.ports["8000"],
            "TRUNKLINE_SERVER__DRAIN_SECONDS": "0",
        }
        self.shell = subprocess.Popen(
            ["sh", "-e"],
            cwd=folder,
            env=inherited("PIP_", "VIRTUAL_ENV") | own | dict(environment),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )

    def close(self) -> None:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.shell.pid, signal.SIGTERM)
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.shell.communicate(timeout=0.2)
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.shell.pid, signal.SIGKILL)
        self.shell.communicate()

    def follow(self, page: Path) -> None:
        printed = ""
        for block in blocks_of(page):
            text = self.located(block.text)
            key, _, value = block.note.partition("=")
            if block.language == "sh" and key == "background":
                self.start(value, text)
            elif block.language == "sh":
                printed = "" if key == "no-test" else self.run(text)
            elif block.language == "text" and key == "from":
                self.await_output(value, text)
            elif block.language == "text" and printed:
                assert pattern_of(text).search(printed), f"{text}\nis not what came:\n{printed}"
            elif "." in block.note:
                (self.folder / block.note).write_text(text)

    def located(self, text: str) -> str:
        for port, free in self.ports.items():
            text = text.replace(f"127.0.0.1:{port}", f"127.0.0.1:{free}").replace(
                f'"127.0.0.1", {port}', f'"127.0.0.1", {free}'
            )
            text = text.replace(f"--port {port}", f"--port {free}")
        return text

    def run(self, commands: str) -> str:
        assert self.shell.stdin is not None
        assert self.shell.stdout is not None
        self.shell.stdin.write(f"{commands}\nprintf '\\n=== done\\n'\n")
        self.shell.stdin.flush()
        lines: list[str] = []
        for line in self.shell.stdout:
            if line == "=== done\n":
                return "".join(lines)
            lines.append(line)
        pytest.fail(f"{commands}\nended with:\n{''.join(lines)}")

    def start(self, name: str, commands: str) -> None:
        self.run(f"{{ {commands.strip()}\n}} < /dev/null > {name}.log 2> {name}.err &")

    def await_output(self, name: str, expected: str) -> None:
        log, pattern = self.folder / f"{name}.log", pattern_of(expected)
        if not ends_by(PATIENCE_SECONDS, lambda: log.exists() and bool(pattern.search(log.read_text()))):
            pytest.fail(
                f"{expected}\ndid not come from {name}:\n{log.read_text()}{log.with_suffix('.err').read_text()}"
            )


MakeReader = Callable[..., Reader]


@pytest.fixture
def make_reader(tmp_path: Path) -> Iterator[MakeReader]:
    with contextlib.ExitStack() as stack:

        def make(environment: Mapping[str, str] | None = None) -> Reader:
            reader = Reader(tmp_path / "reader", environment or {})
            stack.callback(reader.close)
            return reader

        yield make


@pytest.fixture
def reader(make_reader: MakeReader) -> Reader:
    """Make a reader beside a running hub, with a key in ``KEY``."""
    loose = {f"TRUNKLINE_DELIVERY__ALLOW_{what}": "true" for what in ("HTTP", "PRIVATE_NETWORKS")}
    reader = make_reader(loose)
    reader.start("serve", "trunkline serve")
    reader.await_output("serve", "trunkline listens on")
    scopes = ("events:read", "events:write", "webhooks:write", "integrations:read", "integrations:write")
    database = {"TRUNKLINE_DATABASE__URL": f"sqlite:///{reader.folder / 'trunkline.db'}"}
    reader.run(f"export KEY={make_key(database, 92, name='docs', scopes=scopes)}")
    return reader


@pytest.mark.slow
@pytest.mark.timeout(180)
def test_the_tutorial_leads_from_an_empty_folder_to_a_verified_delivery(make_reader):
    reader = make_reader(WITH_PACKAGES)
    reader.follow(DOCS / "tutorials" / "first-delivery.md")
    where = reader.run("python -c 'import trunkline; print(trunkline.__file__)'")
    assert where.startswith(str(reader.folder)), (
        "the tutorial installs trunkline; it must not use the checkout's"
    )


@pytest.mark.slow
@pytest.mark.timeout(180)
def test_the_tutorial_about_an_own_product_leads_from_an_empty_folder_to_three_verified_webhooks(make_reader):
    reader = make_reader(WITH_PACKAGES)
    reader.follow(DOCS / "tutorials" / "own-product.md")
    written = [path for path in reader.folder.rglob("*") if path.is_file() and ".venv" not in path.parts]
    said = b"".join(path.read_bytes() for path in written).lower()
    assert b"verified subscription.plan_changed" in said
    assert b"wlcro" not in said
    assert b"whitelabelcro" not in said


@pytest.mark.slow
@pytest.mark.timeout(180)
def test_the_how_to_about_an_own_product_leads_from_an_empty_folder_to_its_events_over_http_and_by_a_plugin(
    make_reader,
):
    reader = make_reader(WITH_PACKAGES)
    reader.follow(DOCS / "how-to" / "put-your-own-product-behind-it.md")
    order = """curl -s http://127.0.0.1:8000/api/v1/integrations/orders -H "X-Api-Key: $KEY" \\
        -H "Content-Type: application/json" -H "Idempotency-Key: order-of-ada" \\
        -d '{"email": "ada@example.com", "product": "Desk lamp"}'"""
    search = 'curl -s "http://127.0.0.1:8000/api/v1/integrations/orders/search?email=ada@example.com" -H "X-Api-Key: $KEY"'
    events = 'curl -s "http://127.0.0.1:8000/api/v1/events" -H "X-Api-Key: $KEY"'
    first = json.loads(reader.run(reader.located(order)))
    assert json.loads(reader.run(reader.located(search))) == {"results": [first], "count": 1}
    assert len(json.loads(reader.run(reader.located(events)))["events"]) == 2
    names = [line.split("\t")[:4:3] for line in reader.run("trunkline plugins").splitlines()]
    assert ["shop", "active"] in names
    assert "crm" not in [name[0] for name in names]

    reader.ports["8000"] = str(free_port())  # a hub with the plugin, beside the hub that calls the product
    reader.run(
        f"export TRUNKLINE_SERVER__PORT={reader.ports['8000']} TRUNKLINE_DATABASE__URL=sqlite:///again.db"
    )
    reader.start("again", "trunkline serve")
    reader.await_output("again", "trunkline listens on")
    scopes = "--scope integrations:write --scope integrations:read --scope events:read"
    reader.run(f"KEY=$(trunkline keys create --company 92 --name again {scopes})")
    assert json.loads(reader.run(reader.located(search))) == {"results": [], "count": 0}
    second = json.loads(reader.run(reader.located(order)))
    assert json.loads(reader.run(reader.located(search))) == {"results": [second], "count": 1}
    assert second["order_id"] != first["order_id"]
    assert len(json.loads(reader.run(reader.located(events)))["events"]) == 1


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_the_tutorial_about_a_connector_leads_from_an_empty_folder_to_what_it_promises(make_reader, tmp_path):
    shutil.copy(spared.__file__, tmp_path)
    paths = f"{WITH_PACKAGES['PYTHONPATH']}{os.pathsep}{tmp_path}"
    reader = make_reader(WITH_PACKAGES | {"PYTHONPATH": paths, "PYTEST_PLUGINS": "spared"})
    reader.follow(DOCS / "tutorials" / "first-connector.md")


def test_the_tutorial_about_a_broker_begins_as_the_one_about_a_connector():
    """``tests/third_party/test_strangers_path.py`` tests the rest, with the commands from the page."""
    begins, first = (
        blocks(f"tutorials/{page}.md", "sh", "")[0] for page in ("broker-channel", "first-connector")
    )
    assert first.startswith(begins)


@pytest.mark.slow
@pytest.mark.timeout(180)
@pytest.mark.parametrize("page", ["tutorials/first-agent", "how-to/change-an-event-type"])
def test_a_page_that_begins_with_an_installation_runs(make_reader, page):
    make_reader(WITH_PACKAGES).follow(DOCS / f"{page}.md")


@pytest.mark.slow
@pytest.mark.parametrize("page", ["README", "docs/agents/quickstart", "docs/how-to/validate-events"])
def test_a_page_takes_nothing_but_its_own_commands(make_reader, page):
    make_reader().follow(ROOT / f"{page}.md")


@pytest.mark.slow
@pytest.mark.parametrize(
    "page",
    [
        "connect-agents",
        "connect-make",
        "embed-the-portal",
        "emit-from-your-app",
        "poll-events",
        "read-with-several-workers",
        "prove-nothing-is-missing",
        "rotate-an-ed25519-key",
        "publish-your-event-documentation",
        "replay-and-catch-up",
        "run-plugins-from-files",
        "spare-a-target",
        "deliver-in-order",
        "use-a-test-environment",
        "write-a-client",
    ],
)
def test_a_how_to_runs(reader, page):
    reader.follow(DOCS / "how-to" / f"{page}.md")


async def test_a_replay_is_bounded_by_times(sqlite_database_url, make_hub):
    running = await make_hub(sqlite_database_url, dispatch=False)
    made = await running.subscribe("http://127.0.0.1:9/")
    bounds = {"from": "2026-01-27T00:00:00Z", "to": "2026-01-28T00:00:00Z", "dry_run": True}
    answer = await running.client.post(f"/api/v1/subscriptions/{made['id']}/replay", json=bounds)
    assert answer.json() == {"matched": 0}


@pytest.mark.slow
@pytest.mark.parametrize("engine", ["postgresql"], indirect=True)
def test_the_how_to_about_postgresql_runs(make_reader, empty_database_url):
    given = {
        "TRUNKLINE_DATABASE__URL": empty_database_url,
        "TRUNKLINE_SERVER__HOST": "127.0.0.1",
        "TRUNKLINE_LIMITS__ENABLED": "false",
    }
    make_reader(given).follow(DOCS / "how-to" / "run-on-postgresql.md")


@pytest.mark.slow
def test_the_polling_client_misses_nothing_when_it_is_killed(reader):
    (script,) = blocks("how-to/poll-events.md", "python", "follow.py")
    (reader.folder / "follow.py").write_text(reader.located(script))
    example = EVENT_TYPES["payment.failed"]
    (reader.folder / "event.json").write_text(json.dumps({"type": example.name, "payload": example.example}))
    post = reader.located(
        'curl -s http://127.0.0.1:8000/api/v1/events -H "X-Api-Key: $KEY" -H "Content-Type: application/json" -d "$(cat event.json)"'
    )
    emitted: list[int] = []
    for turn in ("first", "second"):
        reader.start(turn, "exec python follow.py")
        emitted.append(json.loads(reader.run(f"follower=$!; {post}"))["id"])
        reader.await_output(turn, f"{emitted[-1]} payment.failed")
        emitted.append(
            json.loads(reader.run(f"kill -9 $follower; wait $follower 2> /dev/null || true; {post}"))["id"]
        )
    reader.start("third", "exec python follow.py")
    reader.await_output("third", f"{emitted[-1]} payment.failed")
    logs = [(reader.folder / f"{turn}.log").read_text() for turn in ("first", "second", "third")]
    seen = [int(line.split()[0]) for line in "".join(logs).splitlines()]
    assert sorted(set(seen)) == emitted


@pytest.mark.slow
def test_the_search_for_missing_events_goes_on_after_a_page_of_1_mib(reader):
    (script,) = blocks("how-to/prove-nothing-is-missing.md", "python", "missing.py")
    (reader.folder / "missing.py").write_text(reader.located(script).replace("ranges=1000", "ranges=1"))
    example = EVENT_TYPES["payment.failed"]
    large = {"type": example.name, "payload": example.example, "metadata": {"note": "x" * 200_000}}
    (reader.folder / "events.json").write_text(json.dumps({"events": [large] * 8}))
    post = reader.located(
        'curl -sf http://127.0.0.1:8000/api/v1/events/batch -H "X-Api-Key: $KEY" -H "Content-Type: application/json" -d @events.json'
    )
    found = reader.run(f"{post} > /dev/null; python missing.py < /dev/null")
    assert found.count("payment.failed") == 8


REFUSALS = (ValueError, WebhookVerificationError, InvalidSignature)
"""The exceptions of each way to verify for a forged push."""

SCHEMES = [
    (block.note, block.text)
    for block in blocks_of(DOCS / "how-to" / "verify-webhooks.md")
    if block.language == "python"
]


NAMES_OF_SCHEMES = [f"{note}-{i}" for i, (note, _) in enumerate(SCHEMES)]


async def pushed_with(scheme: str, running: Any, receiver: Receiver) -> tuple[str, dict[str, str], bytes]:
    """Have one event pushed, signed by *scheme*; return the secret for verifying, the push's headers and its body."""
    made = await running.subscribe(receiver.url, signature=scheme)
    example = EVENT_TYPES["payment.failed"]
    await running.client.post("/api/v1/events", json={"type": example.name, "payload": example.example})
    (request,) = await receiver.wait_for(1)
    return made["public_key"] if scheme == "ed25519" else made["secret"], dict(request.headers), request.body


def program(text: str) -> dict[str, Any]:
    namespace: dict[str, Any] = {}
    exec(compile(text, "page", "exec"), namespace)
    return namespace


@pytest.mark.parametrize(("scheme", "text"), SCHEMES, ids=NAMES_OF_SCHEMES)
async def test_each_way_to_verify_accepts_a_real_push_and_no_other(
    sqlite_database_url, make_hub, receiver, scheme, text
):
    running = await make_hub(sqlite_database_url)
    secret, headers, body = await pushed_with(scheme, running, receiver)
    verify = program(text)["verify"]
    assert verify(secret, headers, body)["type"] == "payment.failed"
    with pytest.raises(REFUSALS):
        verify(secret, headers, body.replace(b'"companyId":92', b'"companyId":93'))
    with pytest.raises(REFUSALS):
        verify(secret, headers, body + b" ")


async def test_the_readme_verifies_a_real_push(sqlite_database_url, make_hub, receiver):
    (text,) = [block.text for block in blocks_of(ROOT / "README.md") if block.note == "verify"]
    secret, headers, body = await pushed_with("standard", await make_hub(sqlite_database_url), receiver)
    assert program(text)["verify"](secret, headers, body)["type"] == "payment.failed"


def test_the_example_plugin_is_shown_as_it_is():
    for language, name in (("toml", "pyproject.toml"), ("python", "trunkline_chat.py")):
        assert blocks("how-to/write-a-channel-plugin.md", language, name) == [(EXAMPLE / name).read_text()]


@pytest.mark.slow
async def test_the_example_plugin_installs_and_delivers(
    sqlite_database_url, make_hub, receiver, tmp_path, monkeypatch
):
    shutil.copytree(EXAMPLE, tmp_path / "chat")
    pip = [sys.executable, *["-m", "pip", "install", "--quiet", "--target"]]
    output_of(*pip, tmp_path / "installed", tmp_path / "chat", env=os.environ | OFFLINE)
    monkeypatch.syspath_prepend(tmp_path / "installed")
    running = await make_hub(sqlite_database_url)
    monkeypatch.delitem(sys.modules, "trunkline_chat")

    room = {"channel": "chat", "target": {"url": f"{receiver.url}/room"}, "event_types": ["payment.failed"]}
    made = json_of(await running.client.post("/api/v1/subscriptions", json=room), 201)
    example = EVENT_TYPES["payment.failed"]
    await running.client.post("/api/v1/events", json={"type": example.name, "payload": example.example})
    (request,) = await receiver.wait_for(1)
    assert (request.path, json.loads(request.body)) == ("/room", {"text": "payment.failed"})

    listed = (await running.client.get("/api/v1/subscriptions", params={"channel": "chat"})).json()
    assert [one["id"] for one in listed["subscriptions"]] == [made["id"]]


@pytest.mark.parametrize("text", blocks("how-to/filter-events.md", "json", "filter"))
def test_each_filter_on_the_page_is_taken(text):
    filters.compile(json.loads(text), event_types=[*EVENT_TYPES.values()])


@pytest.mark.parametrize("text", blocks("how-to/filter-events.md", "json", "refused"))
def test_each_mistake_on_the_page_is_refused(text):
    with pytest.raises(BodyInvalid):
        filters.compile(json.loads(text), event_types=[*EVENT_TYPES.values()])


def test_every_comparison_is_explained():
    page = (DOCS / "how-to/filter-events.md").read_text()
    rows = re.findall(r"^\| (`.*?`) \|", page, re.MULTILINE)
    assert sorted(re.findall(r"`(\w+)`", " ".join(rows))) == sorted(OPERATORS)


TOML = [
    pytest.param(block.text, id=f"{page.stem}-{index}")
    for page in PAGES
    for index, block in enumerate(blocks_of(page))
    if block.language == "toml" and block.note in {"", "trunkline.toml"}
]


@pytest.mark.parametrize("text", TOML)
def test_each_settings_file_on_a_page_is_read(tmp_path, text):
    file = tmp_path / "trunkline.toml"
    file.write_text(text)
    settings.load(file, environment={})


def anchors_of(page: Path) -> set[str]:
    """Give the anchors of a page's headings, as GitHub makes them."""
    text = FENCE.sub("", page.read_text())
    titles = re.findall(r"^#+ (.+)$", text, re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_link_leads_somewhere(page):
    text = FENCE.sub("", page.read_text())
    broken: list[str] = []
    for link in re.findall(r"\]\(([^)\s]+)\)", text):
        if link.startswith("https://"):
            continue
        path, _, anchor = link.partition("#")
        target = (page.parent / path).resolve() if path else page
        if not target.exists() or (anchor and anchor not in anchors_of(target)):
            broken.append(link)
    assert broken == []


def test_every_page_is_in_the_index():
    index = DOCS / "README.md"
    linked = {
        (DOCS / link.partition("#")[0]).resolve() for link in re.findall(r"\]\(([^)]+)\)", index.read_text())
    }
    assert [page for page in sorted(DOCS.rglob("*.md")) if page != index and page not in linked] == []


@pytest.mark.parametrize("page", sorted((DOCS / "how-to").glob("*.md")), ids=lambda page: page.stem)
def test_a_how_to_has_at_most_700_words_beside_its_programs(page):
    words = len(FENCE.sub("", page.read_text()).split())
    assert words <= 700, f"{page.name} has {words}: shorten it, or give its second task a page of its own"


def test_the_page_on_outages_says_when_retries_end_and_when_a_subscription_is_disabled():
    page = (DOCS / "how-to" / "replay-and-catch-up.md").read_text()
    said = re.search(r"(\d+) failures in a row over (\d+) hours", page)
    delivery = settings.load(environment={}).delivery
    assert said
    assert tuple(map(int, said.groups())) == (
        delivery.breaker_failures,
        delivery.breaker_span_seconds / 3600,
    )
    hours = sum(delivery.retry_schedule_seconds) / 3600
    assert f"ten times over some {hours:.0f} hours" in page
    assert len(delivery.retry_schedule_seconds) == 10
