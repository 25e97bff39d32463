"""An event as MCP Events shows it: the payload's own bytes, in another envelope."""

import msgspec
import orjson


class Envelope(msgspec.Struct):
    """What is read of an envelope of the log."""

    id: int
    createdUtc: str  # noqa: N815 - the keys of an envelope are camelCase
    payload: msgspec.Raw


def read(body: bytes) -> Envelope:
    """Read an envelope."""
    return msgspec.json.decode(body, type=Envelope)


def write(envelope: Envelope, *, event_id: str, name: str, cursor: str | None = None) -> bytes:
    """Write the occurrence of an event, every digit of its payload as it was stored."""
    head = b'{"eventId":%b,"name":%b,"timestamp":%b,"data":%b' % (
        orjson.dumps(event_id),
        orjson.dumps(name),
        orjson.dumps(envelope.createdUtc),
        bytes(envelope.payload),
    )
    return head + (b"}" if cursor is None else b',"cursor":%b}' % orjson.dumps(cursor))
