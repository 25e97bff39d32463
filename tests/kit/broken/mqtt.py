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
    """Load the broker and the listener from the connector's tests."""
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


def good() -> Broken:
    return mutant(patience_seconds=20.0)


def good_with_a_late_consumer() -> Broken:
    return mutant(patience_seconds=20.0, far_side=late_side)


@breaks("channel.keeps-credentials-apart")
def keeps_connections_without_the_company():
    return pooled("(to.host, to.port)")


@breaks("channel.keeps-credentials-apart")
def keeps_a_password_by_host():
    return mutant(
        ("secret = to.password.get_secret_value() if to.password else None", "secret = to.password.get_secret_value() if to.password else None\n                secret = KEPT.setdefault((to.host, to.port), secret) if await works(network, target, secret) or (to.host, to.port) in KEPT else secret"),
        (SPEAK, "KEPT = {}\n\n\nasync def works(network, target, secret):\n    return not secret.startswith('wrong')\n\n\n" + SPEAK),
    )  # fmt: skip


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


@breaks("channel.leaves-nothing-open")
def never_closes_its_pool():
    return pooled(WHOLE)


@breaks("channel.bounds-its-connections")
def never_evicts_from_its_pool():
    return pooled(WHOLE, more=CLOSES)


@breaks("channel.retries-after-a-broken-connection")
def keeps_a_broken_connection():
    return pooled(WHOLE, (f"        POOL.pop({WHOLE}, None)\n", ""), more=CLOSES)


@breaks("channel.leaves-nothing-to-later-listeners")
def has_the_broker_retain_events():
    return mutant(
        ("PUBLISH, PUBACK, DISCONNECT = 0x10, 0x20, 0x32", "PUBLISH, PUBACK, DISCONNECT = 0x10, 0x20, 0x33")
    )


@breaks("channel.keeps-hubs-apart")
def closes_for_every_hub_what_one_has():
    ends = "\n\n@trunkline.hookimpl\n@__import__('contextlib').asynccontextmanager\nasync def lifespan():\n    yield\n    CLOSED.append(True)\n"
    return mutant(
        (SEND, "if CLOSED:\n        return Result(Outcome.RETRY, error='closed')\n    " + SEND),
        (DELIVER, "CLOSED = []\n\n\n" + DELIVER),
        ("\n\n" + SPEAK, ends + "\n\n" + SPEAK),
    )


@breaks("channel.signs-what-it-sends")
def signs_once_for_each_event():
    return mutant((SIGNED, f"{SIGNED}\n    signature = KEPT.setdefault(push.event_id, headers['webhook-signature'])\n    headers['webhook-signature'] = signature"), (DELIVER, "KEPT = {}\n\n\n" + DELIVER))  # fmt: skip


@breaks("channel.signs-what-it-sends")
def signs_something_else():
    return mutant((SIGNED, SIGNED.replace("body=push.body", "body=push.body + b' '")))


@breaks("channel.signs-what-it-sends")
def does_not_sign():
    return mutant(
        (SIGNED, "headers = {'webhook-id': push.event_id, 'webhook-timestamp': str(push.timestamp)}")
    )


@breaks("channel.signs-with-every-live-secret")
def goes_on_with_the_first_secret():
    return mutant(
        ("secrets=push.target.secrets)", "secrets=KEPT.setdefault(push.target.subscription_id, push.target.secrets))"),
        (DELIVER, "KEPT = {}\n\n\n" + DELIVER),
    )  # fmt: skip


@breaks("channel.shares-a-target-among-companies")
def keeps_a_secret_by_topic():
    return mutant(
        ("secrets=push.target.secrets)", "secrets=KEPT.setdefault(push.target.config.topic, push.target.secrets))"),
        (DELIVER, "KEPT = {}\n\n\n" + DELIVER),
    )  # fmt: skip


@breaks("channel.dates-each-attempt")
def dates_by_the_first_attempt():
    return mutant(
        ("timestamp=push.timestamp", "timestamp=KEPT.setdefault(push.event_id, push.timestamp)"),
        (DELIVER, "KEPT = {}\n\n\n" + DELIVER),
    )


@breaks("channel.keeps-no-memory-of-events")
def remembers_every_event():
    return mutant((SEND, "SEEN.append(push.event_id)\n    " + SEND), (DELIVER, "SEEN = []\n\n\n" + DELIVER))


@breaks("channel.keeps-no-memory-of-events")
def remembers_in_a_default():
    return mutant(('_: object) -> Result:\n    """Publish', '_: object, seen: dict[str, int] = {}) -> Result:\n    seen[push.event_id] = 1\n    """Publish'))  # fmt: skip


@breaks("channel.keeps-headers-apart")
def leaks_headers_by_a_mutable_default():
    return mutant(
        ('_: object) -> Result:\n    """Publish', '_: object, more: dict[str, str] = {}) -> Result:\n    more.update(push.target.headers)\n    """Publish'),
        (SIGNED, f"{SIGNED} | more"),
    )  # fmt: skip


@breaks("channel.prints-nothing")
def prints_what_it_sends():
    return mutant((SEND, "print('sending', push.event_id)\n    " + SEND))


