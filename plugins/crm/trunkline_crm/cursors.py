"""Cursors of the lookups, as opaque text. No I/O."""

import base64
import json

from msgspec import Struct

from trunkline.routes import BadCursor

_MAX_ID = 2**63 - 1


class Position(Struct, frozen=True):
    """The last item of a page: its sort *key* and its id."""

    key: str
    id: int


def encode(position: Position, *, lookup: str) -> str:
    """Make the cursor for the page after *position*; it is valid only for *lookup*."""
    document = json.dumps([lookup, position.key, position.id], ensure_ascii=False, separators=(",", ":"))
    return base64.urlsafe_b64encode(document.encode()).rstrip(b"=").decode()


def decode(cursor: str, *, lookup: str) -> Position:
    """Read the position out of *cursor*.

    Raises:
        BadCursor: ``encode`` did not make *cursor* for *lookup*.
    """
    try:
        document = base64.b64decode(cursor + "=" * (-len(cursor) % 4), b"-_", validate=True).decode()
        whose, key, number = json.loads(document)
        position = Position(key, number)
        if encode(position, lookup=whose) != cursor:
            raise BadCursor
    except (ValueError, TypeError, RecursionError):
        raise BadCursor from None
    is_position = type(key) is str and "\0" not in key and type(number) is int and 0 <= number <= _MAX_ID
    if whose != lookup or not is_position:
        raise BadCursor
    return position
