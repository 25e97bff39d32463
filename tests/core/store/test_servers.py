"""Connecting to PostgreSQL: the named database, each sslmode, several hosts, a failover."""

import asyncio
import socket
from collections.abc import Iterator
from urllib.parse import quote

import pytest
from sqlalchemy import text
from tests.core.store.conftest import check_wakes
from tests.postgres_servers import (
    COPIED,
    PASSWORD,
    SystemPostgres,
    free_port,
    prepared_postgres,
    primary_and_standby,
)
from tests.statements import execute

from trunkline.errors import DatabaseUnfit, StoreUnavailable
from trunkline.store.engines import EngineDatabase
from trunkline.store.notifications import Notifications
from trunkline.store.servers import Server
from trunkline.store.wakeup import Wakeup


async def ask(url: str, statement: str) -> object:
    """Ask over the pool and over a connection as for LISTEN; both must agree."""
    async with EngineDatabase(url) as database, database.read() as connection:
        pooled = (await connection.execute(text(statement))).scalar_one()
    async with Notifications(Server(url)).connected() as connection:
        assert await connection.fetchval(statement) == pooled
    return pooled


async def is_over_tls(url: str) -> object:
    return await ask(url, "SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()")


async def test_every_connection_goes_to_the_database_that_the_url_names(postgres_server):
    name = await postgres_server.create()
    url = postgres_server.url_of(name)
    try:
        assert await ask(url, "SELECT current_database()") == name
        elsewhere = postgres_server.url
        assert await ask(f"{elsewhere}&dbname={name}", "SELECT current_database()") == name
        async with EngineDatabase(url, pool_size=2).apart(2) as apart, apart.write() as connection:
            assert (await connection.execute(text("SELECT current_database()"))).scalar_one() == name
    finally:
        await postgres_server.drop(name)


@pytest.mark.parametrize("encoding", ["LATIN1", "SQL_ASCII"])
async def test_a_database_that_cannot_store_any_text_is_refused(postgres_server, encoding):
    name = f"trunkline_{encoding.lower()}"
    await postgres_server.execute(
        f"CREATE DATABASE {name} ENCODING '{encoding}' LOCALE 'C' LOCALE_PROVIDER libc TEMPLATE template0"
    )
    url = postgres_server.url_of(name)
    try:
        for database in (EngineDatabase(url), EngineDatabase(url).direct(1)):
            with pytest.raises(
                DatabaseUnfit, match=f"^The database '{name}' at .* has the encoding {encoding}, "
            ):
                async with database, database.read():
                    pass
    finally:
        await postgres_server.drop(name)


async def test_settings_of_the_session_come_from_the_url(postgres_url):
    url = f"{postgres_url}&application_name=hub-7&options=-c%20work_mem%3D5MB"
    assert await ask(url, "SELECT current_setting('application_name')") == "hub-7"
    assert await ask(url, "SELECT current_setting('work_mem')") == "5MB"


# TLS. The certificate is for localhost; over_tls may connect only with TLS, in_clear only without.


async def test_a_caller_that_is_cancelled_leaves_no_connection(postgres_url):
    server = Server(f"{postgres_url}&application_name=cancelled")
    begun = asyncio.get_running_loop().time()
    await (await server.connect()).close()
    whole = asyncio.get_running_loop().time() - begun
    for step in range(40):
        connecting = asyncio.create_task(server.connect())
        await asyncio.wait({connecting}, timeout=whole * step / 40)
        connecting.cancel()
        (outcome,) = await asyncio.gather(connecting, return_exceptions=True)
        if not isinstance(outcome, BaseException):
            await outcome.close()
    left = "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'cancelled'"
    async with asyncio.timeout(10):
        while await ask(postgres_url, left):
            await asyncio.sleep(0.01)


def tls_url(
    server: SystemPostgres, mode: str, *, role: str = "over_tls", host: str = "127.0.0.1", ca: str = ""
) -> str:
    password = f":{quote(PASSWORD, safe='')}" if role == "over_tls" else ""
    root = f"&sslrootcert={server.folder}/{ca}.crt" if ca else ""
    return f"postgresql://{role}{password}@{host}:{server.port}/postgres?sslmode={mode}{root}"


@pytest.mark.parametrize(
    ("modes", "options", "over_tls"),
    [
        pytest.param("allow prefer require", {}, True, id="the server wants TLS"),
        pytest.param("disable allow prefer", {"role": "in_clear"}, False, id="the server wants none"),
        pytest.param(
            "verify-ca verify-full", {"host": "localhost", "ca": "ca"}, True, id="a known authority"
        ),
        pytest.param("verify-ca", {"ca": "ca"}, True, id="a name that verify-ca does not look at"),
    ],
)
async def test_a_mode_takes_tls_or_goes_without_as_it_says(system_postgres, modes, options, over_tls):
    for mode in modes.split():
        assert await is_over_tls(tls_url(system_postgres, mode, **options)) is over_tls, mode


@pytest.mark.parametrize(
    ("mode", "role", "ca", "reason"),
    [
        ("disable", "over_tls", "", "no pg_hba.conf entry"),
        ("require", "in_clear", "", "no pg_hba.conf entry"),
        ("verify-full", "over_tls", "ca", "CERTIFICATE_VERIFY_FAILED"),
        ("verify-ca", "over_tls", "other", "CERTIFICATE_VERIFY_FAILED"),
        ("require", "over_tls", "other", "CERTIFICATE_VERIFY_FAILED"),
        ("verify-full&sslrootcert=system", "over_tls", "", "CERTIFICATE_VERIFY_FAILED"),
        ("require", "by_certificate", "", "certificate"),
    ],
)
async def test_what_the_mode_forbids_is_refused_with_the_host(system_postgres, mode, role, ca, reason):
    url = tls_url(system_postgres, mode, role=role, ca=ca)
    with pytest.raises(StoreUnavailable, match=rf"^127\.0\.0\.1:\d+: \w+: .*{reason}") as caught:
        await is_over_tls(url)
    assert "\n" not in str(caught.value)


