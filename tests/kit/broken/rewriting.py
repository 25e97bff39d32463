"""Ways to break third parties' channels to chat rooms, mail, Redis and NATS."""

import html
import json

import nats
import pytest_asyncio
from tests.kit.broken.breaking import THIRD_PARTY, Broken, load_file, source_of

from trunkline_kit import HttpFarSide, Relay
from trunkline_kit.far_sides import Arrival

MAIL = load_file("mail_server_of_mutants", THIRD_PARTY / "email/tests/mail_server.py")
REDIS = load_file("redis_server_of_mutants", THIRD_PARTY / "redis/tests/redis_server.py")
NATS = load_file("nats_server_of_mutants", THIRD_PARTY / "broker/tests/nats_server.py")
PORT, NATS_PORT = MAIL.free_port(), MAIL.free_port()
SETTINGS = {
    "letters.host": "127.0.0.1",
    "letters.port": str(PORT),
    "letters.security": "none",
    "letters.sender": "events@hub.example.com",
}


class Room(HttpFarSide):
    """A room that recognises a repeated event by the number at the end of its message."""

    async def arrivals(self, count):
        return [
            Arrival(_number_in(one.body), one.body, one.headers, one.at)
            for one in await super().arrivals(count)
        ]

    async def another(self):
        other = Room(self.receiver, rejects=(400,))
        other.be_declared()
        return other


def _number_in(body):
    return json.loads(body)["blocks"][-1]["elements"][0]["text"].removeprefix("Event ").partition(",")[0]


def read_message(self, body):
    del self
    sections = [block for block in json.loads(body)["blocks"] if block["type"] == "section"]
    return html.unescape("\n".join(field["text"] for block in sections for field in block["fields"]))


def read_mail(self, body):
    del self
    return body.decode()


@pytest_asyncio.fixture
async def room(self, trunkline_receiver):
    del self
    return Room(trunkline_receiver, rejects=(400,))


@pytest_asyncio.fixture
async def mailbox(self):
    del self
    async with MAIL.MailServer(PORT) as server:
        yield MAIL.Mailbox(server)


@pytest_asyncio.fixture
async def consumer(self, tmp_path):
    del self
    server = REDIS.RedisServer(tmp_path, REDIS.free_port())
    server.start()
    try:
        async with Relay("127.0.0.1", server.port) as relay:
            yield REDIS.Consumer(server, relay, "crm")
    finally:
        server.stop()


@pytest_asyncio.fixture
async def feed(self, tmp_path):
    del self
    server = NATS.NatsServer(tmp_path, NATS_PORT)
    server.start()
    try:
        await server.make_stream()
        async with await nats.connect(server.url) as client:
            yield await NATS.Feed(server, client, "crm").listen()
    finally:
        server.stop()


def streams(*changes: tuple[str, str]) -> Broken:
    attributes = {"channel": "redis", "signs": True, "answers_each": True, "far_side": consumer}
    return Broken(source_of("redis", "trunkline_redis", "streams", *changes), attributes)


def chat(*changes: tuple[str, str]) -> Broken:
    attributes = {"channel": "chat_room", "rewrites": True, "far_side": room, "read_body": read_message}
    return Broken(source_of("chat", "trunkline_chat_room", "chat_room", *changes), attributes)


def mail(*changes: tuple[str, str]) -> Broken:
    attributes = {"channel": "email", "rewrites": True, "far_side": mailbox, "read_body": read_mail}
    more = {"settings": SETTINGS, "content_type": None, "own_addresses": (("127.0.0.1", PORT),)}
    more |= {"encrypts_by": ({"letters.security": "starttls"}, {"letters.security": "tls"})}
    return Broken(source_of("email", "trunkline_email", "letters", *changes), attributes | more)


