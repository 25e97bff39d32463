"""A callback of MCP Events: a receiver that answers the challenge, verifies every signature, and keeps the events."""

import json
from collections.abc import Mapping
from typing import Any

from standardwebhooks import Webhook
from tests.waiting import until

from trunkline_kit.receiver import Receiver
from trunkline_kit.receiver.replies import Answer, Reply

SECRET = "whsec_" + "c2VjcmV0" * 4
OTHER_SECRET = "whsec_" + "b3RoZXIh" * 4


class Callback:
    """One path of *receiver* that takes events. *reply* answers events, *challenged* (if not None) the challenge."""

    def __init__(self, receiver: Receiver, path: str = "/hooks/1", secret: str = SECRET) -> None:
        self.receiver = receiver
        self.path = path
        self.secrets = [secret]
        self.events: list[dict[str, Any]] = []
        self.controls: list[dict[str, Any]] = []
        self.heads: list[Mapping[str, str]] = []
        self.reply: Reply = Answer(204)
        self.challenged: Reply | None = None
        self._answered = 0
        receiver.always(self._answer, path=path)

    @property
    def url(self) -> str:
        return self.receiver.url + self.path

    @property
    def delivery(self) -> dict[str, Any]:
        """Give the member ``delivery`` of a client's request."""
        return {"mode": "webhook", "url": self.url, "secret": self.secrets[-1]}

    @property
    def ids(self) -> list[int]:
        """Give the ids of the received events, each once, in their order."""
        return sorted({int(event["eventId"]) for event in self.events})

    async def until(self, count: int, *, seconds: float = 60) -> list[int]:
        await until(lambda: len(self.ids) >= count, seconds=seconds)
        return self.ids

    async def _answer(self, connection: Any) -> None:
        request = [request for request in self.receiver.requests if request.path == self.path][self._answered]
        self._answered += 1
        message = json.loads(request.body)
        for secret in self.secrets:
            Webhook(secret).verify(request.body, dict(request.headers))
        self.heads.append(request.headers)
        if "type" in message:
            self.controls.append(message)
            body = json.dumps({"challenge": message.get("challenge")}).encode()
            await (self.challenged or Answer(200, body=body))(connection)
            return
        self.events.append(message)
        await self.reply(connection)
