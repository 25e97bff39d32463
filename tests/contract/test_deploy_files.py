"""The files in ``deploy``: their own tools accept them, and every name in them exists in the hub."""

import json
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from tests import programs
from tests.some import some

from trunkline import settings
from trunkline.cli import load_commands
from trunkline.cli.supervisor import STOP_SECONDS

DEPLOY = Path(__file__).parents[2] / "deploy"
DASHBOARD = json.loads((DEPLOY / "grafana" / "trunkline.json").read_text())
ALERTS = yaml.safe_load((DEPLOY / "prometheus" / "alerts.yml").read_text())
HELM = "helm-python-sdk==0.2.2"
"""Helm's own code as a library, which no package of Debian contains."""
KUBERNETES = "kubernetes-validate==1.37.0"
"""The schemas of Kubernetes' own API, of each of its versions."""
RENDER = """if True:
    import json, sys
    from helm_python.chart import Chart, lint
    chart, values = Chart.load(sys.argv[1]), json.loads(sys.argv[2])
    try:
        print(json.dumps({"lint": lint(sys.argv[1], values=values), "files": chart.render(values=values, name="hub")}))
    except Exception as error:
        print(json.dumps({"error": str(error)}))
"""
JUDGE = """if True:
    import json, sys
    from kubernetes_validate import validate
    for item in json.load(sys.stdin):
        validate(item, sys.argv[1], strict=True)
"""
EVERYTHING = {
    "existingSecret": "hub-secrets",
    "settings": {
        "TRUNKLINE_SERVER__PUBLIC_URL": "https://events.example.com",
        "TRUNKLINE_LIMITS__ENABLED": False,
        "TRUNKLINE_SERVER__MAX_BODY_BYTES_IN_FLIGHT": 268_435_456,
        "TRUNKLINE_DELIVERY__RETRY_JITTER": 0.3,
        "TRUNKLINE_SERVER__TRUSTED_PROXIES": '["10.0.0.0/8"]',
    },
    "schemas": {"events": "our-events"},
    "ingress": {"enabled": True, "className": "nginx", "tlsSecret": "tls", "annotations": {"a": "b"}},
    "podMonitor": {"enabled": True},
    "nodeSelector": {"disk": "ssd"},
    "imagePullSecrets": [{"name": "registry"}],
}


def expressions() -> Iterator[str]:
    for panel in DASHBOARD["panels"]:
        yield from (target["expr"] for target in panel["targets"])
    for group in ALERTS["groups"]:
        yield from (rule["expr"] for rule in group["rules"])


def check_command(words: list[str]) -> None:
    name, *rest = words
    command = load_commands().commands[name]
    known = {option for parameter in command.params for option in parameter.opts}
    assert {word for word in rest if word.startswith("--")} <= known, words


def test_every_metric_that_is_named_is_one():
    page = (DEPLOY.parent / "docs" / "reference" / "metrics.md").read_text()
    known = set(re.findall(r"^- `(trunkline_\w+)`", page, re.MULTILINE))
    named = {
        re.sub(r"_(bucket|count|sum)$", "", name)
        for text in expressions()
        for name in re.findall(r"trunkline_\w+", text)
    }
    assert named - known == set()
    assert len(named) > 10


def test_each_rule_leads_to_a_section_that_says_what_to_do():
    rules = [rule for group in ALERTS["groups"] for rule in group["rules"]]
    found = {}
    for rule in some(rules):
        page, _, anchor = rule["annotations"]["runbook_url"].partition("#")
        sections = re.split(r"^## (.+)$", (DEPLOY.parent / page).read_text(), flags=re.MULTILINE)
        headings = [title.lower() for title in sections[1::2]]
        found[rule["alert"]] = sections[2 + 2 * headings.index(anchor)].strip() if anchor in headings else ""
    assert [name for name, text in found.items() if len(text) < 40] == []


def test_the_dashboard_has_no_panel_over_another():
    places = [panel["gridPos"] for panel in DASHBOARD["panels"]]
    cells = [
        (x, y) for p in places for x in range(p["x"], p["x"] + p["w"]) for y in range(p["y"], p["y"] + p["h"])
    ]
    assert len(cells) == len(set(cells))
    assert max(x for x, _ in cells) < 24
    assert len({panel["id"] for panel in DASHBOARD["panels"]}) == len(DASHBOARD["panels"])


def test_the_units_run_commands_that_exist():
    for unit in (DEPLOY / "systemd").iterdir():
        (line,) = re.findall(r"^ExecStart=\S+/trunkline (.+)$", unit.read_text(), re.MULTILINE)
        check_command(line.split())


def test_systemd_starts_a_process_again_until_its_database_is_there():
    for unit in some((DEPLOY / "systemd").iterdir()):
        named = dict(re.findall(r"^(\w+)=(.*)$", unit.read_text(), re.MULTILINE))
        assert (named["Restart"], named["StartLimitIntervalSec"]) == ("always", "0"), unit
        assert "RestartPreventExitStatus" not in named, unit


def test_whoever_stops_a_hub_waits_for_its_drain_and_for_what_is_in_flight():
    templates = DEPLOY.parent / "kit" / "trunkline_kit" / "beginning" / "templates"
    given = {
        DEPLOY / "systemd" / "trunkline.service": r"TimeoutStopSec=(\d+)",
        DEPLOY / "helm" / "templates" / "api.yaml": r"terminationGracePeriodSeconds: (\d+)",
        DEPLOY.parent / "docs" / "examples" / "deploy" / "compose.yaml": r"stop_grace_period: (\d+)s",
        templates / "compose.yaml.jinja": r"stop_grace_period: (\d+)s",
    }
    for file, pattern in some(given.items()):
        (seconds,) = re.findall(pattern, file.read_text())
        assert int(seconds) >= settings.load(environment={}).server.drain_seconds + STOP_SECONDS, file


