"""JSON that goes into an answer byte for byte: the SDK writes answers from values, and ``99.00`` would become ``99.0``.

A handler writes a token in place of the bytes; the token is replaced by the bytes when the answer is sent.
"""

import re
import secrets

from starlette.types import Message, Send

CALLER_KEY = "trunkline_mcp.caller"
"""The key of a message's caller in its ASGI scope."""
RAW_KEY = "trunkline_mcp.raw_json"
"""The key of a message's ``RawJson`` in its ASGI scope."""
MESSAGE_KEY = "trunkline_mcp.message"
"""The key of a message in its ASGI scope, as JSON with the digits of the client; the SDK reads numbers as doubles."""
TOOLS_KEY = "trunkline_mcp.tools"
"""The key, in a message's ASGI scope, of the client's chosen form for lists of tools, or None."""


class RawJson:
    """The raw JSON of one answer. Its tokens cannot be guessed."""

    def __init__(self) -> None:
        self._pieces: dict[int, bytes] = {}
        self._held = 0
        self._prefix = f"raw-{secrets.token_hex(16)}-"
        self._token = re.compile(rb'"%b(\d+)"' % self._prefix.encode())

    def hold(self, piece: bytes) -> str:
        """Store *piece*, and return a token that represents it."""
        self._held += 1
        self._pieces[self._held] = piece
        return f"{self._prefix}{self._held}"

    def fill(self, body: bytes) -> bytes:
        """Replace each token with its piece; a replaced piece is removed from the store."""
        return self._token.sub(lambda found: self._pieces.pop(int(found[1])), body) if self._pieces else body


class Filling:
    """Sends an answer by *send* with the tokens of *raw* filled in. The head is held until the first part of the body."""

    def __init__(self, raw: RawJson, send: Send) -> None:
        self._raw = raw
        self._send = send
        self._head: Message | None = None
        self.is_whole = False
        """Whether the whole answer was sent."""

    async def __call__(self, message: Message) -> None:
        """Process one ASGI message of the answer."""
        if message["type"] == "http.response.start":
            self._head = message
            return
        body = self._raw.fill(message.get("body", b""))
        if self._head is not None:
            head, self._head = self._head, None
            length = str(len(body)).encode()  # an answer with this header has its body in one message
            headers = [
                (name, length if name.lower() == b"content-length" else value)
                for name, value in head["headers"]
            ]
            await self._send({**head, "headers": headers})
        self.is_whole = not message.get("more_body", False)
        await self._send({**message, "body": body})
