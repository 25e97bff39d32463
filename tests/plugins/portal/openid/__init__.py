"""A real OpenID provider from npm in a separate process, and a person who fills in its forms."""

import contextlib
import re
import shutil
import subprocess
from collections.abc import Iterator
from html import unescape
from pathlib import Path
from urllib.parse import urljoin

import httpx2
from tests.plugins import npm

HERE = Path(__file__).parent
_ACTION = re.compile(r'<form[^>]* action="([^"]+)"')
_HIDDEN = re.compile(r'<input type="hidden" name="(\w+)" value="(\w+)"')


@contextlib.contextmanager
def providing(back: str, *, claims: str = "token") -> Iterator[str]:
    """Run the provider for a portal with the sign-in page *back*; *claims* are in the ID token, or from ``userinfo``."""
    folder = npm.install(HERE)
    script = shutil.copy(HERE / "provider.mjs", folder)
    environment = npm.node_environment()
    command = ["node", script, back, claims]
    with subprocess.Popen(
        command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    ) as process:
        try:
            assert process.stdout is not None
            yield process.stdout.readline().strip()
        finally:
            process.terminate()


async def sign_in_there(url: str, login: str) -> str:
    """Sign in as *login* at *url*, and consent; return the address to which the provider redirects."""
    async with httpx2.AsyncClient() as http:
        answer = await http.get(url)
        for _ in range(12):
            while answer.is_redirect:
                there = urljoin(str(answer.url), answer.headers["location"])
                if "/portal/" in there:
                    return there
                answer = await http.get(there)
            assert answer.status_code == 200, answer.text
            action = _ACTION.search(answer.text)
            assert action is not None, answer.text
            fields = dict(_HIDDEN.findall(answer.text))
            there = urljoin(str(answer.url), unescape(action[1]))
            answer = await http.post(there, data={**fields, "login": login, "password": "x"})
    raise AssertionError(answer.text)
