"""``trunkline secrets``, and starts with secrets of another database."""

import asyncio
import contextlib
import json
import re
import sqlite3
import stat

import httpx2
import pytest
from tests.core.cli.conftest import LOOSE, wait_until
from tests.small_disks import small_disk
from tests.waiting import until

from trunkline import settings
from trunkline.access.secrets_file import Secrets, SecretsFile
from trunkline.errors import SettingsInvalid
from trunkline.hub.hub import Hub
from trunkline_kit.receiver import Receiver

WRONG = "w" * 40


def _dump(cli):
    with contextlib.closing(sqlite3.connect(cli.database)) as connection:
        return list(connection.iterdump())


def _mode(path):
    return stat.S_IMODE(path.stat().st_mode)


@pytest.mark.parametrize(
    ("name", "command"),
    [
        ("pepper", "serve --port 0"),
        ("encryption_key", "keys list"),
        pytest.param("pepper", "quarantine list", marks=pytest.mark.slow),
    ],
)
def test_a_wrong_secret_ends_the_start_with_one_sentence_and_writes_nothing(migrated_cli, name, command):
    migrated_cli.create_key()
    before = _dump(migrated_cli)
    wrong = migrated_cli.changed(**{f"TRUNKLINE_AUTH__{name.upper()}": WRONG})
    told = wrong.refused(*command.split())
    assert told == (
        f"Setting 'auth.{name}': is not that of this database; use what it was set up with, "
        f"or put that into auth.other_{name}s while you give new for old.\n"
    )
    assert _dump(migrated_cli) == before


@pytest.mark.slow
@pytest.mark.parametrize("command", ["serve --port 0", "serve --port 0 --workers 2", "worker"])
def test_no_process_starts_with_a_wrong_secret(postgres_cli, command):
    postgres_cli.create_key()
    result = postgres_cli.changed(TRUNKLINE_AUTH__PEPPER=WRONG).run(*command.split())
    assert result.returncode == 2
    assert result.stderr.startswith("Setting 'auth.pepper': is not that of this database")
    assert result.stderr.count("\n") == 1


@pytest.fixture
def own_cli(cli):
    """Give the command line over a migrated database in its folder; the secrets will be in the file beside it."""
    lean = cli.with_plugins("webhooks")
    lean.done("migrate")
    return lean


def test_a_lost_file_is_not_replaced(own_cli):
    own_cli.create_key()
    file = own_cli.folder / "trunkline.db.secrets"
    kept = file.read_bytes()
    file.unlink()
    told = own_cli.refused("keys", "list")
    assert re.fullmatch(
        r"Setting 'auth\.pepper' and 'auth\.encryption_key': are unset and trunkline\.db\.secrets is gone, .*"
        r"restore it from the backup.*\n",
        told,
    )
    assert not file.exists()
    file.write_bytes(kept)
    own_cli.done("keys", "list")


def test_a_database_without_anything_to_protect_gets_a_new_file(own_cli):
    assert not (own_cli.folder / "trunkline.db.secrets").exists()
    own_cli.create_key()
    assert (own_cli.folder / "trunkline.db.secrets").exists()


def test_what_is_lost_for_good_is_given_up(own_cli):
    own_cli.create_key()
    (own_cli.folder / "trunkline.db.secrets").unlink()
    own_cli.done("secrets", "rotate", "--lost")
    assert own_cli.create_key().startswith("wlcro_live_92_")
    assert own_cli.invoke("secrets", "check", "--json").exit_code == 1  # the first key is among the lost ones


def test_new_files_are_for_their_owner_alone_and_old_ones_keep_their_mode(own_cli):
    own_cli.create_key()
    database = own_cli.folder / "trunkline.db"
    assert _mode(database) == _mode(own_cli.folder / "trunkline.db.secrets") == 0o600
    with contextlib.closing(sqlite3.connect(database)) as connection:
        connection.execute("CREATE TABLE one (n)")
        assert {_mode(path) for path in own_cli.folder.glob("trunkline.db-*")} == {0o600}
    database.chmod(0o640)
    own_cli.done("keys", "list")
    assert _mode(database) == 0o640


