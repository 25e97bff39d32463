"""``doctor`` without a URL: its findings at healthy and at faulty hubs."""

import asyncio
import json
import re
import sys
import time
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import asyncpg
import pytest
from tests import clock_steps
from tests.conftest import MakeHub
from tests.core.cli.conftest import LOOSE, SECRETS
from tests.waiting import until

from trunkline.cli.doctor.hub import database as examination
from trunkline.cli.doctor.hub import targets
from trunkline.settings import Settings
from trunkline.store.clock import ClockGuard
from trunkline_kit.receiver import Answer, Receiver

DAY_SECONDS = 86_400
PRODUCTION = {"TRUNKLINE_SERVER__PUBLIC_URL": "https://events.example.com", "TRUNKLINE_SERVER__PORT": "1"}
SHARED = [
    "start", "plugins", "public-url", "target-policy", "rate-limits", "database", "schema", "writing", "secrets", "clock", "alert-recipients", "audit", "hub",
]  # fmt: skip


def with_settings(cli, **environment: str):
    return cli.changed(**(PRODUCTION | environment))


def examine(cli, *arguments: str, **environment: str) -> dict[str, dict[str, str]]:
    result = with_settings(cli, **environment).invoke("doctor", "--json", *arguments)
    assert result.exit_code == (2 if '"error"' in result.stdout else 0), result.output
    return {check["name"]: check for check in json.loads(result.stdout)["checks"]}


def faulty(checks: dict[str, dict[str, str]]) -> dict[str, str]:
    return {name: check["status"] for name, check in checks.items() if check["status"] != "ok"}


