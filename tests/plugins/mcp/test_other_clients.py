"""The TypeScript client, the inspector and the protocol's own conformance scenarios against ``trunkline serve``."""

import asyncio
import contextlib
import json
import re
import shutil
import socket
import subprocess
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import aiohttp
import httpx2
import pytest
from aiohttp import web
from tests import programs
from tests.plugins import npm
from tests.plugins.oauth.flow import CALLBACK, Person, filled, hidden
from tests.plugins.oauth.sites import Site, open_site

HERE = Path(__file__).parent
MODERN, HANDSHAKE = "2026-07-28", "2025-11-25"
SCENARIOS = (
    *((MODERN, name) for name in (
        "server-stateless", "http-header-validation", "dns-rebinding-protection", "tools-list", "resources-list",
        "prompts-list", "caching", "sep-2164-resource-not-found",
    )),
    *((HANDSHAKE, name) for name in ("server-initialize", "ping", "tools-list", "resources-list", "prompts-list")),
)  # fmt: skip
"""Scenarios that need no tools, prompts or resources of the suite's own."""
NEED_TOOLS_OF_THE_SUITE = {
    "sep-2575-server-rejects-undeclared-capability",
    "sep-2575-missing-capability-http-400",
    "sep-2575-http-server-no-independent-requests-on-stream",
    "sep-2575-server-no-log-without-loglevel",
}
"""Checks of ``server-stateless`` that call tools named ``test_…``, which only a server for tests has."""
_CHECK = re.compile(r"\[([\w-]+) *\] (SUCCESS|FAILURE|WARNING)")
_AUTHORIZE = re.compile(r"http://\S+/oauth/authorize\?\S+")
_COLOUR = re.compile(r"\x1b\[[0-9;]*m")

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]


@pytest.fixture(scope="module")
def packages(install_node_packages: Callable[[Path], Path]) -> Path:
    """Install both packages; give their folder, with our programs in it."""
    folder = install_node_packages(HERE / "node")
    for program in ("agent.mjs", "sign_in.mjs"):
        shutil.copy(HERE / "node" / program, folder)
    return folder


@pytest.fixture
async def strangers_hub(serve_hub, tmp_path) -> AsyncIterator[tuple[Any, Site]]:
    """Start a hub that accepts unregistered apps, and the site of an app that describes itself."""
    async with open_site(tmp_path) as site:
        own = {"SSL_CERT_FILE": str(site.authority), "TRUNKLINE_OAUTH__DYNAMIC_REGISTRATION": "true"}
        yield await asyncio.to_thread(lambda: serve_hub(**own)), site


