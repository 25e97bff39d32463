"""Request smuggling: requests whose body is itself a request, directly and behind a proxy.

A proxy and the hub must agree on where a request ends (RFC 9112 §6 and §11.2), so the hub refuses a request that could be read
in two ways.
"""


def head(method: str, path: str, *lines: str) -> bytes:
    return "\r\n".join((f"{method} {path} HTTP/1.1", "host: hub", *lines, "", "")).encode()


LAST = head("GET", "/healthz", "x-request-id: last", "connection: close")
UNPARSED = (400,)
Row = tuple[tuple[int, ...], bytes]
"""The statuses of the hub's answers, and the sent bytes."""


def table(key: str) -> dict[str, Row]:
    own = f"x-api-key: {key}", "x-request-id: sent"
    inner = head("GET", "/api/v1/me", f"x-api-key: {key}", "x-request-id: smuggled")
    size = len(inner)
    length, chunked = f"content-length: {size}", "transfer-encoding: chunked"
    chunk, empty = b"%x\r\n%b\r\n0\r\n\r\n" % (size, inner), b"0\r\n\r\n" + inner
    upgrade = "connection: upgrade", "upgrade: foo"

    def post(*lines: str, body: bytes = inner) -> bytes:
        return head("POST", "/api/v1/events", *own, *lines) + body

    def framed(framing: bytes) -> bytes:
        return post(chunked, body=framing.replace(b"SIZE", b"%x" % size).replace(b"BODY", inner))

    def changed(old: bytes, new: bytes) -> bytes:
        return post(length).replace(old, new, 1)

    get = head("GET", "/healthz", *own)
    read: dict[str, tuple[int, bytes]] = {
        "length": (422, post(length)),
        "length with zeros": (422, post(f"content-length: 000{size}")),
        "chunked": (422, post(chunked, body=chunk)),
        "chunked, in capitals": (422, post("Transfer-Encoding:\tCHUNKED ", body=chunk)),
        "chunk with extensions": (422, framed(b'SIZE;a=b;c="d";e\r\nBODY\r\n0;f\r\n\r\n')),
        "chunk with zeros": (422, framed(b"000SIZE\r\nBODY\r\n0\r\n\r\n")),
        "trailers": (422, framed(b"SIZE\r\nBODY\r\n0\r\nx-request-id: smuggled\r\nhost: other\r\n\r\n")),
        "trailers with upgrade": (
            422,
            framed(b"SIZE\r\nBODY\r\n0\r\nconnection: upgrade\r\nupgrade: foo\r\n\r\n"),
        ),
        "GET with a body": (200, head("GET", "/healthz", *own, length) + inner),
        "GET with chunks": (200, head("GET", "/healthz", *own, chunked) + chunk),
        "refused before its body": (401, changed(key.encode(), b"none")),
        "Expect": (422, post("expect: 100-continue", length)),
        "Expect, chunked": (422, post("expect: 100-continue", chunked, body=chunk)),
        "Expect, refused": (401, post("expect: 100-continue", length).replace(key.encode(), b"none", 1)),
        "upgrade to h2c": (
            422,
            post("connection: Upgrade, HTTP2-Settings", "upgrade: h2c", "http2-settings: AAMAAABk", length),
        ),
        "upgrade to foo": (422, post(*upgrade, length)),
        "upgrade to foo, chunked": (422, post(*upgrade, chunked, body=chunk)),
        "upgrade to websocket": (422, post("connection: Upgrade", "upgrade: websocket", length)),
        "upgrade that closes": (422, post("connection: upgrade, close", "upgrade: foo", length)),
        "upgrade of HTTP/1.0": (422, post(*upgrade, length).replace(b"HTTP/1.1", b"HTTP/1.0", 1)),
        "absolute form": (422, changed(b"/api", b"http://hub/api")),
        "closed after": (200, head("GET", "/healthz", *own, "connection: close") + inner),
        "HTTP/1.0": (200, get.replace(b"HTTP/1.1", b"HTTP/1.0") + inner),
        "two hosts": (400, post("host: other", length)),
        "two keys": (400, post("x-api-key: other", length)),
        "two authorizations": (400, post("authorization: Bearer a", "authorization: Bearer b", length)),
        "no host": (400, changed(b"host: hub\r\n", b"")),
        "malformed host": (400, changed(b"host: hub", b"host: a/b")),
        "chunked in HTTP/1.0": (400, post(chunked, body=chunk).replace(b"HTTP/1.1", b"HTTP/1.0", 1)),
        "HTTP/2.0": (400, changed(b"HTTP/1.1", b"HTTP/2.0")),
        "gzip, chunked": (400, post("transfer-encoding: gzip, chunked", body=chunk)),
    }
    unparsed = {
        "CL.TE": post(length, chunked, body=empty),
        "TE.CL": post(chunked, "content-length: 4", body=chunk),
        "CL.TE with upgrade": post(*upgrade, length, chunked, body=empty),
        "unknown coding": post("transfer-encoding: xchunked", length, body=empty),
        "identity": post("transfer-encoding: identity", length),
        "chunked, identity": post("transfer-encoding: chunked, identity", body=chunk),
        "chunked twice": post(chunked, chunked, body=chunk),
        "vertical tab before chunked": post("transfer-encoding: \x0bchunked", body=chunk),
        "no coding": post("transfer-encoding:", length),
        "obs-fold": post(length, "x-a: b\r\n c"),
        "obs-fold of the coding": post(length, "transfer-encoding:\r\n chunked", body=empty),
        "obs-fold hides a length": post("x-a: b\r\n content-length: 0", length),
        "obs-fold with upgrade": post(*upgrade, length, "x-a: b\r\n c"),
        "two equal lengths": post(length, length),
        "two unequal lengths": post("content-length: 0", length),
        "list of equal lengths": post(f"{length}, {size}"),
        "list of unequal lengths": post(f"content-length: 0, {size}"),
        "length with a sign": post(f"content-length: +{size}"),
        "length in hexadecimal": post(f"content-length: 0x{size:x}"),
        "length beyond 64 bits": post("content-length: 99999999999999999999"),
        "space before the colon": post(f"content-length : {size}"),
        "tab before the colon": post("transfer-encoding\t: chunked", length, body=empty),
        "space before the first header": changed(b"host", b" host"),
        "bare LF for all lines": post(length, body=b"").replace(b"\r\n", b"\n") + inner,
        "bare LF hides a length": post("x-a: b\ncontent-length: 0", length),
        "bare LF ends the head": post(length, body=b"")[:-2] + b"\n" + inner,
        "bare CR hides a length": post("x-a: b\rcontent-length: 0", length),
        "NUL in a header": post("x-a: b\0c", length),
        "header without a colon": post("x-a", length),
        "chunk's size ends with LF": framed(b"SIZE\nBODY\r\n0\r\n\r\n"),
        "extension ends with LF": framed(b"SIZE;a\nBODY\r\n0\r\n\r\n"),
        "extension with a line": framed(b'SIZE;a="\r\n"BODY\r\n0\r\n\r\n'),
        "space before an extension": framed(b"SIZE ;a\r\nBODY\r\n0\r\n\r\n"),
        "chunk's size beyond 64 bits": framed(b"10000000000000000SIZE\r\nBODY\r\n0\r\n\r\n"),
        "chunk's size with 0x": framed(b"0xSIZE\r\nBODY\r\n0\r\n\r\n"),
        "chunk's size with a sign": framed(b"+SIZE\r\nBODY\r\n0\r\n\r\n"),
        "chunk longer than its size": framed(b"1\r\nBODY\r\n0\r\n\r\n"),
        "chunk without its end": framed(b"SIZE\r\nBODY0\r\n\r\n"),
        "chunk ends with LF": framed(b"SIZE\r\nBODY\n0\r\n\r\n"),
        "last chunk ends with LF": framed(b"SIZE\r\nBODY\r\n0\n\n"),
        "trailers with a length": framed(b"SIZE\r\nBODY\r\n0\r\ncontent-length: 5\r\n\r\n"),
        "trailers with a coding": framed(b"SIZE\r\nBODY\r\n0\r\ntransfer-encoding: chunked\r\n\r\n"),
        "request for a trailer": framed(b"1\r\n{\r\n0\r\nBODY"),
        "tunnel": changed(b"POST /api/v1/events", b"CONNECT hub:80"),
    }
    pipelined = {
        "pipelined": ((200, 422, 200), get + post(length) + get),
        "pipelined, chunked": ((422, 422, 200), post(chunked, body=chunk) * 2 + get),
        "pipelined before garbage": ((200, 200), get * 2 + b"\0" + inner),
        "pipelined before a broken body": ((200,), get + framed(b"-SIZE\r\nBODY\r\n0\r\n\r\n")),
    }
    return (
        {name: ((status,), sent) for name, (status, sent) in read.items()}
        | {name: (UNPARSED, sent) for name, sent in unparsed.items()}
        | pipelined
    )
