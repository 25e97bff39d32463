"""Serves a JSON Schema as a public document."""

from fastapi import Request, Response

from trunkline.api.requests import unless_known

MEDIA_TYPE = "application/schema+json"
_CACHE_CONTROL = "public, max-age=300"


def answer_schema(request: Request, document: bytes, *, etag: str) -> Response:
    """Answer with *document*, or with 304 if the caller has it already; *etag* is strong, in quotes."""
    headers = {"ETag": etag, "Cache-Control": _CACHE_CONTROL}
    return unless_known(Response(document, media_type=MEDIA_TYPE, headers=headers), request)