def test_check_says_whose_secrets_they_are(migrated_cli):
    migrated_cli.create_key()
    shown = migrated_cli.done("secrets", "check")
    assert shown.endswith("\nauth.pepper\tyes\t1\t0\t0\nauth.encryption_key\tyes\t0\t0\t0\n")
    wrong = migrated_cli.changed(TRUNKLINE_AUTH__PEPPER=WRONG).invoke("secrets", "check")
    assert wrong.exit_code == 2
    assert wrong.stderr == "Setting 'auth.pepper': is not that of this database.\n"
    assert "auth.pepper\tNO" in wrong.stdout


def test_both_secrets_of_the_file_are_made_anew_and_the_old_ones_go_when_nothing_needs_them(own_cli):
    key = own_cli.create_key()
    before = json.loads((own_cli.folder / "trunkline.db.secrets").read_text())
    shown = own_cli.done("secrets", "rotate")
    assert shown.startswith("Made a new encryption key; the one before is kept beside it in the file.\n")
    assert not any(value in shown for value in before.values())
    kept = json.loads((own_cli.folder / "trunkline.db.secrets").read_text())
    assert kept["other_peppers"] == [before["pepper"]]
    assert kept["other_encryption_keys"] == [before["encryption_key"]]

    check = own_cli.invoke("secrets", "check", "--json")
    assert check.exit_code == 1
    pepper, _ = json.loads(check.stdout)["secrets"]
    assert (pepper["under_it"], pepper["under_others"]) == (0, 1)
    refused = own_cli.refused("secrets", "forget", code=1)
    assert "1 keys that are not revoked stand under another pepper" in refused

    _use(own_cli, key)
    own_cli.done("secrets", "check")
    assert own_cli.done("secrets", "forget") == "The file keeps no old secret.\n"
    assert json.loads((own_cli.folder / "trunkline.db.secrets").read_text()).keys() == before.keys()
    _use(own_cli, key)


@pytest.mark.parametrize("command", ["rotate", "forget"])
def test_a_file_of_secrets_that_cannot_be_written_is_said_and_stays(cli, command):
    name = "n" * 240  # with it the file's name is allowed, and that of its draft is too long
    cli = cli.with_plugins("webhooks").changed(TRUNKLINE_DATABASE__URL=f"sqlite:///{cli.folder / name}")
    file = cli.folder / f"{name}.secrets"
    file.write_text(json.dumps({"pepper": "p" * 40, "encryption_key": "e" * 40, "other_peppers": ["o" * 40]}))
    before = file.read_text()
    cli.done("migrate")
    cli.create_key()
    told = cli.refused("secrets", command)
    assert told == (
        f"The file of the secrets, {file}, cannot be written: File name too long; nothing was changed.\n"
    )
    assert file.read_text() == before


def test_a_full_disk_keeps_no_draft_of_the_secrets():
    with small_disk() as disk:
        file = SecretsFile(disk.folder / "hub.db.secrets")
        disk.fill()
        for write in (file.make, lambda: file.replace(Secrets("p" * 40, "e" * 40))):
            with pytest.raises(SettingsInvalid, match="No space left on device"):
                write()
        assert list(disk.folder.glob("hub.db.secrets*")) == []


def test_secrets_of_the_settings_are_exchanged_by_whoever_keeps_them(migrated_cli):
    migrated_cli.create_key()
    shown = migrated_cli.done("secrets", "rotate", "--encryption-key")
    assert shown.startswith(
        "auth.encryption_key is the database's already. To give a new one for it: add the new one to "
        "auth.other_encryption_keys of every process"
    )
    old = json.dumps([migrated_cli.environment["TRUNKLINE_AUTH__ENCRYPTION_KEY"]])
    alone = migrated_cli.changed(TRUNKLINE_AUTH__ENCRYPTION_KEY="n" * 40)
    result = alone.changed(TRUNKLINE_AUTH__OTHER_ENCRYPTION_KEYS=old).done(
        "secrets", "rotate", "--encryption-key"
    )
    assert result == "Sealed 0 subscriptions again; 0 are sealed with it.\n"
    alone.done("secrets", "check")
    assert migrated_cli.invoke("secrets", "check").exit_code == 2