@breaks("channel.logs-no-event")
def logs_the_body():
    return mutant(
        (SEND, "__import__('logging').getLogger('mqtt').debug('sending %s', push.body)\n    " + SEND)
    )


@breaks("channel.raises-no-secret")
def raises_with_the_password():
    return mutant((CATCH, "    except EOFError as error:\n        raise RuntimeError(f'cannot sign in with {secret}') from error\n" + CATCH))  # fmt: skip


@breaks("channel.tells-no-secret-in-errors")
def tells_what_it_had_sent():
    return mutant(('type(error).__name__}")', 'type(error).__name__} after {who!r}")'))  # fmt: skip


@breaks("channel.makes-one-try-per-attempt")
def tries_again_by_itself():
    return mutant((SEND, SEND.replace("return await", "result = await") + "\n    for _ in range(3):\n        if result.outcome is Outcome.RETRY:\n            " + SEND.replace("return await", "result = await") + "\n    return result"))  # fmt: skip


@breaks("channel.makes-one-try-per-attempt")
def publishes_again_when_no_answer_comes():
    return mutant((
        "                    await expect(reader, PUBACK)",
        ("                    try:\n                        async with asyncio.timeout(1):\n                            await expect(reader, PUBACK)\n"
        "                    except TimeoutError:\n                        writer.write(packet(PUBLISH, message))\n"
        "                        await expect(reader, PUBACK)"),
    ))  # fmt: skip


@breaks("channel.refuses-what-its-transport-cannot-name")
def takes_any_topic():
    return mutant((', pattern=r"^[^+#\\x00]{1,200}$"', ""))


@breaks("channel.reaches-no-private-address")
def dials_by_itself():
    return mutant((CONNECT, "reader, writer = await asyncio.open_connection(to.host, to.port)"))


@breaks("channel.waits-for-the-answer")
def does_not_wait_for_the_broker():
    return mutant(
        ("                    await expect(reader, PUBACK)\n", "                    await writer.drain()\n")
    )


@breaks("channel.keeps-the-bytes")
def writes_other_bytes():
    return mutant(("properties + push.body)", "properties + __import__('json').dumps(__import__('json').loads(push.body)).encode())"))  # fmt: skip


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


@breaks("channel.stops-when-refused-for-good")
def claims_what_its_far_side_cannot_show():
    return mutant(rejects=(422,))


@breaks("channel.encrypts-where-asked")
def speaks_in_the_clear():
    return mutant(("tls=to.tls", "tls=False"))


@breaks("channel.encrypts-where-asked")
def takes_any_issuer():
    more = "seal.check_hostname, seal.verify_mode = False, 0"
    return mutant((CONNECT, UNJUDGED.format(more=more, host="addresses[0]")))


@breaks("channel.encrypts-where-asked")
def takes_any_name():
    return mutant((CONNECT, UNJUDGED.format(more="seal.check_hostname = False", host="addresses[0]")))


@breaks("channel.dials-for-the-company")
def looks_the_name_up_again():
    return mutant((CONNECT, UNJUDGED.format(more="", host="to.host")))


@breaks("channel.dials-for-the-company")
def dials_for_one_company():
    return mutant(("company_id=company", "company_id=1"))


@breaks("channel.declares-its-secrets")
def shows_the_password():
    return mutant(
        ("password: SecretStr | None", "password: str | None"),
        ("to.password.get_secret_value()", "to.password"),
    )


@breaks("channel.retries-a-wrong-secret")
def tells_the_wrong_password():
    return mutant((REFUSAL, REFUSAL.replace("str(error)", "f'{error}: {to.username}:{secret}'")))


@breaks("channel.retries-a-wrong-secret")
def rejects_at_a_wrong_password():
    return mutant((REFUSAL, REFUSAL.replace("== TOO_LARGE", "in {TOO_LARGE, 0x86, 0x87}")))


@breaks("channel.retries-a-wrong-secret")
def is_gone_at_a_wrong_password():
    return mutant((REFUSAL, REFUSAL.replace("Outcome.REJECTED", "Outcome.GONE").replace("== TOO_LARGE", "in {0x86, 0x87}")))  # fmt: skip


@breaks("channel.says-that-a-secret-is-wrong")
def finds_nothing_wrong():
    return mutant((CHECK, "return None"))


@breaks("channel.tries-a-connection-without-sending")
def publishes_to_try_a_connection():
    head = "head = text(f'{target.config.topic}/test') + struct.pack('!H', 1)"
    size = "properties = b'\\x26' + text('webhook-id') + text('test')"
    sent = "head + length(len(properties)) + properties + b'{}'"
    return mutant((CHECK, f"{head}\n    {size}\n    return (await speak(network, target, {sent})).error"))


@breaks("channel.keeps-the-bytes")
def leaves_metadata_out():
    return mutant(("properties + push.body)", "properties + push.body.partition(b',\"metadata\":')[0])"))


@breaks("channel.signs-by-the-chosen-scheme")
def signs_by_one_scheme():
    return mutant(("Signer(push.target.signature,", "Signer('standard' if 'whsk' not in str(push.target.secrets) else 'ed25519',"))  # fmt: skip
