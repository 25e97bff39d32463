"""Publishing: one connection for the hub's life, one message for an event and a subscription, for any number of attempts."""

import asyncio
import re
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager, suppress

import nats.errors
from nats.aio.client import Client
from nats.js import errors
from nats.js.api import PubAck

from trunkline import HttpClient, Outcome, PluginContext, Push, Result, Signer
from trunkline_nats.settings import Settings

SCHEME = "nats"
ID_HEADER = "Nats-Msg-Id"
FEED_HEADER = "trunkline-feed"
TYPE_HEADER = "trunkline-event-type"
RECONNECT_SECONDS = 1

_FEED = re.compile(r"nats:([a-z0-9][a-z0-9_-]{0,63})", re.ASCII)


def find_fault(url: str) -> str | None:
    """Say why *url* is not a feed; None if it is."""
    if _FEED.fullmatch(url):
        return None
    return "must be 'nats:' and the name of a feed: up to 64 lower-case letters, digits, '-' and '_'"


class Publisher:
    """Publishes to the stream in the settings. Without a connection, every attempt ends as a retry."""

    def __init__(self, context: PluginContext) -> None:
        assert isinstance(context.settings, Settings)
        self._settings = context.settings
        self._log = context.log
        self._client = Client()

    @asynccontextmanager
    async def connected(self) -> AsyncGenerator[None]:
        """Connect, and reconnect whenever the connection is lost. The hub starts without waiting for the broker."""
        self._client = Client()
        connecting = asyncio.create_task(self._connect(self._client))
        try:
            yield
        finally:
            connecting.cancel()
            with suppress(asyncio.CancelledError):
                await connecting
            await self._client.close()

    async def deliver(self, push: Push, _: HttpClient) -> Result:
        """Publish the event, and wait until the stream has stored it."""
        if not self._client.is_connected:
            return Result(Outcome.RETRY, error="no connection to NATS; see that its servers run")
        settings = self._settings
        subject = f"{settings.prefix}.{push.target.company_id}.{push.event_type}"
        stream = self._client.jetstream(timeout=settings.ack_seconds)
        try:
            ack = await stream.publish(subject, push.body, stream=settings.stream, headers=headers_of(push))
        except (nats.errors.Error, OSError) as error:
            return self._judge(error, subject)
        return Result(Outcome.DELIVERED, response_body=_receipt(ack))

    def _judge(self, error: Exception, subject: str) -> Result:
        name, prefix = self._settings.stream, self._settings.prefix
        match error:
            case nats.errors.MaxPayloadError():
                return Result(Outcome.REJECTED, error="the event is larger than max_payload of NATS")
            case errors.NoStreamResponseError():
                reason = (
                    f"no stream takes the subject '{subject}'; make the stream '{name}' with '{prefix}.>'"
                )
            case errors.APIError():
                reason = f"the stream '{name}' refused it: {error.description}"
            case TimeoutError():
                reason = "timeout"
            case _:
                reason = f"the connection to NATS broke: {type(error).__name__}"
        return Result(Outcome.RETRY, error=reason)

    async def _connect(self, client: Client) -> None:
        settings = self._settings
        await client.connect(
            servers=[server.strip() for server in settings.servers.split(",")],
            name="trunkline",
            user=settings.user,
            password=settings.password.get_secret_value() if settings.password else None,
            token=settings.token.get_secret_value() if settings.token else None,
            # otherwise the client asks the server, in the clear, whether to encrypt
            tls_handshake_first="tls://" in settings.servers,
            max_reconnect_attempts=-1,
            reconnect_time_wait=RECONNECT_SECONDS,
            error_cb=self._tell,
            reconnected_cb=self._tell_again,
        )
        self._log.info("connected to NATS")

    async def _tell(self, error: Exception) -> None:
        self._log.warning("NATS: %s", type(error).__name__)  # the text may contain parts of the request

    async def _tell_again(self) -> None:
        self._log.info("connected to NATS again")


def headers_of(push: Push) -> dict[str, str]:
    """Make the headers: the ids by which a repeated event is recognised, the company, and the hub's signature."""
    target = push.target
    signer = Signer(target.signature, secrets=target.secrets)
    return signer.headers(push.event_id, timestamp=push.timestamp, body=push.body) | {
        ID_HEADER: f"{push.event_id}.{target.subscription_id}",
        FEED_HEADER: target.url.removeprefix(f"{SCHEME}:"),
        TYPE_HEADER: push.event_type,
    }


def _receipt(ack: PubAck) -> str:
    known = ", where it was already" if ack.duplicate else ""
    return f"{ack.stream} {ack.seq}{known}"
