"""A site behind HTTPS with the document that describes an app."""

import json
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.certificates import issue, server_context
from tests.plugins.oauth.flow import CALLBACK

from trunkline_kit.receiver import Answer, Receiver

PATH = "/oauth/client.json"
JSON = {"content-type": "application/json"}


@dataclass
class Site:
    """A site whose certificate is issued by the authority in the file *authority*."""

    receiver: Receiver
    authority: Path

    @property
    def url(self) -> str:
        return f"https://localhost:{self.receiver.port}{PATH}"

    def says(self, headers: dict[str, str] = JSON, **changed: Any) -> None:
        """Answer with the document of an app; a member that is None is left out."""
        document = {"client_id": self.url, "client_name": "Agent <1>", "redirect_uris": [CALLBACK], **changed}
        self.serves(PATH, {name: value for name, value in document.items() if value is not None}, headers)

    def serves(self, path: str, document: Any, headers: dict[str, str] = JSON) -> None:
        self.receiver.always(Answer(200, headers=headers, body=json.dumps(document).encode()), path=path)


@asynccontextmanager
async def open_site(folder: Path) -> AsyncGenerator[Site]:
    root = issue("root", is_authority=True)
    authority = folder / "root.pem"
    authority.write_bytes(root.pem)
    async with Receiver(ssl_context=server_context(folder, issue("localhost", issuer=root))) as receiver:
        site = Site(receiver, authority)
        site.says()
        yield site
