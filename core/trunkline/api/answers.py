"""Long answers are sent in pieces, so that they are not in memory twice while a slow client reads them."""

from collections.abc import AsyncGenerator, Iterator, Mapping, Sequence

from starlette.responses import Response, StreamingResponse

JSON = "application/json"
PIECE_BYTES = 64 * 1024
"""Size of a piece; longer answers are split. The server sends the next piece when the client can take it."""


def of_lists(
    members: Mapping[str, Sequence[bytes]], status: int, *, headers: Mapping[str, str] | None = None
) -> Response:
    """Answer with a JSON object of lists: *members* maps names to lists of items, each already JSON."""
    parts = [part for name, items in members.items() for part in _list(name, items)]
    parts[0] = b"{" + parts[0].removeprefix(b",")
    parts.append(b"}")
    size = sum(map(len, parts))
    if size <= PIECE_BYTES:
        return Response(b"".join(parts), status, headers=headers, media_type=JSON)
    all_headers = {**(headers or {}), "content-length": str(size)}
    return StreamingResponse(_sent(parts), status, headers=all_headers, media_type=JSON)


def _list(name: str, items: Sequence[bytes]) -> Iterator[bytes]:
    yield b',"%b":[' % name.encode()
    for index, item in enumerate(items):
        if index:
            yield b","
        yield item
    yield b"]"


async def _sent(parts: list[bytes]) -> AsyncGenerator[bytes]:
    """Join *parts* into pieces; each part is freed once it was sent."""
    parts.reverse()
    piece: list[bytes] = []
    size = 0
    while parts:
        piece.append(part := parts.pop())
        size += len(part)
        if size >= PIECE_BYTES:
            yield b"".join(piece)
            piece, size = [], 0
    yield b"".join(piece)
