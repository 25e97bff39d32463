"""Cursors: positions in the log or in a list, as opaque text for clients."""

import base64
import binascii

from trunkline.errors import BadCursor

_MAX_POSITION = 2**63 - 1


def encode(position: int, *, kind: str = "e") -> str:
    """Make the cursor that resumes after *position*; *kind* distinguishes the cursors of different lists."""
    return base64.urlsafe_b64encode(f"{kind}1:{position}".encode()).rstrip(b"=").decode()


def decode(cursor: str, *, kind: str = "e", path: str = "cursor") -> int:
    """Read the position in *cursor*, which the request has at *path*.

    Raises BadCursor: *cursor* was not made by ``encode`` for this *kind*.
    """
    padded = cursor + "=" * (-len(cursor) % 4)
    try:
        text = base64.b64decode(padded.encode("ascii"), b"-_", validate=True).decode("ascii")
    except (binascii.Error, ValueError):
        raise BadCursor(path) from None
    prefix, _, digits = text.partition(":")
    if prefix != f"{kind}1" or not digits.isdigit() or len(digits) > 19 or int(digits) > _MAX_POSITION:
        raise BadCursor(path)
    if encode(int(digits), kind=kind) != cursor:
        raise BadCursor(path)
    return int(digits)
