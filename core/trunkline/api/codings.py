"""Gzip of bodies and answers, and HEAD requests; all other requests skip this code."""

import asyncio
import functools
import zlib
from collections.abc import Mapping

from starlette.datastructures import MutableHeaders
from starlette.types import Message, Receive, Scope, Send

from trunkline.errors import CodingUnknown, RequestMalformed

LEAST_BYTES = 1024
"""Shorter answers are not compressed: they fit into one packet anyway."""
PIECE_BYTES = 64 * 1024
"""A body is inflated in pieces of at most this size, so that reading can stop at its limit."""
LEVEL = 1
"""The fastest level of zlib: JSON shrinks to a fifth, at 1 ms for 100 KB."""
_HEAD_KEY = "trunkline.is_head"
_ASKED = frozenset({b"accept-encoding", b"content-encoding"})
_GZIP = 31
"""zlib's ``wbits`` for a window of 32 KiB in gzip format."""


def is_asked(scope: Scope, headers: Mapping[bytes, bytes]) -> bool:
    """Return whether a request has a coding header, or is a HEAD."""
    return not _ASKED.isdisjoint(headers) or scope["method"] == "HEAD"


def applied(
    scope: Scope, receive: Receive, send: Send, headers: Mapping[bytes, bytes]
) -> tuple[Scope, Receive, Send]:
    """Wrap the app's arguments: a HEAD becomes a GET, the body is inflated, and the answer is compressed.

    Reading a body raises CodingUnknown if its coding is not gzip, and RequestMalformed if it is not valid gzip.
    """
    coding = headers.get(b"content-encoding", b"identity").strip().lower()
    if coding == b"gzip":
        receive = _Inflated(receive)
        kept = [
            header for header in scope["headers"] if header[0] not in {b"content-encoding", b"content-length"}
        ]
        scope = {**scope, "headers": kept}  # the inflated length is not known yet
    elif coding != b"identity":
        receive = _unreadable(coding.decode("latin-1"))
    if scope["method"] == "HEAD":
        scope, send = {**scope, "method": "GET", _HEAD_KEY: True}, _without_body(send)
    if _takes_gzip(headers.get(b"accept-encoding", b"")):
        send = _Compressed(send)
    return scope, receive, send


def is_head(scope: Scope) -> bool:
    """Return whether a GET stands for a HEAD."""
    return _HEAD_KEY in scope


@functools.lru_cache(256)
def _takes_gzip(accepted: bytes) -> bool:
    for choice in accepted.lower().split(b","):
        name, _, quality = choice.replace(b" ", b"").partition(b";q=")
        if name == b"gzip":
            return quality.rstrip(b"0") not in {b"0.", b"0", b""} or not quality
    return False


def _without_body(send: Send) -> Send:
    async def send_head(message: Message) -> None:
        await send({**message, "body": b""} if message["type"] == "http.response.body" else message)

    return send_head


def _unreadable(coding: str) -> Receive:
    async def refuse() -> Message:
        raise CodingUnknown(coding)

    return refuse


class _Inflated:
    """Receives the pieces of a gzip body, and returns inflated pieces."""

    def __init__(self, receive: Receive) -> None:
        self._receive = receive
        self._inflating = zlib.decompressobj(_GZIP)
        self._left = b""
        self._has_more = True
        self._surplus = 0  # bytes beyond those of the data, which alone count for the limit of a body

    async def __call__(self) -> Message:
        if self._left:  # a short body may become a long one: between its pieces others have their turn
            await asyncio.sleep(0)
        elif self._has_more:
            message = await self._receive()
            if message["type"] != "http.request":
                return message
            self._left, self._has_more = message.get("body", b""), message.get("more_body", False)
        elif self._inflating.eof:
            return await self._receive()
        try:
            body = self._inflating.decompress(self._left, PIECE_BYTES)
        except zlib.error:
            raise _not_gzip() from None
        self._surplus += len(self._left) - len(self._inflating.unconsumed_tail) - len(body)
        if self._surplus > PIECE_BYTES:
            fault = f"says 'gzip', and the body has {PIECE_BYTES} bytes more than what it holds"
            raise RequestMalformed.header("Content-Encoding", fault)
        self._left = self._inflating.unconsumed_tail
        is_whole = not self._has_more and not self._left and len(body) < PIECE_BYTES
        if self._inflating.unused_data or (is_whole and not self._inflating.eof):
            raise _not_gzip()
        return {"type": "http.request", "body": body, "more_body": not is_whole and not self._inflating.eof}


def _not_gzip() -> RequestMalformed:
    return RequestMalformed.header(
        "Content-Encoding", "says 'gzip', and the body is not one whole gzip member"
    )


class _Compressed:
    """Compresses a long JSON answer. HTML pages are not compressed: a secret in them could be guessed from the compressed length."""

    def __init__(self, send: Send) -> None:
        self._send = send
        self._start: Message | None = None
        self._compressing: zlib._Compress | None = None  # pyright: ignore[reportPrivateUsage]

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = MutableHeaders(scope=message)
            if "json" in headers.get("content-type", "") and "content-encoding" not in headers:
                headers.add_vary_header("Accept-Encoding")
                if int(headers.get("content-length", LEAST_BYTES)) >= LEAST_BYTES:
                    headers["content-encoding"] = "gzip"
                    del headers["content-length"]
                    self._start, self._compressing = message, zlib.compressobj(LEVEL, zlib.DEFLATED, _GZIP)
                    return
        elif self._compressing is not None:
            message = await self._compressed(message, self._compressing)
        await self._send(message)

    async def _compressed(self, message: Message, compressing: "zlib._Compress") -> Message:  # pyright: ignore[reportPrivateUsage]
        body, has_more = message.get("body", b""), message.get("more_body", False)
        if len(body) > PIECE_BYTES:
            body = await asyncio.to_thread(compressing.compress, body)
        else:
            body = compressing.compress(body)
        if not has_more:
            body += compressing.flush()
        if self._start is not None:
            if not has_more:
                MutableHeaders(scope=self._start)["content-length"] = str(len(body))
            start, self._start = self._start, None
            await self._send(start)
        return {"type": "http.response.body", "body": body, "more_body": has_more}