@pytest.mark.slow
def test_systemd_takes_the_units(tmp_path):
    if shutil.which("systemd-analyze") is None:
        pytest.skip("there is no systemd here: Debian's package 'systemd' brings it")
    for unit in some((DEPLOY / "systemd").iterdir()):
        copy = tmp_path / unit.name
        copy.write_text(unit.read_text().replace("/opt/trunkline/bin/trunkline", "/bin/true"))
        done = programs.run("systemd-analyze", "verify", copy)
        assert (done.returncode, unit.name in done.stderr) == (0, False), done.stderr


@pytest.mark.slow
def test_prometheus_takes_the_rules_and_each_wakes_somebody_just_where_it_should(tmp_path):
    if shutil.which("promtool") is None:
        pytest.skip("there is no promtool here: Debian's package 'prometheus' brings it")
    for arguments in (["check", "rules", "alerts.yml"], ["test", "rules", "alerts_test.yml"]):
        programs.output_of("promtool", *arguments, cwd=DEPLOY / "prometheus")
    rules = [
        {"record": f"panel:{number}", "expr": text.replace("$__rate_interval", "5m")}
        for number, text in enumerate(expressions())
    ]
    drawn = tmp_path / "dashboard.yml"
    drawn.write_text(yaml.safe_dump({"groups": [{"name": "dashboard", "rules": rules}]}))
    programs.output_of("promtool", "check", "rules", drawn)


@pytest.fixture(scope="module")
def tools(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Make a virtual environment with Helm and the schemas of Kubernetes."""
    folder = tmp_path_factory.mktemp("helm")
    subprocess.run([sys.executable, "-m", "venv", folder], check=True)
    subprocess.run([folder / "bin" / "pip", "install", "--quiet", HELM, KUBERNETES], check=True, timeout=300)
    return folder / "bin" / "python"


@pytest.fixture(scope="module")
def helm(tools: Path) -> Any:
    """Give a function that renders the chart with values, by Helm itself."""

    def render(values: dict[str, Any]) -> dict[str, Any]:
        return json.loads(programs.output_of(tools, "-c", RENDER, DEPLOY / "helm", json.dumps(values)))

    return render


def objects(rendered: dict[str, Any]) -> list[dict[str, Any]]:
    return [item for text in rendered["files"].values() for item in yaml.safe_load_all(text) if item]


@pytest.mark.slow
@pytest.mark.timeout(400)
def test_helm_takes_the_chart_and_its_pods_are_confined(helm):
    rendered = helm(EVERYTHING)
    assert [message for message in rendered["lint"]["messages"] if message["severity"] > 1] == []
    made = objects(rendered)
    assert sorted(item["kind"] for item in made) == [
        "Deployment", "Deployment", "Ingress", "Job", "PodDisruptionBudget", "PodMonitor", "Service"
    ]  # fmt: skip
    for item in made:
        if item["kind"] not in {"Deployment", "Job"}:
            continue
        pod = item["spec"]["template"]["spec"]
        (container,) = pod["containers"]
        assert (pod["securityContext"]["runAsNonRoot"], pod["automountServiceAccountToken"]) == (True, False)
        assert container["securityContext"] == {
            "allowPrivilegeEscalation": False, "readOnlyRootFilesystem": True, "capabilities": {"drop": ["ALL"]}
        }  # fmt: skip
        check_command(container["args"])
        environment = {entry["name"]: str(entry["value"]) for entry in container["env"]}
        loaded = settings.load(environment=environment)
        assert (loaded.product.schemas, loaded.limits.enabled) == (("./schemas",), False)
        assert (loaded.server.max_body_bytes_in_flight, loaded.delivery.retry_jitter) == (268_435_456, 0.3)
        assert environment["TRUNKLINE_SERVER__TRUSTED_PROXIES"] == '["10.0.0.0/8"]'
        assert {mount["name"] for mount in container["volumeMounts"]} == {v["name"] for v in pod["volumes"]}
    (ingress,) = [item for item in made if item["kind"] == "Ingress"]
    paths = [path["path"] for path in ingress["spec"]["rules"][0]["http"]["paths"]]
    page = (DEPLOY.parent / "docs" / "reference" / "http.md").read_text()
    served = set(re.findall(r"`(?:[A-Z]+) (/[^/`?]+)", page))
    assert {*paths} == served - {"/metrics"} | {"/portal"}


@pytest.mark.slow
@pytest.mark.timeout(400)
@pytest.mark.parametrize("version", ["1.28", "1.34"])
def test_kubernetes_knows_every_field_of_what_helm_makes(helm, tools, version):
    made = [
        item for item in objects(helm(EVERYTHING)) if item["kind"] != "PodMonitor"
    ]  # its schema comes from another project
    assert len(made) == 6
    programs.output_of(tools, "-c", JUDGE, version, input=json.dumps(made))


@pytest.mark.slow
@pytest.mark.timeout(400)
def test_helm_names_what_is_missing_or_no_setting(helm):
    assert "/existingSecret" in helm({})["error"]
    assert "invalid propertyName 'PORT'" in helm({"existingSecret": "x", "settings": {"PORT": "1"}})["error"]
    lean = objects(helm({"existingSecret": "x", "worker": {"replicas": 0}, "migrate": {"enabled": False}}))
    assert sorted(item["kind"] for item in lean) == ["Deployment", "PodDisruptionBudget", "Service"]
