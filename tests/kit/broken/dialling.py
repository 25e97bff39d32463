"""Ways to break how channels dial, try connections, and end attempts, which only real servers show."""

import pytest_asyncio
from tests.kit.broken.breaking import THIRD_PARTY, Broken, breaks, load_file, source_of
from tests.kit.broken.mqtt import CATCH, CHECK, mutant
from tests.kit.broken.rewriting import mail, subjects

from trunkline_kit import Relay

TABLE = load_file("postgres_table_of_mutants", THIRD_PARTY / "postgres/tests/postgres_table.py")
VERIFIES = '"sslmode": "verify-full", "sslrootcert": "system"'
SPOKEN = "return (await speak(network, {target}, None)).error"


@pytest_asyncio.fixture
async def reader(self, trunkline_databases):
    del self
    server = trunkline_databases.server
    database = TABLE.Database(server, await server.create())
    await database.prepare()
    await database.make_table("events")
    async with Relay(database.socket) as relay:
        yield TABLE.Reader(database, relay, "events")
    await server.drop(database.name)


def rows(*changes: tuple[str, str]) -> Broken:
    attributes = {"channel": "postgres", "signs": False, "far_side": reader}
    return Broken(source_of("postgres", "trunkline_postgres", "rows", *changes), attributes)


good_rows = rows()

takes_any_certificate_after_an_exchange = rows((VERIFIES, '"sslmode": "require"')).breaks(
    "channel.encrypts-where-asked"
)


@breaks("channel.encrypts-where-asked")
def tries_a_connection_in_the_clear():
    clear = (
        "__import__('dataclasses').replace(target, config=target.config.model_copy(update={'tls': False}))"
    )
    return mutant((CHECK, SPOKEN.format(target=clear)))


encrypts_only_if_it_is_told = mutant(
    ("tls: bool = Field(default=True", "tls: bool = Field(default=False")
).breaks("channel.encrypts-where-asked")

tries_a_connection_for_one_company = mutant(
    (CHECK, SPOKEN.format(target="__import__('dataclasses').replace(target, company_id=1)"))
).breaks("channel.dials-for-the-company")


@breaks("channel.says-that-a-secret-is-wrong")
def logs_the_wrong_password():
    logged = "__import__('logging').getLogger('mqtt').warning('wrong: %s', target.config.password.get_secret_value())"
    return mutant((CHECK, f"{logged}\n    {CHECK}"))


@breaks("channel.retries-when-nobody-listens")
def finds_nothing_wrong_with_a_closed_port():
    found = CHECK.replace("return ", "said = ")
    return mutant((CHECK, f"{found}\n    return None if said and said.startswith('no answer') else said"))


rejects_mail_without_a_server = mail(("Outcome.RETRY, code,", "Outcome.REJECTED, code,")).breaks(
    "channel.retries-when-nobody-listens"
)

rejects_without_a_connection = subjects(
    ('Outcome.RETRY, error="no connection', 'Outcome.REJECTED, error="no connection')
).breaks("channel.retries-when-nobody-listens")

says_delivered_when_it_is_cancelled = mutant(
    (CATCH, f"    except asyncio.CancelledError:\n        return Result(Outcome.DELIVERED)\n{CATCH}")
).breaks("channel.ends-when-cancelled")

leaves_a_member_without_a_title = mutant(('Field(title="Host", ', "Field(")).breaks("channel.is-described")

takes_a_refused_publish_for_success = mutant(
    ("or code >= REFUSED:", "or (kind == CONNACK and code >= REFUSED):")
).breaks("channel.retries-when-refused-for-now")

leaves_zeros_out_of_a_mail = mail(("if value is not None:", "if value:")).breaks("channel.keeps-the-bytes")

leaves_connections_of_failed_attempts_open = mail(("        finally:\n            client.close()", "        finally:\n            KEPT.append(client)"), ("\nSCHEME", "\nKEPT = []\nSCHEME")).breaks("channel.leaves-nothing-open")  # fmt: skip

takes_any_text_after_the_scheme = mail(
    ("if not _TARGET.fullmatch(url):", "if not url.startswith(SCHEME):")
).breaks("channel.refuses-what-its-transport-cannot-name")
