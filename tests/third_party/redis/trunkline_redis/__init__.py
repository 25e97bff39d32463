"""A channel that adds each event to a stream of a customer's Redis: one connection for each batch, using RESP."""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from functools import partial

from pydantic import BaseModel, Field, SecretStr

import trunkline
from trunkline import Channel, Network, Outcome, Push, Result, Signer, Target

REFUSALS = {
    "NOAUTH": "Redis asks for a password",
    "NOPERM": "Redis does not let this user do it",
    "OOM": "Redis has no memory left",
    "READONLY": "this Redis is a replica, which takes nothing",
    "WRONGPASS": "Redis does not know this user and password",
    "WRONGTYPE": "the key of this name holds something else than a stream",
}
"""The first word of a refusal, and its text for the log: the rest of the refusal may repeat sent data."""


class Stream(BaseModel):
    """A stream in Redis."""

    host: str = Field(title="Host", description="of your Redis", examples=["redis.example.com"])
    port: int = Field(default=6379, title="Port", ge=1, le=65535)
    tls: bool = Field(default=True, title="TLS", description="encrypt, and check the server's certificate")
    stream: str = Field("trunkline", title="Stream", description="its key", pattern=r"^[\w:.{}-]{1,128}$")
    keep: int | None = Field(default=None, title="Keep", description="about how many; all if empty", ge=1)
    username: str | None = Field(default=None, title="User")
    password: SecretStr | None = Field(default=None, title="Password")


class Refused(Exception):
    """Redis answered with an error."""


Call = Callable[..., Awaitable[bytes]]
SECONDS = 4  # time limit of a batch
FAILURES = (Refused, trunkline.AddressRefused, OSError, EOFError)


async def deliver_batch(network: Network, pushes: Sequence[Push[Stream]], _: object) -> Sequence[Result]:
    """Add the events to the stream over one connection; after a failure, the events before it are delivered, the others retried."""
    results: list[Result] = []
    target = pushes[0].target
    limit = ("MAXLEN", "~", str(target.config.keep)) if target.config.keep else ()
    signer = Signer(target.signature, secrets=target.secrets)
    try:
        async with asyncio.timeout(SECONDS), connected(network, target) as call:
            for push in pushes:
                named = signer.headers(push.event_id, timestamp=push.timestamp, body=push.body)
                entry = [part for pair in {**named, "type": push.event_type}.items() for part in pair]
                place = await call("XADD", target.config.stream, *limit, "*", *entry, "event", push.body)
                results.append(Result(Outcome.DELIVERED, response_body=place.decode()))
    except FAILURES as error:
        results += [Result(Outcome.RETRY, error=reason(error))] * (len(pushes) - len(results))
    return results


async def check(network: Network, target: Target[Stream]) -> str | None:
    """Sign in, and check that the key is unused or a stream."""
    try:
        async with asyncio.timeout(SECONDS), connected(network, target) as call:
            kind = await call("TYPE", target.config.stream)
    except FAILURES as error:
        return reason(error)
    return None if kind in {b"none", b"stream"} else REFUSALS["WRONGTYPE"]


@trunkline.hookimpl
def register_channels(context: trunkline.PluginContext) -> Sequence[Channel]:
    """Give the channel; calls, form and checks come from ``Stream``."""
    about = "Adds each event to a stream of your Redis, for consumers that read at their own pace."
    made, tried = partial(deliver_batch, context.network), partial(check, context.network)
    return [
        Channel("redis", "Redis Streams", about, target=Stream, check_connection=tried, deliver_batch=made)
    ]


@asynccontextmanager
async def connected(network: Network, target: Target[Stream]) -> AsyncGenerator[Call]:
    """Connect and sign in; give the function that makes a call."""
    stream, company = target.config, target.company_id
    reader, writer = await network.connect(stream.host, stream.port, company_id=company, tls=stream.tls)

    async def call(*parts: str | bytes) -> bytes:
        encoded = [part if isinstance(part, bytes) else part.encode() for part in parts]
        writer.write(b"*%d\r\n" % len(encoded) + b"".join(b"$%d\r\n%b\r\n" % (len(p), p) for p in encoded))
        await writer.drain()
        answer = (await reader.readuntil(b"\r\n"))[:-2]
        if answer.startswith(b"-"):
            raise Refused(answer[1:].split(b" ")[0].decode("ascii", "replace"))
        if answer.startswith(b"$"):
            return (await reader.readexactly(int(answer[1:]) + 2))[:-2]
        return answer[1:]

    try:
        if stream.password is not None:
            user = [stream.username] if stream.username else []
            await call("AUTH", *user, stream.password.get_secret_value())
        yield call
    finally:
        writer.close()


def reason(error: Exception) -> str:
    """Describe the fault for the delivery log, without any of the sent data."""
    match error:
        case Refused():
            return REFUSALS.get(str(error), f"Redis refused it: {str(error)[:40]}")
        case trunkline.AddressRefused():
            return "address_refused"
        case asyncio.IncompleteReadError() | asyncio.LimitOverrunError():
            return "the connection ended before Redis had answered"
        case _:
            return f"no connection to Redis: {type(error).__name__}"
