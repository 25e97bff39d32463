"""Serving a JSON Schema as the public document that it is."""

from fastapi import Request, Response

MEDIA_TYPE = "application/schema+json"
_CACHE_CONTROL = "public, max-age=300"


def answer_schema(request: Request, document: bytes, *, etag: str) -> Response:
    """Answer with *document*, or with 304 where the caller has it already; *etag* is strong, in quotes."""
    headers = {"ETag": etag, "Cache-Control": _CACHE_CONTROL}
    known = {tag.strip().removeprefix("W/") for tag in request.headers.get("if-none-match", "").split(",")}
    if etag in known or "*" in known:
        return Response(status_code=304, headers=headers)
    return Response(document, media_type=MEDIA_TYPE, headers=headers)
