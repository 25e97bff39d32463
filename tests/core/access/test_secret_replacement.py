"""Replacing peppers and encryption keys, on a database in use."""

import asyncio
from pathlib import Path

import pytest
from tests.statements import execute

from trunkline.access import secret_replacement
from trunkline.access.secret_checks import SecretChecks
from trunkline.access.secret_replacement import Digested, Sealed, SecretReplacement
from trunkline.access.secrets_file import SecretsFile, SecretSource
from trunkline.access.vault import Vault
from trunkline.errors import Unauthenticated, Unreadable
from trunkline.hub.hub import Hub
from trunkline.settings import Auth
from trunkline.store.database import embedded_file
from trunkline.store.engines import EngineDatabase
from trunkline_kit.hubs import settings_for

FIRST, SECOND = "1" * 40, "2" * 40


def auth(pepper=FIRST, key=FIRST, other_peppers=(), other_keys=()) -> Auth:
    others = {"other_peppers": list(other_peppers), "other_encryption_keys": list(other_keys)}
    return Auth.model_validate({"pepper": pepper, "encryption_key": key, **others})


def replacement_by(database, settings: Auth, url: str):
    source = SecretSource(settings, url)
    vault = Vault.of_source(source)
    return SecretReplacement(database, source=source, vault=vault), vault


def environment(pepper=FIRST, key=FIRST, other_peppers="", other_keys=""):
    others = {"auth.other_peppers": other_peppers, "auth.other_encryption_keys": other_keys}
    return {"auth.pepper": pepper, "auth.encryption_key": key, "plugins.enabled": "webhooks", **others}


async def subscribe(running, count):
    request = {"target_url": "http://127.0.0.1:9/h", "event_types": ["*"], "headers": {"X-Team": "blue"}}
    create = running.hub.subscriptions.create
    return [(await create(running.company_id, request, channel="webhooks"))["id"] for _ in range(count)]


async def test_with_settings_every_row_gets_the_new_key_and_the_old_one_can_go(
    database_url, make_hub, monkeypatch
):
    monkeypatch.setattr(secret_replacement, "BATCH", 2)
    running = await make_hub(database_url, environment(other_keys=SECOND), dispatch=False)
    *made, deleted = await subscribe(running, 6)
    await running.hub.subscriptions.delete(running.company_id, deleted, channel=None)
    new = auth(key=SECOND, other_keys=[FIRST])
    async with EngineDatabase(database_url) as database:
        replacement, vault = replacement_by(database, new, database_url)
        assert await replacement.has_begun("encryption_key")
        assert not await replacement.renew_in_file("encryption_key")
        assert await replacement.count_sealed() == Sealed(0, 5, ())
        assert await replacement.replace_encryption_key() == 6
        assert await replacement.count_sealed() == Sealed(5, 0, ())
        assert await SecretChecks(database, vault).are_ours()
    secret = (await running.hub.subscriptions.find(running.company_id, made[0], channel=None)).secrets
    await running.stop()
    running = await make_hub(database_url, environment(key=SECOND), dispatch=False)
    found = await running.hub.subscriptions.find(92, made[0], channel=None)
    assert (found.secrets, dict(found.headers)) == (secret, {"X-Team": "blue"})


async def test_one_that_changes_meanwhile_keeps_its_change(database_url, make_hub):
    running = await make_hub(database_url, environment(other_keys=SECOND), dispatch=False)
    (made,) = await subscribe(running, 1)
    async with EngineDatabase(database_url) as database:
        replacement, _ = replacement_by(database, auth(key=SECOND, other_keys=[FIRST]), database_url)
        pages = replacement._pages()
        (row,) = await anext(pages)
        await pages.aclose()
        rotate = running.hub.subscriptions.rotate_secret
        rotated = await rotate(running.company_id, made, channel="webhooks", overlap_seconds=0)
        async with database.write() as connection:
            assert await secret_replacement.store.reseal(connection, [(row, replacement._again(row))]) == 0
        assert await replacement.replace_encryption_key() == 1
    found = await running.hub.subscriptions.find(running.company_id, made, channel=None)
    assert found.secrets[0].text == rotated["secret"]


