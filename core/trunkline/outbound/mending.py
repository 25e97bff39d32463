"""Mending heads of answers that llhttp refuses but other clients accept: bare LF, folded lines, HTTP/1.2, repeated lengths. No I/O.

llhttp then reads the mended head. The connection is not used again, as the end of such an answer is uncertain.
"""

import re

MAX_LINES = 256
"""The maximum number of head lines mended for one answer; a line takes 2 µs, ten times as long as with llhttp."""

_END = re.compile(rb"\n\r?\n")
_STATUS_LINE = re.compile(rb"HTTP/1\.[0-9] ([1-9][0-9]{2})(?: [^\r\n\0]*)?")
_FOLD = re.compile(rb"\r?\n[ \t]+")
_FIELD = re.compile(rb"([!#$%&'*+.^_`|~0-9A-Za-z-]+):([^\r\n\0]*)")


class UnreadableHead(ValueError):
    """The data is not the head of an HTTP/1 answer."""


class HeadMender:
    """Collects an answer until its head is complete; interim answers before it are left out."""

    __slots__ = ("_data", "_lines", "_looked")

    def __init__(self) -> None:
        self._data = bytearray()
        self._looked = self._lines = 0

    def feed(self, data: bytes) -> bytes | None:
        """Collect *data*; returns the mended head and the data after it. Raises UnreadableHead."""
        self._data += data
        while True:
            if not b"HTTP/1.".startswith(self._data[:7]):
                raise UnreadableHead
            end = _END.search(self._data, self._looked)
            if end is None:
                self._looked = max(len(self._data) - 2, 0)
                return None
            self._lines += self._data.count(b"\n", 0, end.end())
            if self._lines > MAX_LINES:
                raise UnreadableHead
            status, mended = _mended(bytes(self._data[: end.start()]))
            del self._data[: end.end()]
            self._looked = 0
            if status >= 200 or status == 101:
                return mended + self._data


def _mended(head: bytes) -> tuple[int, bytes]:
    """Rewrite *head* by RFC 9112, and read its status. Raises UnreadableHead."""
    first, *rest = _FOLD.sub(b" ", head).split(b"\n")
    status_line = _STATUS_LINE.fullmatch(first.removesuffix(b"\r"))
    fields = [_FIELD.fullmatch(line.removesuffix(b"\r")) for line in rest]
    if status_line is None or None in fields:
        raise UnreadableHead
    pairs = [(field[1].lower(), field[2].strip(b" \t")) for field in fields if field]
    given = [value for name, value in pairs if name == b"content-length"]
    lengths = {length.strip() for value in given for length in value.split(b",")}
    # RFC 9112 §6.3: otherwise the end of the answer is unknown, and data after it cannot be trusted.
    if len(lengths) > 1:
        raise UnreadableHead
    lines = [b"%b: %b\r\n" % pair for pair in pairs if pair[0] != b"content-length"]
    if lengths and all(name != b"transfer-encoding" for name, _ in pairs):
        lines.append(b"content-length: %b\r\n" % lengths.pop())
    return int(status_line[1]), b"HTTP/1.1 %b \r\n%b\r\n" % (status_line[1], b"".join(lines))