def _use(cli, key):
    async def use():
        url = f"sqlite:///{cli.folder / 'trunkline.db'}"
        given = settings.load(None, {**cli.environment, "TRUNKLINE_DATABASE__URL": url})
        async with Hub(given, dispatch=False) as hub:
            assert (await hub.keys.authenticate(key)).company_id == 92

    asyncio.run(use())


UNLIMITED = LOOSE | {"TRUNKLINE_LIMITS__ENABLED": "false"}
COMPANIES = 40
EACH = 10


async def _subscribe(cli, receiver):
    """Make subscriptions for many companies without starting a process for each."""
    async with Hub(settings.load(None, cli.environment), dispatch=False) as hub:
        example = hub.catalog.get("lead.created").example
        _, key = await hub.keys.create(None, name="operator", scopes=["operator"])
        for company in range(1, COMPANIES + 1):
            for _ in range(EACH):
                request = {"target_url": f"{receiver.url}/h", "event_types": ["lead.created"]}
                await hub.subscriptions.create(company, request, channel="webhooks")
        return key, example


class _Traffic:
    """Sends events of all companies, one after the other, while the block runs; each call must succeed."""

    def __init__(self, url, key, example):
        headers = {"X-Api-Key": key}
        self.client = httpx2.AsyncClient(base_url=f"{url}/api/v1", headers=headers, timeout=60)
        self._example = example
        self.sent = 0
        self._is_over = False

    async def __aenter__(self):
        self._sending = asyncio.create_task(self._send())
        return self

    async def __aexit__(self, *_):
        self._is_over = True
        await asyncio.gather(self._sending, return_exceptions=True)
        await self.client.aclose()

    async def _send(self):
        while not self._is_over:
            company = self.sent % COMPANIES + 1
            event = {"type": "lead.created", "companyId": company, "payload": self._example}
            assert (await self.client.post("/events", json=event)).status_code == 201
            self.sent += 1
            await asyncio.sleep(0.01)

    async def goes_on(self):
        """Wait until more events were sent, unless a call has failed."""
        target = self.sent + 20
        while self.sent < target:
            if self._sending.done():
                self._sending.result()
            await asyncio.sleep(0.02)


async def _check_delivered(cli, receiver, sent):
    """Check that each subscription got each event of its company at its first attempt."""
    counted = "SELECT status, attempts, count(*) FROM deliveries GROUP BY 1, 2"
    await until(lambda: cli.execute(counted) == [("delivered", 1, sent * EACH)])
    assert len(receiver.requests) == sent * EACH


@pytest.fixture
def embedded_cli(cli, sqlite_database_url):
    """Give the command line over a migrated SQLite database with the secrets in the file beside it."""
    return cli.changed(**UNLIMITED, TRUNKLINE_DATABASE__URL=sqlite_database_url).with_plugins("webhooks")


@pytest.mark.slow
async def test_while_a_hub_runs_both_are_replaced_without_one_failed_attempt(embedded_cli):
    async def run(*command):
        result = await asyncio.to_thread(embedded_cli.run, *command)
        assert result.returncode == 0, result.stderr
        return result.stdout

    async with Receiver() as receiver:
        key, example = await _subscribe(embedded_cli, receiver)
        with embedded_cli.serving() as (process, url):
            async with _Traffic(url, key, example) as traffic:
                for _ in range(2):
                    await traffic.goes_on()
                    assert "Sealed 400 subscriptions again; 400 are sealed" in await run("secrets", "rotate")
                await traffic.goes_on()
                made = await run("keys", "create", "--company", "7", "--name", "n", "--scope", "events:read")
                answer = await traffic.client.get("/me", headers={"X-Api-Key": made.strip()})
                assert answer.status_code == 200
                await traffic.goes_on()
                listed = await traffic.client.get("/webhooks/subscriptions", headers={"X-Company-Id": "7"})
                assert {one["status"] for one in listed.json()["subscriptions"]} == {"active"}
            await _check_delivered(embedded_cli, receiver, traffic.sent)
            assert process.stop() == 0
            assert "unreadable" not in process.errors.read_text()