def node(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return programs.run("node", *arguments, cwd=folder, env=npm.node_environment(), timeout=120)


@pytest.mark.parametrize(("mode", "version"), [("auto", MODERN), ("legacy", HANDSHAKE)])
def test_the_typescript_client_lists_calls_reads_and_takes_a_prompt(served_hub, packages, mode, version):
    done = node(packages, "agent.mjs", f"{served_hub.url}/mcp", served_hub.key, mode)
    assert done.returncode == 0, done.stderr
    met = json.loads(done.stdout)
    assert met["version"] == version
    assert met["extensions"] == {"io.modelcontextprotocol/events": {"listChanged": False}}
    assert {"create_lead", "find_lead", "get_recent_events"} <= set(met["tools"])
    assert met["made"]["status"] == "Lead - New"
    assert met["refused"][0] is True
    assert met["refused"][1].endswith(
        "- first_name is required\n- last_name is required\n- email is required"
    )
    assert (met["resource"], "explain_event" in met["prompt"]) == (10, True)


def inspect(folder: Path, hub: Any, *method: str) -> Any:
    """Let the inspector send one message; return the result."""
    program = "node_modules/@modelcontextprotocol/inspector/clients/launcher/build/index.js"
    connecting = ("--cli", f"{hub.url}/mcp", "--transport", "http")
    key = ("--header", f"Authorization: Bearer {hub.key}")
    done = node(folder, program, *connecting, *key, *method)
    assert done.returncode == 0, done.stdout + done.stderr
    return json.loads(done.stdout)


def test_the_inspector_lists_tools_without_a_complaint_and_calls_one(served_hub, packages):
    listed = inspect(packages, served_hub, "--method", "tools/list", "--strict")["tools"]
    assert {"create_lead", "find_lead", "get_recent_events"} <= {tool["name"] for tool in listed}
    call = ("--method", "tools/call", "--tool-name", "find_lead", "--tool-arg", "email=nobody@example.com")
    assert inspect(packages, served_hub, *call)["structuredContent"] == {"results": [], "count": 0}


@contextlib.asynccontextmanager
async def with_key(hub: Any) -> AsyncIterator[str]:
    """Start a proxy that adds the key, because the suite sends none."""

    async def forward(request: web.Request) -> web.Response:
        hop = {"content-length", "transfer-encoding", "content-encoding"}
        headers = [(name, value) for name, value in request.headers.items() if name.lower() not in hop]
        sent = session.request(
            request.method,
            f"{hub.url}{request.path_qs}",
            data=await request.read(),
            headers=[*headers, ("X-Api-Key", hub.key)],
        )
        async with sent as answer:
            kept = {name: value for name, value in answer.headers.items() if name.lower() not in hop}
            return web.Response(status=answer.status, body=await answer.read(), headers=kept)

    app = web.Application()
    app.router.add_route("*", "/{path:.*}", forward)
    runner = web.AppRunner(app)
    async with aiohttp.ClientSession() as session:
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        yield f"http://127.0.0.1:{runner.addresses[0][1]}/mcp"
        await runner.cleanup()


@pytest.mark.parametrize(("version", "scenario"), SCENARIOS)
async def test_the_protocols_own_scenarios_pass(served_hub, packages, version, scenario):
    async with with_key(served_hub) as url:
        arguments = ("--url", url, "--spec-version", version, "--scenario", scenario)
        program = "node_modules/.bin/conformance"
        done = await asyncio.to_thread(node, packages, program, "server", *arguments)
    found = _CHECK.findall(_COLOUR.sub("", done.stdout))
    assert "SUCCESS" in {outcome for _, outcome in found}, done.stdout + done.stderr
    failed = {name for name, outcome in found if outcome != "SUCCESS"}
    assert failed == (NEED_TOOLS_OF_THE_SUITE if scenario == "server-stateless" else set()), done.stdout


async def test_the_protocols_own_scenarios_of_authorization_servers_pass(served_hub, packages):
    key = {"X-Api-Key": served_hub.make_key("operator", company_id=None)}
    with contextlib.closing(socket.create_server(("127.0.0.1", 0))) as lent:
        port = lent.getsockname()[1]
    body = {"name": "Suite", "public": True, "redirect_uris": [f"http://127.0.0.1:{port}/callback"]}
    app = served_hub.call("POST", "/api/v1/oauth/apps", json=body, headers=key)
    program = ("node_modules/.bin/conformance", "authorization", "--url", served_hub.url)
    own = ("--client-id", app["client_id"], "--resource", f"{served_hub.url}/mcp", "--port", str(port))
    suite = await asyncio.create_subprocess_exec(
        *("node", *program, *own),
        cwd=packages,
        env=npm.node_environment(),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    assert suite.stdout is not None
    printed = ""
    async for line in suite.stdout:
        printed += line.decode()
        if "Callback server started" in printed and (asked := _AUTHORIZE.search(printed)):
            printed = printed.replace(asked[0], "")
            async with httpx2.AsyncClient(base_url=served_hub.url) as http:
                person = Person(http)
                await person.sign_in(served_hub.key)
                page = await person.open(asked[0])
                form = {"decision": "allow", **hidden(page)}
                await http.get((await http.post(page.url, data=form)).headers["location"])
    assert await suite.wait() == 0, printed
    assert "2 passed, 0 failed" in printed


async def begin(packages: Path, *program: str, **environment: str) -> asyncio.subprocess.Process:
    return await asyncio.create_subprocess_exec(
        *("node", *program),
        cwd=packages,
        env=npm.node_environment() | environment,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )


async def allow(hub: Any, asked: str, *, is_described: bool) -> str:
    """Allow the request of an unregistered app; return the address to which the person is sent back."""
    async with httpx2.AsyncClient(base_url=hub.url) as http:
        person = Person(http)
        await person.sign_in(hub.key)
        page = await person.open(asked)
        assert ("It describes itself at" in page.text) == is_described
        assert ("has registered itself here" in page.text) != is_described
        came = await http.post(page.url, data={"decision": "allow", **filled(page)})
        return came.headers["location"]


async def sign_in_by_typescript(hub: Any, packages: Path, mode: str, document: str | None) -> dict[str, Any]:
    client = await begin(packages, "sign_in.mjs", f"{hub.url}/mcp", CALLBACK, mode, document or "-")
    assert client.stdout is not None
    asked = (await client.stdout.readline()).decode().strip()
    assert asked, (await client.communicate())[1]
    came = await allow(hub, asked, is_described=document is not None)
    printed, complaint = await client.communicate(f"{came}\n".encode())
    assert client.returncode == 0, complaint
    return json.loads(printed)


async def sign_in_by_inspector(
    hub: Any, packages: Path, *, home: Path, era: str, callback: str, document: str | None
) -> str:
    program = ("node_modules/@modelcontextprotocol/inspector/clients/launcher/build/index.js", "--cli")
    to_hub = (f"{hub.url}/mcp", "--transport", "http", "--protocol-era", era, "--callback-url", callback)
    way = () if document is None else ("--client-metadata-url", document)
    alone = {"HOME": str(home), "MCP_AUTO_OPEN_ENABLED": "true"}  # it has no terminal to ask at
    client = await begin(packages, *program, *to_hub, "--method", "tools/list", *way, **alone)
    assert client.stderr is not None
    said = ""
    while not (asked := _AUTHORIZE.search(said)):
        line = await client.stderr.readline()
        assert line, said
        said += line.decode()
    came = await allow(hub, asked[0], is_described=document is not None)
    async with httpx2.AsyncClient() as browser:
        await browser.get(came)
    printed, complaint = await client.communicate()
    assert client.returncode == 0, complaint
    return printed.decode()


async def test_clients_of_each_era_sign_in_without_an_operator(strangers_hub, packages, tmp_path):
    hub, site = strangers_hub
    with contextlib.ExitStack() as lent:
        sockets = [lent.enter_context(socket.create_server(("127.0.0.1", 0))) for _ in range(2)]
        modern, legacy = (f"http://127.0.0.1:{one.getsockname()[1]}/oauth/callback" for one in sockets)
    site.says(redirect_uris=[CALLBACK, modern])
    homes = [tmp_path / "modern", tmp_path / "legacy"]
    met = await asyncio.gather(
        sign_in_by_typescript(hub, packages, "auto", site.url),
        sign_in_by_typescript(hub, packages, "legacy", None),
        sign_in_by_inspector(hub, packages, home=homes[0], era="modern", callback=modern, document=site.url),
        sign_in_by_inspector(hub, packages, home=homes[1], era="legacy", callback=legacy, document=None),
    )
    assert [one["version"] for one in met[:2]] == [MODERN, HANDSHAKE]
    assert [one["id"] == site.url for one in met[:2]] == [True, False]
    assert all("find_lead" in one["tools"] for one in met[:2])
    assert all('"find_lead"' in one for one in met[2:])