async def test_a_role_is_let_in_by_its_certificate(system_postgres):
    files = f"&sslcert={system_postgres.folder}/client.crt&sslkey={system_postgres.folder}/client.key"
    url = tls_url(system_postgres, "verify-full", role="by_certificate", host="localhost", ca="ca") + files
    assert await ask(url, "SELECT current_user") == "by_certificate"


async def test_the_authorities_of_the_machine_verify_what_they_vouch_for(system_postgres, monkeypatch):
    monkeypatch.setenv("SSL_CERT_FILE", f"{system_postgres.folder}/ca.crt")
    url = tls_url(system_postgres, "verify-full&sslrootcert=system", host="localhost")
    assert await is_over_tls(url) is True
    with pytest.raises(StoreUnavailable, match="CERTIFICATE_VERIFY_FAILED"):
        await is_over_tls(url.replace("localhost", "127.0.0.1"))


async def test_one_process_wakes_another_over_tls(system_postgres):
    url = tls_url(system_postgres, "require")
    async with EngineDatabase(url) as database, Wakeup(database) as here, Wakeup(database) as there:
        await check_wakes(here, there)


async def test_a_service_file_connects(system_postgres, tmp_path, monkeypatch):
    file = tmp_path / "services"
    file.write_text(
        f"[hub]\nhost=127.0.0.1\nport={system_postgres.port}\nuser=over_tls\npassword={PASSWORD}\ndbname=postgres\n"
    )
    monkeypatch.setenv("PGSERVICEFILE", str(file))
    assert await ask("postgresql://?service=hub", "SELECT current_user") == "over_tls"


# Several hosts.


async def test_the_next_host_is_taken_where_one_does_not_answer(system_postgres):
    url = f"postgresql://postgres@127.0.0.1:{free_port()},127.0.0.1:{system_postgres.port}/postgres"
    assert await ask(url, "SELECT inet_server_port()") == system_postgres.port


async def test_a_host_that_is_silent_leaves_the_next_its_time(system_postgres):
    with socket.create_server(("127.0.0.1", 0)) as silent:  # it accepts no connection, so nothing is answered
        port = silent.getsockname()[1]
        url = f"postgresql://postgres@127.0.0.1:{port},127.0.0.1:{system_postgres.port}/postgres"
        answer = ask(f"{url}?connect_timeout=1", "SELECT inet_server_port()")
        assert await answer == system_postgres.port


async def test_where_no_host_answers_each_is_named():
    first, second = free_port(), free_port()
    url = f"postgresql://u:s3cret@127.0.0.1:{first},localhost:{second}/n"
    with pytest.raises(StoreUnavailable, match=rf"^127\.0\.0\.1:{first}: .*; localhost:{second}: ") as caught:
        await ask(url, "SELECT 1")
    assert "s3cret" not in str(caught.value)


@pytest.fixture
def standby(system_postgres: SystemPostgres) -> Iterator[SystemPostgres]:
    """Start a standby with a separate primary, which runs, too."""
    with prepared_postgres() as copy:
        copy.copy(system_postgres)
        copy.start()
        yield copy


@pytest.mark.slow
async def test_session_attributes_choose_among_the_hosts(system_postgres, standby):
    both = f"postgresql://postgres@127.0.0.1:{standby.port},127.0.0.1:{system_postgres.port}/postgres"
    for server, attributes in (
        (standby, ("any", "standby", "read-only")),
        (system_postgres, ("read-write", "primary")),
    ):
        for wanted in attributes:
            url = f"{both}?target_session_attrs={wanted}"
            assert await ask(url, "SELECT inet_server_port()") == server.port, wanted
    alone = f"{system_postgres.url()}?target_session_attrs="
    assert await ask(f"{alone}prefer-standby", "SELECT inet_server_port()") == system_postgres.port
    with pytest.raises(StoreUnavailable, match="the server answers, but it is not 'standby'"):
        await ask(f"{alone}standby", "SELECT 1")
    async with EngineDatabase(standby.url()) as copy, EngineDatabase(system_postgres.url()) as primary:
        why = await copy.why_read_only()
        assert why is not None
        assert why.sentence.startswith(
            "The database's server is a standby, which takes no writes: name the primary"
        )
        assert await primary.why_read_only() is None


@pytest.mark.slow
async def test_after_a_failover_the_same_process_works_on_the_other_host(tmp_path):
    with primary_and_standby() as (first, second, url):
        async with (
            EngineDatabase(url, pool_size=3) as database,
            Wakeup(database) as here,
            Wakeup(database) as there,
        ):
            await execute(database, "CREATE TABLE told AS SELECT 'first' AS word")
            await first.until(COPIED)
            first.stop()
            with pytest.raises(StoreUnavailable):
                await execute(database, "INSERT INTO told VALUES ('lost')")
            second.promote()
            await execute(database, "INSERT INTO told VALUES ('second')")
            async with database.read() as connection:
                words = (await connection.execute(text("SELECT word FROM told ORDER BY 1"))).scalars().all()
            assert words == ["first", "second"]
            with there.signal() as signal:
                async with asyncio.timeout(60):
                    while not await signal.wait(0.2):
                        here.announce()
