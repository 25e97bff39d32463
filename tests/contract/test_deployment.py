"""The container, compose and proxy files: every name in them exists. Building images needs an engine, which is not available here."""

import json
import re
import shlex
import shutil
import sys
import tomllib
from pathlib import Path

import pytest
import yaml
from tests import programs
from tests.some import some

from trunkline import settings
from trunkline.cli import load_commands

DEPLOY = Path(__file__).parents[2] / "docs" / "examples" / "deploy"
ROOT = DEPLOY.parents[2]
COMPOSE = yaml.safe_load((DEPLOY / "compose.yaml").read_text())
OURS = {name: service for name, service in COMPOSE["services"].items() if service.get("image") == "trunkline"}


def _options(command_name):
    command = load_commands().commands[command_name]
    return {option for parameter in command.params for option in (*parameter.opts, *parameter.secondary_opts)}


def _check_command(words):
    name, *rest = words
    assert {word for word in rest if word.startswith("--")} <= _options(name), words


def test_every_service_of_ours_runs_a_command_that_exists_with_options_that_exist():
    assert set(OURS) == {"migrate", "api", "worker"}
    for service in OURS.values():
        _check_command(service["command"])


def test_the_images_default_command_exists():
    lines = (DEPLOY / "Containerfile").read_text().splitlines()
    assert next(line for line in lines if line.startswith("ENTRYPOINT")) == 'ENTRYPOINT ["trunkline"]'
    default = next(line for line in lines if line.startswith("CMD"))
    _check_command(yaml.safe_load(default.removeprefix("CMD ")))


def test_every_setting_in_the_compose_file_is_one():
    environment = OURS["api"]["environment"] | {
        "TRUNKLINE_DATABASE__URL": "postgresql://trunkline:x@postgres/trunkline",
        "TRUNKLINE_AUTH__PEPPER": "p" * 32,
        "TRUNKLINE_AUTH__ENCRYPTION_KEY": "k" * 32,
    }
    loaded = settings.load(environment=environment)
    assert loaded.plugin_sections == {}
    assert loaded.server.public_url == "https://events.example.com"


def test_the_figures_and_the_health_of_workers_can_be_read():
    command = OURS["worker"]["command"]
    port = command[command.index("--metrics-port") + 1]
    assert f":{port}/healthz" in OURS["worker"]["healthcheck"]["test"][-1]
    assert OURS["worker"]["environment"]["TRUNKLINE_SERVER__HOST"] == "0.0.0.0"


@pytest.mark.parametrize(
    "file", ["docs/examples/deploy/compose.yaml", "kit/trunkline_kit/beginning/templates/compose.yaml.jinja"]
)
def test_postgresql_is_not_healthy_while_it_is_set_up(file):
    (check,) = re.findall(r"test: \[CMD, pg_isready, (.+)\]", (ROOT / file).read_text())
    assert "--host, 127.0.0.1" in check  # the server of the set-up listens on its Unix socket only


def test_what_a_service_waits_for_and_mounts_is_there():
    services = set(COMPOSE["services"])
    for service in COMPOSE["services"].values():
        assert set(service.get("depends_on", ())) <= services
        for secret in service.get("secrets", ()):
            assert secret in COMPOSE["secrets"]
    mounted = [volume for volume in COMPOSE["services"]["proxy"]["volumes"] if volume.startswith("./nginx")]
    assert (DEPLOY / mounted[0].split(":")[0]).is_file()


def test_everything_that_the_container_file_copies_is_in_the_checkout():
    lines = (DEPLOY / "Containerfile").read_text().splitlines()
    copies = [line for line in lines if line.startswith("COPY") and "--from" not in line]
    for line in some(copies):
        *sources, _target = shlex.split(line)[1:]
        assert all((ROOT / source).exists() for source in sources), line


def test_the_proxy_lets_a_whole_batch_and_a_whole_long_poll_through():
    text = (DEPLOY / "nginx.conf").read_text()
    assert int(re.search(r"client_max_body_size (\d+)m", text)[1]) > 16
    assert int(re.search(r"proxy_read_timeout (\d+)s", text)[1]) > 30


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["sample", "sqlite", "postgresql", "postgresql://acme@db.example.com/acme"])
def test_compose_itself_takes_the_sample_and_what_init_writes(tmp_path, kind):
    if shutil.which("docker-compose") is None:
        pytest.skip("there is no compose here: Debian's package 'docker-compose' brings it")
    if kind == "sample":
        shutil.copytree(DEPLOY, tmp_path, dirs_exist_ok=True)
        (tmp_path / "trunkline.env").write_text("TRUNKLINE_DATABASE__URL=postgresql://x/y\n")
        (tmp_path / "postgres_password").write_text("secret")
    else:
        asked = ["--name", "Acme", "--event", "order.placed", "--database", kind]
        programs.output_of(sys.executable, "-m", "trunkline.cli", "init", *asked, cwd=tmp_path)
    done = programs.run("docker-compose", "config", "--format", "json", cwd=tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    services = json.loads(done.stdout)["services"]
    for name, service in services.items():
        assert (service["read_only"], service["cap_drop"]) == (True, ["ALL"]), name


ROOTS_CAPABILITIES = {"CHOWN", "DAC_OVERRIDE", "FOWNER", "NET_BIND_SERVICE", "SETGID", "SETUID"}
"""Capabilities that an image may keep if it starts as root and drops to another user."""


def test_every_container_is_confined_and_ours_keeps_no_capability():
    for name, service in COMPOSE["services"].items():
        assert service["cap_drop"] == ["ALL"], name
        assert service["read_only"] is True, name
        assert "no-new-privileges:true" in service["security_opt"], name
        assert set(service.get("cap_add", ())) <= ROOTS_CAPABILITIES, name
    assert not any("cap_add" in service or "user" in service for service in OURS.values())
    assert "USER trunkline" in (DEPLOY / "Containerfile").read_text().splitlines()


def test_the_image_installs_what_the_tests_ran_with_and_checks_each_hash():
    text = (DEPLOY / "requirements.lock").read_text()
    requirements = [entry.split() for entry in text.replace("\\\n", "").splitlines()]
    tested = dict(line.split("==") for line in (ROOT / "constraints.txt").read_text().split() if "==" in line)
    for pin, *rest in requirements:
        name, _, version = pin.partition("==")
        assert version == tested[name], pin
        assert any(re.fullmatch(r"--hash=sha256:[0-9a-f]{64}", word) for word in rest), pin
    names = {pin.partition("==")[0] for pin, *_ in requirements}
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    extras = project["optional-dependencies"]
    wanted = [*project["dependencies"], *extras["redis"], *extras["mcp"], *extras["otel"], "hatchling"]
    assert {re.match(r"[\w.-]+", one)[0].lower() for one in wanted} <= names
    install = (DEPLOY / "Containerfile").read_text()
    assert "--require-hashes --requirement requirements.lock" in install
