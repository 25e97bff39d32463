"""An event in the form of MCP Events: the unchanged bytes of the payload, in another envelope."""

import msgspec
import orjson


class Envelope(msgspec.Struct):
    """The members of a logged envelope that are read."""

    id: int
    createdUtc: str  # noqa: N815 - the keys of an envelope are camelCase
    payload: msgspec.Raw


def read(body: bytes) -> Envelope:
    """Read an envelope."""
    return msgspec.json.decode(body, type=Envelope)


def write(envelope: Envelope, *, event_id: str, name: str, cursor: str | None = None) -> bytes:
    """Write the occurrence of an event; the payload's numbers keep their stored digits."""
    head = b'{"eventId":%b,"name":%b,"timestamp":%b,"data":%b' % (
        orjson.dumps(event_id),
        orjson.dumps(name),
        orjson.dumps(envelope.createdUtc),
        bytes(envelope.payload),
    )
    return head + (b"}" if cursor is None else b',"cursor":%b}' % orjson.dumps(cursor))
