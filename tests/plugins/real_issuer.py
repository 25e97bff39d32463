"""A widely used issuer of access tokens, oidc-provider, and a person who signs in there."""

import json
import re
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urljoin, urlsplit

import httpx2

from . import npm

CALLBACK = "http://127.0.0.1:9/callback"
FOLDER = Path(__file__).parent / "mcp" / "node_issuer"


def install(install_node_packages: Callable[[Path], Path]) -> Path:
    folder = install_node_packages(FOLDER)
    shutil.copy(FOLDER / "issuer.mjs", folder)
    return folder


class Issuer:
    """A real issuer of tokens as a process that takes commands, one a line."""

    def __init__(self, folder: Path) -> None:
        self.process = subprocess.Popen(
            ["node", "issuer.mjs"],
            cwd=folder,
            env=npm.node_environment(),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        self.url = self._said()

    def register(self, *redirect_uris: str, method: str) -> dict[str, str]:
        """Register a confidential client, as an export describes it; return its id and secret."""
        client = {"client_id": f"app-{method}", "client_secret": "s" * 40}
        self.tell(
            client={
                **client,
                "redirect_uris": redirect_uris,
                "token_endpoint_auth_method": method,
                "grant_types": ["authorization_code", "refresh_token"],
            }
        )
        return client

    def tell(self, **command: Any) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write(json.dumps(command) + "\n")
        self.process.stdin.flush()
        assert self._said() == "done"

    def _said(self) -> str:
        """Give the next line of the program itself, without the library's notices."""
        assert self.process.stdout is not None
        lines = (line.strip() for line in self.process.stdout)
        return next(line.removeprefix("> ") for line in lines if line.startswith("> "))

    def close(self) -> None:
        self.process.kill()
        self.process.wait()
        for pipe in (self.process.stdin, self.process.stdout):
            assert pipe is not None
            pipe.close()


class Browser:
    """A person with a browser, who follows redirects, signs in, and allows every request."""

    def __init__(self, user: str, *, callback: str = CALLBACK) -> None:
        self.user = user
        self.callback = callback
        self.came_back: dict[str, str] = {}

    async def open(self, url: str) -> dict[str, str]:
        async with httpx2.AsyncClient(timeout=60) as http:
            answer = await http.get(url)
            for _ in range(20):
                if answer.is_redirect:
                    url = urljoin(str(answer.url), answer.headers["location"])
                    if url.startswith(self.callback):
                        told = parse_qs(urlsplit(url).query)
                        self.came_back = {name: values[0] for name, values in told.items()}
                        return self.came_back
                    answer = await http.get(url)
                    continue
                assert answer.status_code == 200, answer.text
                form = dict(re.findall(r'<input[^>]*name="(prompt)" value="(\w+)"', answer.text))
                assert form, answer.text
                answer = await http.post(answer.url, data=form | {"login": self.user, "password": "-"})
        raise AssertionError(f"led nowhere: {url}")


def trusted(url: str) -> dict[str, str]:
    """Give the settings of the issuer at *url*, whose claim holds ids of companies."""
    return {"issuer": url, "company_claim_is": "id", "unknown_companies": "create"}


def trusting(hub: Any, issuer: Issuer) -> Any:
    """Restart *hub* so that it accepts the issuer's tokens and has a public URL."""
    hub.stop()
    hub.environment = {
        **hub.environment,
        "TRUNKLINE_SERVER__PUBLIC_URL": hub.url,
        "TRUNKLINE_AUTH__OAUTH": json.dumps(trusted(issuer.url)),
    }
    hub.start()
    return hub
