"""Unregistered apps: the ``client_id`` is the address of a document in which the app describes itself.

That is a Client ID Metadata Document (draft-ietf-oauth-client-id-metadata-document). Anybody may name any address, so the
document is read through the guarded client, by HTTPS, without redirects, with limits of size, time and number.
"""

import asyncio
import re
from collections.abc import Mapping
from urllib.parse import urlsplit

import orjson
from msgspec import Struct

from trunkline import PluginContext
from trunkline.routes import TrunklineError
from trunkline_oauth.client_metadata import MetadataInvalid, read_metadata
from trunkline_oauth.errors import OAuthError, invalid_request
from trunkline_oauth.model import App
from trunkline_oauth.settings import Settings

MAX_URL = 500
MAX_BYTES = 10 * 1024
TIMEOUT_SECONDS = 5.0
AT_ONCE = 8
"""Limit of documents that one process reads at once."""
READ_PER_MINUTE = 20
"""Limit of documents read in a minute on behalf of one address or one person."""
MAX_KEPT = 200
KEPT_SECONDS, SHORTEST_SECONDS, LONGEST_SECONDS = 3_600, 60, 86_400
"""Lifetime of a cached document: without ``max-age`` the first value, else ``max-age`` within the bounds of the other two.

While its address does not answer, the document may be used longer.
"""
_MAX_AGE = re.compile(r"(?:^|[\s,])max-age=(\d{1,9})", re.IGNORECASE | re.ASCII)
_PLAIN = re.compile(r"[\x21-\x7e]+", re.ASCII)


class _Kept(Struct, frozen=True):
    """A document as last read; the times are Unix milliseconds."""

    app: App
    fresh_until_ms: int
    read_ms: int


class ClientDocuments:
    """Reads and caches the documents of apps."""

    def __init__(self, context: PluginContext) -> None:
        assert isinstance(context.settings, Settings)
        self._context = context
        self._hosts = frozenset(context.settings.client_document_hosts)
        self._kept: dict[str, _Kept] = {}
        self._reading = asyncio.Semaphore(AT_ONCE)

    def allows(self, client_id: str) -> bool:
        """Return True if the settings allow an app with its document at *client_id*."""
        return "*" in self._hosts or urlsplit(client_id).hostname in self._hosts

    async def find(self, client_id: str, *, asker: str) -> App | None:
        """Return the app that the document at *client_id* describes; None if the settings do not allow it.

        Raises:
            OAuthError: the address or the document is invalid, or cannot be read now.
            RateLimited: *asker* has reached its limit of documents.
        """
        if fault := _find_fault(client_id):
            msg = f"The client_id {fault}."
            raise invalid_request(msg)
        if not self.allows(client_id):
            return None
        if (kept := self._fresh(client_id)) is not None:
            return kept
        await self._context.limits.count(asker, "oauth_documents", per_minute=READ_PER_MINUTE)
        async with self._reading:
            return self._fresh(client_id) or await self._read(client_id)

    def _fresh(self, client_id: str) -> App | None:
        kept = self._kept.get(client_id)
        return None if kept is None or kept.fresh_until_ms <= self._context.clock.now_ms() else kept.app

    async def _read(self, client_id: str) -> App:
        last, now_ms = self._kept.get(client_id), self._context.clock.now_ms()
        try:
            async with asyncio.timeout(TIMEOUT_SECONDS):
                answer = await self._context.http.get(client_id, headers={"accept": "application/json"})
        except (OSError, TimeoutError, TrunklineError) as error:
            self._context.log.info("the document of an app could not be read: %s: %s", client_id, error)
            if last is not None and last.read_ms > now_ms - LONGEST_SECONDS * 1000:
                self._keep(client_id, _Kept(last.app, now_ms + SHORTEST_SECONDS * 1000, last.read_ms))
                return last.app
            # no details, as anybody may ask: they would reveal the hub's network
            msg = f"The app's document cannot be read now: {client_id}"
            raise OAuthError("temporarily_unavailable", msg, status=503) from None
        self._kept.pop(client_id, None)
        app = _described(client_id, answer.status, answer.headers, answer.body, is_whole=answer.is_whole)
        said, seconds = _MAX_AGE.search(answer.headers.get("cache-control", "")), KEPT_SECONDS
        if said is not None:
            seconds = min(max(int(said[1]), SHORTEST_SECONDS), LONGEST_SECONDS)
        self._keep(client_id, _Kept(app, now_ms + seconds * 1000, now_ms))
        return app

    def _keep(self, client_id: str, kept: _Kept) -> None:
        self._kept.pop(client_id, None)
        if len(self._kept) >= MAX_KEPT:
            del self._kept[next(iter(self._kept))]
        self._kept[client_id] = kept


def _find_fault(client_id: str) -> str | None:
    """Return the reason why *client_id* cannot be the address of a document; None if it can."""
    if len(client_id) > MAX_URL or _PLAIN.fullmatch(client_id) is None:
        return f"must have {MAX_URL} or fewer plain characters"
    try:
        parts = urlsplit(client_id)
        _ = parts.port
    except ValueError:
        return "is not a URL"
    if not parts.hostname or "@" in parts.netloc or "#" in client_id or "\\" in client_id:
        return "must be a URL with a host, and without a user name or a fragment"
    if parts.path in {"", "/"} or {".", ".."} & set(parts.path.split("/")):
        return "must be a URL with a path, and without '.' and '..' in it"
    return None


def _described(
    client_id: str, status: int, headers: Mapping[str, str], body: bytes, *, is_whole: bool
) -> App:
    """Read an app from the HTTP response to a request for its document. Raises OAuthError."""
    kind = headers.get("content-type", "").partition(";")[0].strip().lower()
    if (
        status != 200
        or not is_whole
        or len(body) > MAX_BYTES
        or not re.fullmatch(r"application/(.+\+)?json", kind)
    ):
        msg = f"There is no document of an app at {client_id}: it takes 200, application/json and {MAX_BYTES} or fewer bytes."
        raise invalid_request(msg)
    try:
        return read_metadata(orjson.loads(body), address=client_id).app(client_id)
    except orjson.JSONDecodeError:
        msg = f"The app's document is not JSON: {client_id}"
        raise invalid_request(msg) from None
    except MetadataInvalid as error:
        msg = f"The app's document at {client_id} does not count: {error}."
        raise invalid_request(msg) from None
