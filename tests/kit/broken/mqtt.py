"""A channel to a real MQTT broker, and the ways to break it that only a broker shows."""

import sys
import time
from contextlib import asynccontextmanager
from types import ModuleType

import pytest_asyncio
from tests.kit.broken.breaking import THIRD_PARTY, Broken, breaks, load_file

from trunkline_kit import Relay, Source

FOLDER = THIRD_PARTY / "mqtt"
BEHIND_SECONDS = 0.2
TEXT = (FOLDER / "trunkline_mqtt/__init__.py").read_text()
SPEAK = "async def speak(network: trunkline.Network, target: trunkline.Target[Topic], message: bytes | None) -> Result:"
DELIVER = "async def deliver(network: trunkline.Network, push: trunkline.Push[Topic], _: object) -> Result:"
SEND = "return await speak(network, push.target, head + length(len(properties)) + properties + push.body)"
SIGNED = "headers = signer.headers(push.event_id, timestamp=push.timestamp, body=push.body)"
CONNECT = "reader, writer = await network.connect(to.host, to.port, company_id=company, tls=to.tls)"
CATCH = "    except (OSError, EOFError) as error:"
REFUSAL = "return Result(Outcome.REJECTED if error.code == TOO_LARGE else Outcome.RETRY, error=str(error))"
CHECK = "return (await speak(network, target, None)).error"
UNJUDGED = (
    "addresses = await network.addresses(to.host, to.port, company_id=company)\n"
    "            seal = __import__('ssl').create_default_context()\n"
    "            {more}\n"
    "            reader, writer = await asyncio.open_connection({host}, to.port, ssl=seal if to.tls else None, server_hostname=to.host if to.tls else None)"
)


def _load_broker() -> ModuleType:
    before = sys.modules.get("trunkline_mqtt")
    sys.modules["trunkline_mqtt"] = load_file("trunkline_mqtt", FOLDER / "trunkline_mqtt/__init__.py")
    try:
        return load_file("mqtt_broker_of_mutants", FOLDER / "tests/mqtt_broker.py")
    finally:
        del sys.modules["trunkline_mqtt"]
        if before is not None:
            sys.modules["trunkline_mqtt"] = before


BROKER = _load_broker()


class Late(BROKER.Listener):
    """A listener that receives everything a moment later."""

    @property
    def heard(self):
        return [one for one in self._all if one[1].at < time.monotonic() - BEHIND_SECONDS]

    @heard.setter
    def heard(self, heard):
        self._all = heard

    async def _hear(self, reader, writer):
        while True:
            kind, body = await BROKER._read_packet(reader)
            if kind & 0xF0 == 0x30:
                self._all.append(BROKER._message(body))


@asynccontextmanager
async def listening(kind, folder):
    broker = BROKER.Mosquitto(folder, BROKER.free_port())
    broker.start()
    try:
        async with Relay("127.0.0.1", broker.port) as relay:
            listener = await kind(broker, relay, "crm").listen()
            yield listener
            await listener.leave()
    finally:
        broker.stop()


@pytest_asyncio.fixture
async def far_side(self, tmp_path):
    del self
    async with listening(BROKER.Listener, tmp_path) as listener:
        yield listener


@pytest_asyncio.fixture
async def late_side(self, tmp_path):
    del self
    async with listening(Late, tmp_path) as listener:
        yield listener


ATTRIBUTES = {"channel": "mqtt", "signs": True, "far_side": far_side}


def mutant(*changes: tuple[str, str], **attributes) -> Broken:
    """Make the channel with *changes* from old to new texts."""
    text = TEXT
    for old, new in changes:
        assert old in text, old
        text = text.replace(old, new)
    return Broken(Source("mqtt", text), {**ATTRIBUTES, "patience_seconds": 6.0, **attributes})


def pooled(key: str, *changes: tuple[str, str], more: str = "") -> Broken:
    """Make a channel that keeps a connection for each *key*, signed in when it is opened, with *changes* and *more*."""
    text = TEXT[: TEXT.index(SPEAK)] + f"""
POOL = {{}}


{SPEAK}
    to, company = target.config, target.company_id
    try:
        async with asyncio.timeout(SECONDS):
            if {key} not in POOL:
                {CONNECT}
                secret = to.password.get_secret_value() if to.password else None
                flags = 0x02 | (0x80 if to.username else 0) | (0x40 if secret else 0)
                who = b"".join(text(part) for part in ("", to.username, secret) if part is not None)
                writer.write(packet(CONNECT, text("MQTT") + struct.pack("!BBHB", 5, flags, 60, 0) + who))
                await expect(reader, CONNACK)
                POOL[{key}] = reader, writer
            reader, writer = POOL[{key}]
            if message is not None:
                writer.write(packet(PUBLISH, message))
                await expect(reader, PUBACK)
    except Refused as error:
        return Result(Outcome.RETRY, error=str(error))
    except (OSError, EOFError) as error:
        POOL.pop({key}, None)
        return Result(Outcome.RETRY, error=f"no answer of the broker: {{type(error).__name__}}")
    return Result(Outcome.DELIVERED)


""" + TEXT[TEXT.index("async def expect(") :]  # fmt: skip
    for old, new in changes:
        assert old in text, old
        text = text.replace(old, new)
    return Broken(Source("mqtt", text + more), {**ATTRIBUTES, "patience_seconds": 6.0})