async def test_what_no_key_opens_is_named_and_left(database_url, make_hub):
    running = await make_hub(database_url, environment(other_keys=SECOND), dispatch=False)
    made = await subscribe(running, 3)
    damage = "UPDATE subscriptions SET sealed = :junk WHERE id = :id"
    await execute(running.hub.engines, damage, junk=b"junk", id=made[1])
    async with EngineDatabase(database_url) as database:
        replacement, _ = replacement_by(database, auth(key=SECOND, other_keys=[FIRST]), database_url)
        assert await replacement.replace_encryption_key() == 2
        assert await replacement.count_sealed() == Sealed(2, 0, (made[1],))


async def test_a_key_is_digested_anew_when_it_is_used_and_not_before(database_url, make_hub):
    running = await make_hub(database_url, environment(other_peppers=SECOND), dispatch=False)
    _, used = await running.hub.keys.create(7, name="used", scopes=["events:read"])
    await running.hub.keys.create(7, name="unused", scopes=["events:read"])
    total = len(await running.hub.keys.list(None))
    await running.stop()
    running = await make_hub(database_url, environment(SECOND, other_peppers=FIRST), dispatch=False)
    total += 2  # a client of the second hub
    replacement, _ = replacement_by(running.hub.engines, auth(SECOND, other_peppers=[FIRST]), database_url)
    await replacement.replace_pepper()
    assert await replacement.count_digested() == Digested(2, total - 2)
    assert (await running.hub.keys.authenticate(used)).company_id == 7
    await _until_digested(replacement, Digested(3, total - 3))
    await running.stop()
    running = await make_hub(database_url, environment(SECOND), dispatch=False)
    assert (await running.hub.keys.authenticate(used)).company_id == 7


async def test_while_peppers_are_exchanged_processes_do_not_undo_each_others_work(database_url, make_hub):
    old = await make_hub(database_url, environment(other_peppers=SECOND), dispatch=False)
    new = await make_hub(database_url, environment(SECOND, other_peppers=FIRST), dispatch=False)
    _, key = await old.hub.keys.create(7, name="n", scopes=["events:read"])
    _, other = await new.hub.keys.create(7, name="n", scopes=["events:read"])
    for running in (old, new, old):
        assert (await running.hub.keys.authenticate(key)).company_id == 7
        assert (await running.hub.keys.authenticate(other)).company_id == 7
    replacement, _ = replacement_by(new.hub.engines, auth(SECOND, other_peppers=[FIRST]), database_url)
    await replacement.replace_pepper()
    before = await replacement.count_digested()
    await new.hub.keys.authenticate(key)
    async with asyncio.timeout(60):  # more if a row had the other key still to write
        while (reached := (await replacement.count_digested()).current) <= before.current:
            await asyncio.sleep(0.02)
    for _ in range(3):
        assert (await old.hub.keys.authenticate(key)).company_id == 7
    await old.stop()  # with everything that it still had to write
    assert (await replacement.count_digested()).current >= reached


async def _until_digested(replacement, expected):
    async with asyncio.timeout(60):
        while await replacement.count_digested() != expected:
            await asyncio.sleep(0.02)


@pytest.fixture
async def embedded(sqlite_database):
    """Give the replacement over a database whose secrets are in its file, and a vault of another process."""
    url = f"sqlite:///{embedded_file(sqlite_database)}"
    replacement, vault = replacement_by(sqlite_database, Auth(), url)
    await SecretChecks(sqlite_database, vault).verify()
    await SecretChecks(sqlite_database, vault).write_missing()
    return replacement, Vault.open(Auth(), url), Path(f"{embedded_file(sqlite_database)}.secrets")


