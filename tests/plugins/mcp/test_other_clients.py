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
from tests.plugins import npm
from tests.plugins.oauth.flow import CALLBACK, Person, filled, hidden
from tests.plugins.oauth.sites import open_site

HERE = Path(__file__).parent
MODERN, HANDSHAKE = "2026-07-28", "2025-11-25"
SCENARIOS = (
    *((MODERN, name) for name in (
        "server-stateless", "http-header-validation", "dns-rebinding-protection", "tools-list", "resources-list",
        "prompts-list", "caching", "sep-2164-resource-not-found",
    )),
    *((HANDSHAKE, name) for name in ("server-initialize", "ping", "tools-list", "resources-list", "prompts-list")),
)  # fmt: skip
"""Those that ask for no tools, prompts or resources of the suite's own."""
NEED_TOOLS_OF_THE_SUITE = {
    "sep-2575-server-rejects-undeclared-capability",
    "sep-2575-missing-capability-http-400",
    "sep-2575-http-server-no-independent-requests-on-stream",
    "sep-2575-server-no-log-without-loglevel",
}
"""Checks of ``server-stateless`` that call tools named ``test_…``, which a server for tests would have."""
_CHECK = re.compile(r"\[([\w-]+) *\] (SUCCESS|FAILURE|WARNING)")
_AUTHORIZE = re.compile(r"http://\S+/oauth/authorize\?\S+")
_COLOUR = re.compile(r"\x1b\[[0-9;]*m")

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]


@pytest.fixture(scope="module")
def packages(install_node_packages: Callable[[Path], Path]) -> Path:
    """The folder with both packages, and our program beside them."""
    folder = install_node_packages(HERE / "node")
    for program in ("agent.mjs", "sign_in.mjs"):
        shutil.copy(HERE / "node" / program, folder)
    return folder


@pytest.fixture
async def strangers_hub(serve_hub, tmp_path) -> AsyncIterator[tuple[Any, str]]:
    """A hub that lets apps in that nobody has registered, and the address of a document of one."""
    async with open_site(tmp_path) as site:
        own = {"SSL_CERT_FILE": str(site.authority), "TRUNKLINE_OAUTH__DYNAMIC_REGISTRATION": "true"}
        yield await asyncio.to_thread(lambda: serve_hub(**own)), site.url


def node(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["node", *arguments],
        cwd=folder,
        env=npm.node_environment(),
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )


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
    """Let the inspector send one message; gives the result."""
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
    """Stand before the hub and add the key, as the suite sends none."""

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


@pytest.mark.parametrize(
    ("mode", "version", "way"),
    [("auto", MODERN, "document"), ("legacy", HANDSHAKE, "document"), ("legacy", HANDSHAKE, "registration")],
)
async def test_the_typescript_client_signs_in_without_an_operator(
    strangers_hub, packages, mode, version, way
):
    hub, document = strangers_hub
    program = ("node", "sign_in.mjs", f"{hub.url}/mcp", CALLBACK, mode)
    client = await asyncio.create_subprocess_exec(
        *(*program, document if way == "document" else "-"),
        cwd=packages,
        env=npm.node_environment(),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    assert client.stdout is not None
    asked = (await client.stdout.readline()).decode().strip()
    assert asked, (await client.communicate())[1]
    async with httpx2.AsyncClient(base_url=hub.url) as http:
        person = Person(http)
        await person.sign_in(hub.key)
        page = await person.open(asked)
        assert ("It describes itself at" in page.text) == (way == "document")
        came = await http.post(page.url, data={"decision": "allow", **filled(page)})
    printed, complaint = await client.communicate(f"{came.headers['location']}\n".encode())
    assert client.returncode == 0, complaint
    met = json.loads(printed)
    assert (met["version"], "find_lead" in met["tools"]) == (version, True)
    assert met["id"] == document if way == "document" else met["id"].startswith("self_")