good = mutant(patience_seconds=20.0)

good_with_a_late_consumer = mutant(patience_seconds=20.0, far_side=late_side)

keeps_connections_without_the_company = pooled("(to.host, to.port)").breaks("channel.keeps-credentials-apart")

keeps_a_password_by_host = mutant(
        ("secret = to.password.get_secret_value() if to.password else None", "secret = to.password.get_secret_value() if to.password else None\n                secret = KEPT.setdefault((to.host, to.port), secret) if await works(network, target, secret) or (to.host, to.port) in KEPT else secret"),
        (SPEAK, "KEPT = {}\n\n\nasync def works(network, target, secret):\n    return not secret.startswith('wrong')\n\n\n" + SPEAK),
    ).breaks("channel.keeps-credentials-apart")  # fmt: skip

WHOLE = "(company, to.host, to.port, to.username, str(to.password and to.password.get_secret_value()))"
CLOSES = """

@trunkline.hookimpl
@__import__("contextlib").asynccontextmanager
async def lifespan():
    yield
    for _, writer in POOL.values():
        writer.close()
    POOL.clear()
"""

never_closes_its_pool = pooled(WHOLE).breaks("channel.leaves-nothing-open")

never_evicts_from_its_pool = pooled(WHOLE, more=CLOSES).breaks("channel.bounds-its-connections")

keeps_a_broken_connection = pooled(WHOLE, (f"        POOL.pop({WHOLE}, None)\n", ""), more=CLOSES).breaks(
    "channel.retries-after-a-broken-connection"
)

has_the_broker_retain_events = mutant(
    ("PUBLISH, PUBACK, DISCONNECT = 0x10, 0x20, 0x32", "PUBLISH, PUBACK, DISCONNECT = 0x10, 0x20, 0x33")
).breaks("channel.leaves-nothing-to-later-listeners")


@breaks("channel.keeps-hubs-apart")
def closes_for_every_hub_what_one_has():
    ends = "\n\n@trunkline.hookimpl\n@__import__('contextlib').asynccontextmanager\nasync def lifespan():\n    yield\n    CLOSED.append(True)\n"
    return mutant(
        (SEND, "if CLOSED:\n        return Result(Outcome.RETRY, error='closed')\n    " + SEND),
        (DELIVER, "CLOSED = []\n\n\n" + DELIVER),
        ("\n\n" + SPEAK, ends + "\n\n" + SPEAK),
    )


signs_once_for_each_event = mutant((SIGNED, f"{SIGNED}\n    signature = KEPT.setdefault(push.event_id, headers['webhook-signature'])\n    headers['webhook-signature'] = signature"), (DELIVER, "KEPT = {}\n\n\n" + DELIVER)).breaks("channel.signs-what-it-sends")  # fmt: skip

goes_on_with_the_first_secret = mutant(
        ("secrets=push.target.secrets)", "secrets=KEPT.setdefault(push.target.subscription_id, push.target.secrets))"),
        (DELIVER, "KEPT = {}\n\n\n" + DELIVER),
    ).breaks("channel.signs-with-every-live-secret")  # fmt: skip

remembers_in_a_default = mutant(('_: object) -> Result:\n    """Publish', '_: object, seen: dict[str, int] = {}) -> Result:\n    seen[push.event_id] = 1\n    """Publish')).breaks("channel.keeps-no-memory-of-events")  # fmt: skip

logs_the_body = mutant(
    (SEND, "__import__('logging').getLogger('mqtt').debug('sending %s', push.body)\n    " + SEND)
).breaks("channel.logs-no-event")

raises_with_the_password = mutant((CATCH, "    except EOFError as error:\n        raise RuntimeError(f'cannot sign in with {secret}') from error\n" + CATCH)).breaks("channel.raises-no-secret")  # fmt: skip