@pytest.mark.slow
async def test_one_that_is_killed_in_the_middle_leaves_both_keys_working_and_is_run_again(embedded_cli):
    secrets = embedded_cli.database.with_name(f"{embedded_cli.database.name}.secrets")

    def first():
        return embedded_cli.execute("SELECT sealed FROM subscriptions ORDER BY no LIMIT 1")

    async with Receiver() as receiver:
        key, example = await _subscribe(embedded_cli, receiver)
        for _ in range(10):  # on a busy machine it may have ended before it is killed
            before = first()
            with embedded_cli.started("secrets", "rotate", "--encryption-key") as process:
                wait_until(lambda before=before: first() != before)
                process.popen.kill()
                process.popen.wait()
            file = json.loads(secrets.read_text())
            if file["other_encryption_keys"]:
                break
        assert len(file["other_encryption_keys"]) == 1

        with embedded_cli.serving() as (process, url):
            async with _Traffic(url, key, example) as traffic:
                await traffic.goes_on()
                result = await asyncio.to_thread(embedded_cli.run, "secrets", "rotate", "--encryption-key")
                assert result.returncode == 0, result.stderr
                await traffic.goes_on()
            await _check_delivered(embedded_cli, receiver, traffic.sent)
        assert json.loads(secrets.read_text()) == file  # continued, not restarted
        assert embedded_cli.run("secrets", "check").returncode == 0


@pytest.mark.slow
async def test_processes_on_postgresql_deliver_while_the_key_is_exchanged(postgres_cli):
    old, new = postgres_cli.environment["TRUNKLINE_AUTH__ENCRYPTION_KEY"], "n" * 40
    first = postgres_cli.changed(**UNLIMITED, TRUNKLINE_AUTH__OTHER_ENCRYPTION_KEYS=json.dumps([new]))
    alone = first.changed(TRUNKLINE_AUTH__ENCRYPTION_KEY=new, TRUNKLINE_AUTH__OTHER_ENCRYPTION_KEYS="")
    second = alone.changed(TRUNKLINE_AUTH__OTHER_ENCRYPTION_KEYS=json.dumps([old]))
    rotate = (second.run, "secrets", "rotate", "--encryption-key")
    async with Receiver() as receiver:
        key, example = await _subscribe(first, receiver)
        with first.serving() as (_, url):
            async with _Traffic(url, key, example) as traffic:
                await traffic.goes_on()
                result = await asyncio.to_thread(*rotate)
                assert result.stdout.startswith("Sealed 400 subscriptions again"), result.stderr
                await traffic.goes_on()
                request = {"target_url": f"{receiver.url}/late", "event_types": ["payment.failed"]}
                of_seven = {"X-Company-Id": "7"}
                made = await traffic.client.post("/webhooks/subscriptions", json=request, headers=of_seven)
                assert made.status_code == 201, made.text
                await traffic.goes_on()
                check = await asyncio.to_thread(second.run, "secrets", "check")
                assert check.returncode == 1
                assert "1 subscriptions stand under another encryption key" in check.stderr
                assert "Sealed 1 subscriptions again" in (await asyncio.to_thread(*rotate)).stdout
            await receiver.wait_for(traffic.sent * EACH, timeout_seconds=60)
        assert len(receiver.requests) == traffic.sent * EACH
    assert alone.run("secrets", "check").returncode == 0


def test_secrets_of_the_settings_are_not_forgotten_but_said_to_be_there(migrated_cli):
    forgotten = migrated_cli.done("secrets", "forget")
    assert forgotten == "The settings have the secrets, so no file has old ones to forget.\n"
