"""A channel that publishes each event to a topic of a customer's MQTT broker (MQTT 5, QoS 1): a session for an attempt."""

import asyncio
import struct
from collections.abc import Sequence
from functools import partial

from pydantic import BaseModel, Field, SecretStr

import trunkline
from trunkline import Outcome, Result

SECONDS = 4
"""Time limit of an attempt."""
CONNECT, CONNACK, PUBLISH, PUBACK, DISCONNECT = 0x10, 0x20, 0x32, 0x40, 0xE0
REFUSED = 0x80
"""The lowest reason code that is a refusal."""
REASONS = {0x86: "does not know this user and password", 0x87: "lets this user not do it", 0x95: "takes no message of this size", 0x97: "has used up its quota"}  # fmt: skip
TOO_LARGE = 0x95


class Topic(BaseModel):
    """A topic of an MQTT broker."""

    host: str = Field(title="Host", description="of your broker", examples=["mqtt.example.com"])
    port: int = Field(default=8883, title="Port", ge=1, le=65535)
    tls: bool = Field(default=True, title="TLS", description="encrypt, and check the server's certificate")
    topic: str = Field(default="trunkline", title="Topic", description="events go to topic/type", pattern=r"^[^+#\x00]{1,200}$", examples=["crm"])  # fmt: skip
    username: str | None = Field(default=None, title="User")
    password: SecretStr | None = Field(default=None, title="Password")


class Refused(Exception):
    """The broker answered with the reason code of a refusal."""

    def __init__(self, code: int) -> None:
        super().__init__(f"the broker {REASONS.get(code, f'refused it with reason code 0x{code:02x}')}")
        self.code = code


async def deliver(network: trunkline.Network, push: trunkline.Push[Topic], _: object) -> Result:
    """Publish the event, and wait until the broker has accepted it."""
    signer = trunkline.Signer(push.target.signature, secrets=push.target.secrets)
    headers = signer.headers(push.event_id, timestamp=push.timestamp, body=push.body)
    properties = b"".join(b"\x26" + text(name) + text(value) for name, value in headers.items())
    head = text(f"{push.target.config.topic}/{push.event_type}") + struct.pack("!H", 1)
    return await speak(network, push.target, head + length(len(properties)) + properties + push.body)


async def check(network: trunkline.Network, target: trunkline.Target[Topic]) -> str | None:
    """Sign in and leave."""
    return (await speak(network, target, None)).error


@trunkline.hookimpl
def register_channels(context: trunkline.PluginContext) -> Sequence[trunkline.Channel]:
    """Give the channel; calls, form and checks come from ``Topic``."""
    about = "Publishes each event to a topic of your MQTT broker, and waits until the broker has it."
    made, tried = partial(deliver, context.network), partial(check, context.network)
    return [trunkline.Channel("mqtt", "MQTT", about, made, target=Topic, check_connection=tried)]


async def speak(network: trunkline.Network, target: trunkline.Target[Topic], message: bytes | None) -> Result:
    """Connect, publish *message* if there is one, and leave."""
    to, company = target.config, target.company_id
    try:
        async with asyncio.timeout(SECONDS):
            reader, writer = await network.connect(to.host, to.port, company_id=company, tls=to.tls)
            try:
                secret = to.password.get_secret_value() if to.password else None
                flags = 0x02 | (0x80 if to.username else 0) | (0x40 if secret else 0)
                who = b"".join(text(part) for part in ("", to.username, secret) if part is not None)
                writer.write(packet(CONNECT, text("MQTT") + struct.pack("!BBHB", 5, flags, 60, 0) + who))
                await expect(reader, CONNACK)
                if message is not None:
                    writer.write(packet(PUBLISH, message))
                    await expect(reader, PUBACK)
                writer.write(packet(DISCONNECT, b""))
            finally:
                writer.close()
    except Refused as error:
        return Result(Outcome.REJECTED if error.code == TOO_LARGE else Outcome.RETRY, error=str(error))
    except trunkline.AddressRefused:
        return Result(Outcome.RETRY, error="address_refused")
    except (OSError, EOFError) as error:  # its text may contain parts of the message
        return Result(Outcome.RETRY, error=f"no answer of the broker: {type(error).__name__}")
    return Result(Outcome.DELIVERED)


async def expect(reader: asyncio.StreamReader, kind: int) -> None:
    """Read the broker's answer of *kind*. Raises Refused, EOFError."""
    first, size, shift = (await reader.readexactly(1))[0], 0, 0
    while True:
        byte = (await reader.readexactly(1))[0]
        size, shift = size | (byte & 0x7F) << shift, shift + 7
        if byte < 128:
            break
    body = (await reader.readexactly(size)).ljust(3, b"\0")
    code = body[0] if first == DISCONNECT else body[1 if kind == CONNACK else 2]
    if first != kind or code >= REFUSED:
        raise Refused(code)


def text(value: str) -> bytes:
    """Write text after its length."""
    return struct.pack("!H", len(value.encode())) + value.encode()


def length(size: int) -> bytes:
    """Write a variable byte integer."""
    return bytes([size]) if size < 128 else bytes([size % 128 | 128]) + length(size // 128)


def packet(kind: int, body: bytes) -> bytes:
    """Write one control packet."""
    return bytes([kind]) + length(len(body)) + body
