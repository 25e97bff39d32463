"""A connection by OAuth 2.0: ``authorize``, ``token`` and ``info`` when a user connects, ``refresh`` before a module runs, and
``invalidate`` when the connection is deleted.

https://developers.make.com/custom-apps-documentation/app-components/connections/oauth2
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import httpx2

from .app import App
from .requests import Sender
from .templates import render
from .values import NotUnderstood

REDIRECT_URI = "https://www.make.com/oauth/cb/app"
_STEPS = frozenset({"authorize", "token", "refresh", "info", "invalidate"})


@dataclass
class OAuthConnection:
    """The connection of *app*; *common* has the values that the app's publisher entered in Make."""

    app: App
    common: Mapping[str, str]
    data: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._name = self.app.connection_of("oauth")
        self._steps: Mapping[str, Any] = self.app.code("connection", self._name, "communication")
        if odd := set(self._steps) - _STEPS:
            msg = f"'{min(odd)}' in a connection by OAuth"
            raise NotUnderstood(msg)
        self._sender = Sender({}, self.app.sender.log)
        self._temp: dict[str, Any] = {}

    def address(self, state: str) -> str:
        """Give the address for the browser. Make adds the state."""
        block = self._steps["authorize"]
        self._temp |= render(block["temp"], self._context())
        query = render(block["qs"], self._context()) | {"state": state}
        return str(httpx2.URL(render(block["url"], self._context()), params=query))

    def come_back(self, query: Mapping[str, str]) -> dict[str, Any]:
        """Take the query of the returning browser; return ``uid`` and label of the connection. Raises MakeError."""
        seen = self._context() | {"query": query, "statusCode": 200}
        self._sender.judge(self._steps["authorize"]["response"], seen)
        self._temp |= render(self._steps["authorize"]["response"]["temp"], seen)
        self._save(self._steps["token"])
        block = self._steps["info"]
        response = block["response"]
        answered = self._sender.send(block, self._context())
        return {
            "uid": render(response["uid"], answered),
            "label": render(response["metadata"]["value"], answered),
        }

    def renew(self, now: datetime) -> bool:
        """Renew the access token if it ends soon after *now*; return whether it was renewed. Raises MakeError."""
        block = self._steps["refresh"]
        if render(block["condition"], self._context() | {"now": now}) is not True:
            return False
        self._save({key: value for key, value in block.items() if key != "condition"})
        return True

    def invalidate(self) -> None:
        """End the connection, as Make does when the connection is deleted."""
        self._sender.send(self._steps["invalidate"], self._context())

    def _save(self, block: Mapping[str, Any]) -> None:
        self.data |= render(block["response"]["data"], self._sender.send(block, self._context()))
        self.app.connection = self.data

    def _context(self) -> dict[str, Any]:
        scope = self.app.code("connection", self._name, "defaultScope")
        return {
            "common": dict(self.common),
            "parameters": {},
            "data": self.data,
            "connection": self.data,
            "temp": dict(self._temp),
            "oauth": {"scope": scope, "localRedirectUri": REDIRECT_URI},
            "now": datetime.now(UTC),
        }