async def test_a_running_process_opens_what_the_new_key_has_sealed_at_once(embedded):
    replacement, running, file = embedded
    old = running.seal(b"old", context=b"c")
    assert await replacement.renew_in_file("encryption_key")
    new = Vault.open(Auth(), _url_of(file)).seal(b"new", context=b"c")
    assert not Vault.open(Auth(), _url_of(file)).is_current(old, context=b"c")
    assert running.unseal(new, context=b"c") == b"new"
    assert running.unseal(old, context=b"c") == b"old"
    assert running.is_current(new, context=b"c")


async def test_a_key_made_under_the_new_pepper_is_known_at_once(sqlite_database_url):
    given = settings_for(sqlite_database_url, {"plugins.enabled": "webhooks"})
    given = given.model_copy(update={"auth": Auth()})
    async with Hub(given, dispatch=False) as running:
        _, old = await running.keys.create(7, name="old", scopes=["events:read"])
        replacement, _ = replacement_by(running.database, Auth(), sqlite_database_url)
        assert await replacement.renew_in_file("pepper")
        await replacement.replace_pepper()
        async with Hub(given, dispatch=False) as command:
            _, new = await command.keys.create(7, name="new", scopes=["events:read"])
        assert (await running.keys.authenticate(new)).company_id == 7
        assert (await running.keys.authenticate(old)).company_id == 7
        await _until_digested(replacement, Digested(2, 0))
        with pytest.raises(Unauthenticated):
            await running.keys.authenticate(new[:-1] + ("A" if new[-1] != "A" else "B"))


async def test_one_that_was_broken_off_is_finished_with_the_same_key(embedded, sqlite_database):
    replacement, running, file = embedded
    assert await replacement.renew_in_file("encryption_key")
    begun = SecretsFile(file).read()
    again, vault = replacement_by(sqlite_database, Auth(), _url_of(file))
    assert await again.has_begun("encryption_key")
    assert not await again.renew_in_file("encryption_key")
    await again.replace_encryption_key()
    assert SecretsFile(file).read() == begun
    assert not await again.has_begun("encryption_key")
    assert await SecretChecks(sqlite_database, vault).are_ours()
    assert await SecretChecks(sqlite_database, running).are_ours()


async def test_only_the_last_encryption_key_is_kept_beside_it(embedded):
    replacement, _, file = embedded
    seen = []
    for _ in range(3):
        seen.append(SecretsFile(file).read().encryption_key)
        assert await replacement.renew_in_file("encryption_key")
        await replacement.replace_encryption_key()
    kept = SecretsFile(file).read()
    assert kept.other_encryption_keys == (seen[-1],)
    assert kept.encryption_key not in seen
    assert file.stat().st_mode & 0o777 == 0o600
    assert [one.name for one in file.parent.glob("*.secrets*")] == [file.name]


async def test_two_at_once_lose_no_key(embedded, sqlite_database):
    _, running, file = embedded
    sealed = running.seal(b"s", context=b"c")
    both = [replacement_by(sqlite_database, Auth(), _url_of(file))[0] for _ in range(2)]
    renewed = await asyncio.gather(*(one.renew_in_file("encryption_key") for one in both))
    assert sorted(renewed) == [False, True]
    assert Vault.open(Auth(), _url_of(file)).unseal(sealed, context=b"c") == b"s"


async def test_what_is_forgotten_opens_nothing_more(embedded):
    replacement, running, file = embedded
    sealed = running.seal(b"s", context=b"c")
    assert await replacement.renew_in_file("encryption_key")
    await replacement.replace_encryption_key()
    await replacement.forget_others()
    assert SecretsFile(file).read().other_encryption_keys == ()
    with pytest.raises(Unreadable):
        Vault.open(Auth(), _url_of(file)).unseal(sealed, context=b"c")


async def test_a_damaged_file_leaves_a_running_process_as_it_is(embedded, caplog):
    _, running, file = embedded
    sealed = running.seal(b"s", context=b"c")
    file.write_text("{")
    with pytest.raises(Unreadable):
        running.unseal(b"junk", context=b"c")
    assert running.unseal(sealed, context=b"c") == b"s"
    assert "cannot be read; going on with those from before" in caplog.text


def _url_of(file: Path) -> str:
    return f"sqlite:///{file.with_suffix('')}"
