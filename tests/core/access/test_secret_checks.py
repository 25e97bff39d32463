"""Before it writes anything, a start checks that pepper and encryption key belong to the database."""

import asyncio

import pytest
from tests.statements import count, execute

from trunkline.access.secret_checks import SecretChecks
from trunkline.access.vault import Vault
from trunkline.errors import SettingsInvalid
from trunkline.hub.hub import Hub
from trunkline.store import secrets as store
from trunkline.store.engines import EngineDatabase
from trunkline_kit.hubs import settings_for

LEAN = {"plugins.enabled": "webhooks"}
OLD, NEW, WRONG = "o" * 40, "n" * 40, "w" * 40


def vault(pepper=OLD, key=OLD, **others) -> Vault:
    return Vault(pepper=pepper, encryption_key=key, **others)


async def checks(database):
    async with database.read() as connection:
        return await store.checks(connection)


async def set_up(database, given: Vault):
    await SecretChecks(database, given).verify()
    await SecretChecks(database, given).write_missing()


async def test_the_first_start_writes_what_later_ones_are_compared_with(database):
    await set_up(database, vault())
    written = await checks(database)
    assert written.keys() == {"pepper", "encryption_key"}
    await set_up(database, vault())
    assert await checks(database) == written


@pytest.mark.parametrize(
    ("wrong", "sentence"),
    [
        ({"pepper": WRONG}, r"'auth\.pepper': is not that of this database; [^.]*auth\.other_peppers "),
        ({"key": WRONG}, r"'auth\.encryption_key': is not that of this database; "),
        ({"pepper": WRONG, "key": WRONG}, r"'auth\.pepper' and 'auth\.encryption_key': are not those of "),
    ],
    ids=["pepper", "encryption key", "both"],
)
async def test_a_wrong_secret_is_named(database, wrong, sentence):
    await set_up(database, vault())
    wrong, named = vault(**wrong), f"^Setting {sentence}"
    with pytest.raises(SettingsInvalid, match=named):
        await SecretChecks(database, wrong).verify()
    assert not await SecretChecks(database, wrong).are_ours()
    with pytest.raises(SettingsInvalid, match=named):
        await SecretChecks(database, wrong).require()


async def test_other_secrets_are_good_too(database):
    await set_up(database, vault())
    both = vault(NEW, NEW, other_peppers=[OLD], other_encryption_keys=[OLD])
    await set_up(database, both)
    assert await SecretChecks(database, both).are_ours()


async def test_of_two_first_starts_with_different_secrets_one_wins(database_url):
    async def start(given: Vault):
        async with EngineDatabase(database_url) as database:
            await set_up(database, given)

    ended = await asyncio.gather(start(vault()), start(vault(NEW, NEW)), return_exceptions=True)
    assert [type(one) for one in ended if one is not None] == [SettingsInvalid]


async def _remove_checks(url):
    async with EngineDatabase(url) as database:
        await execute(database, "DELETE FROM secret_checks")
        await execute(database, "UPDATE api_keys SET pepper = NULL")


async def _subscribe(running, count):
    return [(await running.subscribe("http://127.0.0.1:9/h"))["id"] for _ in range(count)]


@pytest.mark.slow
async def test_a_database_of_an_earlier_version_is_opened_before_it_is_marked(database_url, make_hub):
    running = await make_hub(database_url, LEAN, dispatch=False)
    await _subscribe(running, 3)
    await running.stop()
    await _remove_checks(database_url)
    with pytest.raises(SettingsInvalid, match=r"auth\.encryption_key"):
        await make_hub(database_url, {**LEAN, "auth.encryption_key": WRONG}, dispatch=False)
    async with EngineDatabase(database_url) as database:
        assert await checks(database) == {}
    running = await make_hub(database_url, LEAN, dispatch=False)
    assert (await checks(running.hub.engines)).keys() == {"pepper", "encryption_key"}
    async with running.hub.engines.read() as connection:
        counts = await store.count_keys_by_pepper(connection)
    assert counts.keys() == {running.hub.vault.pepper_id}


async def test_one_damaged_row_of_an_earlier_version_does_not_keep_it_from_starting(database_url, make_hub):
    running = await make_hub(database_url, LEAN, dispatch=False)
    first, *_ = await _subscribe(running, 3)
    damage = "UPDATE subscriptions SET sealed = :junk WHERE id = :id"
    await execute(running.hub.engines, damage, junk=b"junk", id=first)
    await running.stop()
    await _remove_checks(database_url)
    await make_hub(database_url, LEAN, dispatch=False)


@pytest.mark.parametrize("name", ["pepper", "encryption_key"])
async def test_a_hub_with_a_wrong_secret_does_not_start_and_migrates_nothing(empty_database_url, name):
    async with Hub(settings_for(empty_database_url, LEAN), dispatch=False):
        pass
    async with EngineDatabase(empty_database_url) as database:
        await execute(database, "DELETE FROM alembic_version_core")
    with pytest.raises(SettingsInvalid, match=rf"^Setting 'auth\.{name}': is not that"):
        async with Hub(settings_for(empty_database_url, {**LEAN, f"auth.{name}": WRONG}), dispatch=False):
            pass
    async with EngineDatabase(empty_database_url) as database:
        assert await count(database, "alembic_version_core") == 0


@pytest.mark.own_hub(settings=LEAN)
async def test_a_process_whose_secrets_were_replaced_is_not_ready_and_says_so(running):
    assert "secrets" not in (await running.anonymous.get("/readyz")).json()
    async with running.hub.engines.write() as connection:
        await store.replace_check(connection, "pepper", vault().digest("x"))
    ready = await running.anonymous.get("/readyz")
    assert (ready.status_code, ready.json()["secrets"]) == (503, "are no longer those of the database")