def subjects(*changes: tuple[str, str]) -> Broken:
    attributes = {"channel": "nats_feeds", "signs": True, "content_type": None, "far_side": feed}
    address = f"nats://127.0.0.1:{NATS_PORT}"
    attributes |= {"settings": {"nats_feeds.servers": address}, "own_addresses": (("127.0.0.1", NATS_PORT),)}
    attributes |= {"encrypts_by": ({"nats_feeds.servers": address.replace("nats:", "tls:")},)}
    return Broken(
        source_of(
            "broker", "trunkline_nats", "nats_feeds", ('CHANNEL = "nats"', 'CHANNEL = "nats_feeds"'), *changes
        ),
        attributes,
    )


good_chat = chat()

good_mail = mail()

good_streams = streams()

good_subjects = subjects()

rounds_numbers_in_a_message = chat((", parse_float=str)", ")")).breaks("channel.keeps-the-bytes")

shows_five_fields = chat(('event["payload"], kind', 'dict(list(event["payload"].items())[:5]), kind')).breaks(
    "channel.delivers-every-event-type"
)

drops_objects_and_lists = chat(
    ("if value is not None:", "if value is not None and not isinstance(value, dict | list):")
).breaks("channel.delivers-every-event-type")

cuts_long_texts = mail(("shown = value if", "shown = value[:500] if")).breaks("channel.keeps-any-text")

rounds_numbers_in_a_mail = mail((", parse_float=str)", ")")).breaks("channel.keeps-the-bytes")

writes_ascii_alone = mail(('"-- ", source])', '"-- ", source]).encode("ascii", "replace").decode()')).breaks(
    "channel.keeps-any-text"
)

drops_the_filter = mail(
    ("model_dump(exclude_none=True)", 'model_dump(exclude_none=True, exclude={"filter"})')
).breaks("channel.keeps-the-filter-of-a-request")

names_a_mail_by_its_event = mail((".{push.target.subscription_id}@", "@")).breaks(
    "channel.serves-each-target"
)

names_a_mail_by_the_attempt = mail((".{push.target.subscription_id}@", ".{push.attempt}@")).breaks(
    "channel.sends-the-same-on-every-attempt"
)

fails_a_batch_as_a_whole = streams(
    ("* (len(pushes) - len(results))", "* len(pushes)"), ("        results += [", "        results = [")
).breaks("channel.says-what-became-of-each-of-a-batch")

dates_a_mail_by_the_clock = mail(('datetime.fromisoformat(event["createdUtc"])', "datetime.now()")).breaks(
    "channel.sends-the-same-on-every-attempt"
)

fails_a_mail_by_the_farewell = mail(("suppress(aiosmtplib.SMTPException, OSError)", "suppress()")).breaks(
    "channel.counts-what-was-taken"
)

sends_mail_in_the_clear = mail(('start_tls=settings.security == "starttls"', "start_tls=False")).breaks(
    "channel.encrypts-where-asked"
)

lets_the_server_choose_whether_to_encrypt = subjects(('"tls://" in settings.servers', "False")).breaks(
    "channel.encrypts-where-asked"
)

rejects_where_a_key_is_taken = streams(
    (
        "Result(Outcome.RETRY, error=reason(error))",
        "Result(Outcome.REJECTED if str(error) == 'WRONGTYPE' else Outcome.RETRY, error=reason(error))",
    )
).breaks("channel.retries-when-refused-for-now")

rejects_at_an_error_of_the_stream = subjects(
    (
        "return Result(Outcome.RETRY, error=reason)",
        "return Result(Outcome.REJECTED if isinstance(error, errors.APIError) else Outcome.RETRY, error=reason)",
    )
).breaks("channel.retries-when-refused-for-now")

rejects_without_a_stream = subjects(
    (
        "return Result(Outcome.RETRY, error=reason)",
        "return Result(Outcome.REJECTED if isinstance(error, errors.NoStreamResponseError) else Outcome.RETRY, error=reason)",
    )
).breaks("channel.retries-when-refused-for-now")