def seen_in(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.mark.parametrize(("engine_cli", "own"), [("migrated_cli", "disk"), ("postgres_cli", "connections")])
def test_a_hub_that_is_well_has_a_line_for_each_check_and_nothing_of_it_is_changed(request, engine_cli, own):
    cli = request.getfixturevalue(engine_cli)
    before = seen_in(cli.folder.parent)
    result = with_settings(cli).invoke("doctor")
    rows = [line.split("\t") for line in result.stdout.splitlines()]
    assert sorted(row[0] for row in rows) == sorted([*SHARED, own])
    assert [row[0] for row in rows if row[1] != "ok"] == []
    assert (result.exit_code, result.stderr) == (0, "Errors: 0, warnings: 0, ok: 14.\n")
    assert seen_in(cli.folder.parent) == before


def test_warnings_count_in_the_exit_code_where_they_are_asked_for(migrated_cli):
    assert with_settings(migrated_cli).invoke("doctor", "--strict").exit_code == 0
    warned = with_settings(migrated_cli, TRUNKLINE_LIMITS__ENABLED="false")
    assert warned.invoke("doctor").exit_code == 0
    strict = warned.invoke("doctor", "--strict", "--json")
    assert strict.exit_code == 1
    checks = json.loads(strict.stdout)
    assert set(checks) == {"checks"}
    for check in checks["checks"]:
        assert set(check) == {"name", "status", "detail"} | ({"fix"} if check["status"] != "ok" else set())


def test_what_is_for_a_receiver_and_what_is_for_the_hub_are_told_apart(cli):
    assert "leave the URL out" in cli.refused("doctor", "https://example.com/", "--targets")


@pytest.mark.parametrize("host", ["nope.invalid", "", "192.0.2.1", f"{'x' * 70}.example"])
def test_a_host_at_which_no_hub_can_listen_is_an_error_that_names_it(migrated_cli, host):
    check = examine(migrated_cli, TRUNKLINE_SERVER__HOST=host)["hub"]
    assert check["status"] == "error"
    assert check["detail"].startswith(f"No hub can listen at server.host, '{host}': ")
    told = with_settings(migrated_cli, TRUNKLINE_SERVER__HOST=host).refused("serve")
    assert told.startswith("Setting 'server.host' and ")


def test_settings_that_cannot_be_read_are_the_one_error(cli):
    (check,) = examine(cli, TRUNKLINE_SERVER__PORT="abc").values()
    assert check["name"] == "settings"
    assert check["detail"] == "Setting 'server.port': must be a whole number, not 'abc'"


def test_a_start_that_would_fail_is_an_error_and_the_database_is_examined_all_the_same(migrated_cli):
    checks = examine(migrated_cli, TRUNKLINE_PLUGINS__ENABLED="webhooks,nothing")
    assert "'nothing'" in checks["start"]["detail"]
    assert checks["secrets"]["status"] == "ok"


@pytest.mark.parametrize(
    ("environment", "sentence"),
    [
        ({"TRUNKLINE_BRAND__LOGO": "gone.svg"}, "Setting 'brand.logo': "),
        (
            {"TRUNKLINE_OTEL__ENABLED": "true"},
            "Setting 'otel.enabled': needs OpenTelemetry's SDK; install it with: pip install 'trunkline[otel]'",
        ),
    ],
)
def test_a_start_fails_here_by_what_fails_only_while_a_hub_makes_its_routes(
    migrated_cli, monkeypatch, environment, sentence
):
    monkeypatch.delitem(sys.modules, "trunkline.runtime.otel", raising=False)
    submodules = [name for name in sys.modules if name.startswith("opentelemetry.sdk.")]
    for name in ("opentelemetry.sdk", *submodules):
        monkeypatch.setitem(sys.modules, name, None)  # as if it were not installed
    checks = examine(migrated_cli, TRUNKLINE_PLUGINS__ENABLED="webhooks,portal", **environment)
    assert checks["start"]["status"] == "error"
    assert checks["start"]["detail"].startswith(sentence)


@pytest.mark.parametrize(
    ("environment", "name", "detail"),
    [
        ({"SERVER__PUBLIC_URL": "HTTP://h.example.com"}, "public-url", "in the clear"),
        ({"DELIVERY__ALLOW_PRIVATE_NETWORKS": "true"}, "target-policy", "services of your own network"),
        ({"DELIVERY__ALLOW_HTTP": "true"}, "target-policy", "delivery.allow_http is on for a hub at https"),
        ({"LIMITS__ENABLED": "false"}, "rate-limits", "one key can use all of the hub"),
    ],
)
def test_a_setting_that_does_not_suit_production_is_a_warning(migrated_cli, environment, name, detail):
    checks = examine(migrated_cli, **{f"TRUNKLINE_{key}": value for key, value in environment.items()})
    assert faulty(checks) == {name: "warning"}
    assert detail in checks[name]["detail"]


def test_what_is_loose_on_a_hub_for_development_is_no_warning(migrated_cli):
    checks = examine(migrated_cli, **LOOSE, TRUNKLINE_SERVER__PUBLIC_URL="http://localhost:8000")
    assert checks["target-policy"]["status"] == "ok"


def test_a_plugin_that_failed_is_a_warning_with_its_sentence(migrated_cli):
    (migrated_cli.folder / "broken.py").write_text("import nothing_that_is_here\n")
    environment = {name: value for name, value in migrated_cli.environment.items() if "PLUGINS" not in name}
    cli = replace(migrated_cli, environment=environment)
    checks = examine(cli, TRUNKLINE_PLUGINS__PATHS="broken.py")
    assert faulty(checks) == {"plugins": "warning"}
    assert "'broken' failed: " in checks["plugins"]["detail"]


def test_where_there_is_no_database_none_is_made(cli):
    checks = examine(cli)
    assert faulty(checks) == {"database": "error"}
    assert checks["database"]["detail"] == f"The database {cli.folder / 'trunkline.db'} does not exist."
    assert "'trunkline serve' or 'trunkline migrate'" in checks["database"]["fix"]
    assert list(cli.folder.iterdir()) == []


def test_a_file_that_is_no_database_of_a_hub_is_left_as_it_is(cli):
    file = cli.folder / "trunkline.db"
    file.touch()
    assert examine(cli)["database"]["detail"] == f"The database {file} has no tables of a hub."
    assert seen_in(cli.folder) == {"trunkline.db": b""}


def test_a_database_that_is_away_is_an_error_and_the_other_checks_go_on(cli):
    url = "postgresql://u:s3cret@127.0.0.1:1/n"
    checks = examine(cli, "--targets", **SECRETS, TRUNKLINE_DATABASE__URL=url)
    assert faulty(checks) == {"database": "error"}
    assert "127.0.0.1:1: ConnectionRefusedError" in checks["database"]["detail"]
    assert {"start", "rate-limits", "hub"} <= set(checks)
    assert "s3cret" not in json.dumps(checks)


def test_a_database_of_another_encoding_is_refused_by_doctor_migrate_and_serve(cli, postgres_server):
    create = "CREATE DATABASE latin ENCODING 'LATIN1' LOCALE 'C' TEMPLATE template0"
    asyncio.run(postgres_server.execute(create))
    try:
        hub = cli.with_plugins("webhooks").changed(
            **SECRETS, TRUNKLINE_DATABASE__URL=postgres_server.url_of("latin")
        )
        sentence = examine(hub)["database"]["detail"]
        assert "has the encoding LATIN1, and the hub stores any text: make one with CREATE" in sentence
        for command in (["migrate"], ["serve", "--port", "0"]):
            assert hub.refused(*command) == f"{sentence}\n"
    finally:
        asyncio.run(postgres_server.drop("latin"))


async def test_a_database_that_is_behind_or_ahead_or_too_old_is_told_apart(
    postgres_cli, postgres_database_url
):
    async def at(revision: str | None) -> dict[str, dict[str, str]]:
        connection = await asyncpg.connect(postgres_database_url)
        await connection.execute("DELETE FROM alembic_version_core")
        if revision is not None:
            await connection.execute("INSERT INTO alembic_version_core VALUES ($1)", revision)
        await connection.close()
        return await asyncio.to_thread(examine, postgres_cli)

    old, behind, ahead = await at("0017"), await at(None), await at("9999")
    assert faulty(old) == {"database": "error"}
    assert "at revision 0017, and this version goes on from 0032" in old["database"]["detail"]
    assert behind["schema"]["status"] == "error"
    assert "core (nothing → " in behind["schema"]["detail"]
    assert "secrets" not in behind
    assert ahead["schema"] == {
        "name": "schema",
        "status": "warning",
        "detail": "A later version has migrated the database: core (9999).",
        "fix": "install that version here too",
    }
    assert ahead["secrets"]["status"] == "ok"


def test_secrets_of_another_database_are_an_error(migrated_cli):
    migrated_cli.create_key("--operator")
    checks = examine(migrated_cli, TRUNKLINE_AUTH__PEPPER="q" * 32)
    assert faulty(checks) == {"secrets": "error"}
    assert "'auth.pepper': is not that of this database" in checks["secrets"]["detail"]


def test_companies_that_name_nobody_to_be_alerted_are_listed(migrated_cli):
    run = migrated_cli.done
    for company in ("92", "93"):
        target = f"https://1.1.1.1/{company}"  # nothing is sent, and no name is looked up
        run("subscriptions", "create", "--company", company, "--url", target, "--types", "lead.created")
    run("companies", "create", "--reference", "acme", "--alert-recipient", "ops@acme.example")
    run("companies", "set", "92", "--alert-recipient", "ops@example.com")
    check = examine(migrated_cli)["alert-recipients"]
    assert check["status"] == "warning"
    said = "1 of 2 companies with active subscriptions name no alert recipients: 93. "
    assert check["detail"].startswith(said)
    run("companies", "set", "93", "--alert-recipient", "ops@example.com")
    assert examine(migrated_cli)["alert-recipients"]["status"] == "ok"


async def test_a_role_that_may_only_read_is_an_error_with_what_to_grant(postgres_cli, postgres_database_url):
    connection = await asyncpg.connect(postgres_database_url)
    name = await connection.fetchval("SELECT current_database()")
    await connection.execute(f"CREATE ROLE {name}_reader LOGIN")
    try:
        await connection.execute(f"GRANT SELECT ON ALL TABLES IN SCHEMA public TO {name}_reader")
        url = postgres_database_url.replace("//postgres:", f"//{name}_reader:")
        checks = await asyncio.to_thread(examine, postgres_cli, TRUNKLINE_DATABASE__URL=url)
        assert faulty(checks) == {"writing": "error"}
        detail, fix = checks["writing"]["detail"], checks["writing"]["fix"]
        assert f"role '{name}_reader' is read-only (no INSERT, UPDATE, DELETE on " in detail
        assert f"GRANT INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO {name}_reader" in fix
        await connection.execute(f"ALTER ROLE {name}_reader CONNECTION LIMIT 5")
        few = await asyncio.to_thread(examine, postgres_cli, TRUNKLINE_DATABASE__URL=url)
        assert few["connections"]["status"] == "warning"
        said = "5 of 5 connections are free; a process of the hub takes up to 28, "
        assert few["connections"]["detail"].startswith(said)
    finally:
        await connection.execute(f"DROP OWNED BY {name}_reader")
        await connection.execute(f"DROP ROLE {name}_reader")
        await connection.close()


@pytest.mark.parametrize(
    ("late_seconds", "status"), [(1, "ok"), (5, "warning"), (90, "error"), (-90, "error")]
)
async def test_the_clock_is_compared_with_the_databases(sqlite_database, late_seconds, status):
    check = await examination.judge_clock(sqlite_database, now=lambda: time.time() - late_seconds)
    assert check.verdict == status
    assert status == "ok" or ("behind" if late_seconds > 0 else "ahead of") in check.sentence


async def test_a_clock_that_stepped_is_a_warning_whether_or_not_a_hub_has_noticed_it(sqlite_database):
    guard = ClockGuard(sqlite_database)
    await guard.look()
    await clock_steps.step(sqlite_database)
    unnoticed = await examination.judge_clock(sqlite_database)
    await guard.look()
    for check in (unnoticed, await examination.judge_clock(sqlite_database)):
        assert check.verdict == "warning"
        assert "stepped forward by 8.0 days" in check.sentence
        assert "trunkline clock confirm" in check.fix


@pytest.mark.parametrize(("free", "status"), [(99 << 20, "error"), (1000 << 20, "warning"), (2 << 30, "ok")])
def test_the_room_that_the_disk_has_is_judged(tmp_path, free, status):
    assert examination.judge_disk(tmp_path / "trunkline.db", free_bytes=lambda _: free).verdict == status


def test_a_file_that_every_account_may_read_is_a_warning(migrated_cli):
    migrated_cli.database.chmod(0o644)
    assert faulty(examine(migrated_cli)) == {"file-mode": "warning"}


def test_each_file_of_secrets_that_every_account_may_read_is_a_warning(migrated_cli):
    files = [migrated_cli.folder / ".env", migrated_cli.folder / "pepper"]
    files[0].write_text("TRUNKLINE_EVENTS__RETENTION_DAYS=90\n")
    files[1].write_text(migrated_cli.environment["TRUNKLINE_AUTH__PEPPER"])
    variables = {**migrated_cli.environment, "TRUNKLINE_AUTH__PEPPER_FILE": "pepper"}
    del variables["TRUNKLINE_AUTH__PEPPER"]
    files.append(migrated_cli.folder / "trunkline.toml")
    files[2].write_text(f'[auth]\nencryption_key = "{variables.pop("TRUNKLINE_AUTH__ENCRYPTION_KEY")}"\n')
    cli = replace(migrated_cli, environment=variables)
    for file in files:
        file.chmod(0o644)
    check = examine(cli)["secret-files"]
    assert (check["status"], check["fix"]) == ("warning", "run 'chmod o= .env pepper trunkline.toml'")
    for file in files:
        file.chmod(0o640)
    assert "secret-files" not in faulty(examine(cli))


@pytest.mark.slow
def test_it_works_while_the_hub_runs_and_asks_it(migrated_cli):
    with migrated_cli.serving() as (_, url):
        port = url.rpartition(":")[2]
        checks = examine(migrated_cli, TRUNKLINE_SERVER__PORT=port)
    assert faulty(checks) == {}
    assert checks["hub"]["detail"] == f"The hub at 127.0.0.1:{port} is ready."


@pytest.mark.parametrize(
    ("answer", "sentence"),
    [
        (
            Answer(503, body=b'{"database": "takes no writes", "plugins": "ok", "dispatcher": "off"}'),
            "is not ready: database takes no writes.",
        ),
        (Answer(200, body=b"hello"), "does not answer /readyz as a hub does"),
    ],
)
async def test_a_hub_that_is_not_ready_says_why(migrated_cli, receiver, answer, sentence):
    receiver.always(answer)
    checks = await asyncio.to_thread(examine, migrated_cli, TRUNKLINE_SERVER__PORT=str(receiver.port))
    assert sentence in checks["hub"]["detail"]


@pytest.fixture
async def target(make_tls) -> AsyncIterator[Receiver]:
    """Start a receiver with a certificate for 90 days, which this process trusts."""
    async with Receiver(ssl_context=make_tls(days=90)) as receiver:
        yield receiver


@pytest.fixture
async def subscribed(make_hub: MakeHub, sqlite_database_url: str, target: Receiver) -> Settings:
    """Give the settings of a hub that has two subscriptions at the target."""
    hub = await make_hub(sqlite_database_url, {"delivery.allow_private_networks": "true"}, dispatch=False)
    for path in ("/one", "/two"):
        await hub.subscribe(f"{target.url}{path}")
    return hub.hub.settings


@pytest.mark.parametrize(
    ("left_days", "status", "words"), [(20, "ok", ""), (13, "warning", "/ (company 92) Expires in 12 days")]
)
async def test_certificates_of_targets_that_end_within_14_days_are_named(
    subscribed, target, left_days, status, words
):
    check = await targets.examine_targets(subscribed, now=time.time() + (90 - left_days) * DAY_SECONDS)
    assert target.count == 0, "nothing was sent"
    assert check.sentence.startswith("Certificates seen: 1")
    assert check.verdict == status
    assert f"{target.url}{words}" in check.sentence if words else "Expires" not in check.sentence


async def test_a_target_that_the_address_policy_refuses_is_not_connected_to(subscribed, target):
    delivery = subscribed.delivery.model_copy(update={"allow_private_networks": False})
    strict = subscribed.model_copy(update={"delivery": delivery})
    check = await targets.examine_targets(strict, now=time.time())
    assert target.connections == 0
    assert (check.verdict, "targets that did not answer: 1" in check.sentence) == ("ok", True)


PAGE = Path(__file__).parents[4] / "docs" / "how-to" / "examine-the-hub.md"


def test_the_page_explains_every_check():
    documented = re.findall(r"^- `([\w-]+)`: ", PAGE.read_text(), re.MULTILINE)
    others = {"settings", "disk", "connections", "file-mode", "secret-files", "target-certificates"}
    assert set(documented) == {*SHARED, *others}


@pytest.mark.slow
async def test_a_hub_tells_of_a_certificate_that_ends_soon_once(sqlite_database_url, make_hub, make_tls):
    async with Receiver(ssl_context=make_tls(days=5)) as receiver:
        hub = await make_hub(sqlite_database_url, {"delivery.allow_private_networks": "true"})
        await hub.subscribe(f"{receiver.url}/one")

        async def told() -> list[dict]:
            query = {"types": "target.certificate_expiring"}
            return (await hub.client.get("/api/v1/events", params=query)).json()["events"]

        await hub.emit("lead.created")
        first = await until(told)
        await hub.emit("lead.created")
        await asyncio.sleep(6)
        assert await told() == first
    [payload] = [event["payload"] for event in first]
    assert (payload["host"], payload["company_id"]) == ("127.0.0.1", 92)