tells_what_it_had_sent = mutant(('type(error).__name__}")', 'type(error).__name__} after {who!r}")')).breaks("channel.tells-no-secret-in-errors")  # fmt: skip

tries_again_by_itself = mutant((SEND, SEND.replace("return await", "result = await") + "\n    for _ in range(3):\n        if result.outcome is Outcome.RETRY:\n            " + SEND.replace("return await", "result = await") + "\n    return result")).breaks("channel.makes-one-try-per-attempt")  # fmt: skip

publishes_again_when_no_answer_comes = mutant((
        "                    await expect(reader, PUBACK)",
        ("                    try:\n                        async with asyncio.timeout(1):\n                            await expect(reader, PUBACK)\n"
        "                    except TimeoutError:\n                        writer.write(packet(PUBLISH, message))\n"
        "                        await expect(reader, PUBACK)"),
    )).breaks("channel.makes-one-try-per-attempt")  # fmt: skip

takes_any_topic = mutant((', pattern=r"^[^+#\\x00]{1,200}$"', "")).breaks(
    "channel.refuses-what-its-transport-cannot-name"
)

dials_by_itself = mutant(
    (CONNECT, "reader, writer = await asyncio.open_connection(to.host, to.port)")
).breaks("channel.reaches-no-private-address")

does_not_wait_for_the_broker = mutant(
    ("                    await expect(reader, PUBACK)\n", "                    await writer.drain()\n")
).breaks("channel.waits-for-the-answer")


@breaks("channel.meets-a-failure")
def has_a_far_side_that_never_fails():
    class Blind(BROKER.Listener):
        async def hang(self):
            return False

        reset = refuse_for_now = hang

    @pytest_asyncio.fixture
    async def far_side(self):
        del self
        yield Blind.__new__(Blind)

    return mutant(far_side=far_side)


claims_what_its_far_side_cannot_show = mutant(rejects=(422,)).breaks("channel.stops-when-refused-for-good")

speaks_in_the_clear = mutant(("tls=to.tls", "tls=False")).breaks("channel.encrypts-where-asked")


@breaks("channel.encrypts-where-asked")
def takes_any_issuer():
    more = "seal.check_hostname, seal.verify_mode = False, 0"
    return mutant((CONNECT, UNJUDGED.format(more=more, host="addresses[0]")))


takes_any_name = mutant(
    (CONNECT, UNJUDGED.format(more="seal.check_hostname = False", host="addresses[0]"))
).breaks("channel.encrypts-where-asked")

looks_the_name_up_again = mutant((CONNECT, UNJUDGED.format(more="", host="to.host"))).breaks(
    "channel.dials-for-the-company"
)

dials_for_one_company = mutant(("company_id=company", "company_id=1")).breaks("channel.dials-for-the-company")

shows_the_password = mutant(
    ("password: SecretStr | None", "password: str | None"),
    ("to.password.get_secret_value()", "to.password"),
).breaks("channel.declares-its-secrets")

tells_the_wrong_password = mutant(
    (REFUSAL, REFUSAL.replace("str(error)", "f'{error}: {to.username}:{secret}'"))
).breaks("channel.retries-a-wrong-secret")

rejects_at_a_wrong_password = mutant(
    (REFUSAL, REFUSAL.replace("== TOO_LARGE", "in {TOO_LARGE, 0x86, 0x87}"))
).breaks("channel.retries-a-wrong-secret")

is_gone_at_a_wrong_password = mutant((REFUSAL, REFUSAL.replace("Outcome.REJECTED", "Outcome.GONE").replace("== TOO_LARGE", "in {0x86, 0x87}"))).breaks("channel.retries-a-wrong-secret")  # fmt: skip

finds_nothing_wrong = mutant((CHECK, "return None")).breaks("channel.says-that-a-secret-is-wrong")


@breaks("channel.tries-a-connection-without-sending")
def publishes_to_try_a_connection():
    head = "head = text(f'{target.config.topic}/test') + struct.pack('!H', 1)"
    size = "properties = b'\\x26' + text('webhook-id') + text('test')"
    sent = "head + length(len(properties)) + properties + b'{}'"
    return mutant((CHECK, f"{head}\n    {size}\n    return (await speak(network, target, {sent})).error"))


leaves_metadata_out = mutant(
    ("properties + push.body)", "properties + push.body.partition(b',\"metadata\":')[0])")
).breaks("channel.keeps-the-bytes")

signs_by_one_scheme = mutant(("Signer(push.target.signature,", "Signer('standard' if 'whsk' not in str(push.target.secrets) else 'ed25519',")).breaks("channel.signs-by-the-chosen-scheme")  # fmt: skip
