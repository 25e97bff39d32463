"""The distribution built from the checkout is complete, and both kinds of installation work."""

import sys
import sysconfig
import tarfile
import venv
import zipfile
from pathlib import Path, PurePosixPath

import pytest
from tests import programs
from tests.programs import output_of

import trunkline

ROOT = Path(__file__).parents[2]
PACKAGES = (
    "core/trunkline",
    "plugins/webhooks/trunkline_webhooks",
    "plugins/polling/trunkline_polling",
    "plugins/actions/trunkline_actions",
    "plugins/searches/trunkline_searches",
    "plugins/crm/trunkline_crm",
    "plugins/zapier/trunkline_zapier",
    "plugins/n8n/trunkline_n8n",
    "plugins/make/trunkline_make",
    "plugins/portal/trunkline_portal",
    "plugins/docs/trunkline_docs",
    "plugins/mcp/trunkline_mcp",
    "plugins/oauth/trunkline_oauth",
    "plugins/alerts/trunkline_alerts",
    "schemas/trunkline_schemas",
    "clients/python/src/trunkline_client",
)
USE = """
import trunkline, trunkline_schemas
from importlib.metadata import entry_points, version
from importlib.resources import files

assert version("trunkline") == trunkline.__version__
assert {"webhooks", "polling"} <= {entry.name for entry in entry_points(group="trunkline") if entry.load()}
assert any(file.name == "client.created.json" for file in files(trunkline_schemas).joinpath("events").iterdir())
assert any(file.name == "create_lead.json" for file in files(trunkline_schemas).joinpath("actions").iterdir())
print(trunkline.__file__)
"""

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Build the source archive, and the wheel from that archive; give their folder."""
    folder = tmp_path_factory.mktemp("dist")
    output_of(sys.executable, "-m", "build", "--no-isolation", "--outdir", folder, ROOT, cwd=folder)
    return folder


@pytest.fixture(scope="module")
def kit(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("kit")
    output_of(
        sys.executable,
        *("-m", "build", "--no-isolation", "--wheel", "--outdir"),
        folder,
        ROOT / "kit",
        cwd=folder,
    )
    (wheel,) = folder.glob("*.whl")
    return wheel


@pytest.fixture
def environment(tmp_path: Path) -> Path:
    """Make a fresh virtual environment that uses this one's dependencies, but not its trunkline."""
    folder = tmp_path / "environment"
    venv.create(folder, symlinks=True)
    (site_packages,) = folder.glob("lib/python*/site-packages")
    # Python does not follow the .pth files of a folder that a .pth file names, so the editable trunkline stays out.
    site_packages.joinpath("borrowed.pth").write_text(sysconfig.get_path("purelib") + "\n")
    return folder


def install(environment: Path, *what: str | Path) -> None:
    pip = (sys.executable, "-m", "pip", "--python", environment / "bin/python", "install", "--quiet")
    offline = ("--no-index", "--no-deps", "--no-build-isolation", "--ignore-installed")
    output_of(*pip, *offline, *what, cwd=environment)


def files_of(package: str) -> set[str]:
    folder = ROOT / package
    files = (path.relative_to(folder.parent) for path in folder.rglob("*") if path.is_file())
    return {path.as_posix() for path in files if "__pycache__" not in path.parts}


def metadata_of(wheel: Path) -> list[str]:
    with zipfile.ZipFile(wheel) as archive:
        (name,) = (name for name in archive.namelist() if name.endswith(".dist-info/METADATA"))
        return archive.read(name).decode().splitlines()


def test_the_wheel_holds_every_file_of_the_packages_and_no_other(built):
    (wheel,) = built.glob("*.whl")
    names = {name for name in zipfile.ZipFile(wheel).namelist() if ".dist-info/" not in name}
    assert names == set().union(*map(files_of, PACKAGES))


@pytest.mark.parametrize("package", PACKAGES)
def test_the_wheel_says_that_each_package_is_typed(built, package):
    (wheel,) = built.glob("*.whl")
    assert f"{PurePosixPath(package).name}/py.typed" in zipfile.ZipFile(wheel).namelist()


@pytest.mark.parametrize(("extra", "line"), [("redis", "redis>=6"), ("mcp", "mcp<3,>=2.3")])
def test_what_few_need_comes_with_an_extra_only(built, extra, line):
    (wheel,) = built.glob("*.whl")
    lines = metadata_of(wheel)
    assert f"Provides-Extra: {extra}" in lines
    assert [line for line in lines if line.startswith(f"Requires-Dist: {extra}")] == [
        f"Requires-Dist: {line}; extra == '{extra}'"
    ]


def test_the_kit_is_a_distribution_of_its_own_for_one_version_of_the_hub(built, kit):
    (wheel,) = built.glob("*.whl")
    of_hub, of_kit = metadata_of(wheel), metadata_of(kit)
    assert not [line for line in of_hub if "pytest" in line or "pgserver" in line or "hypothesis" in line]
    assert {f"Requires-Dist: trunkline=={trunkline.__version__}", "Requires-Dist: pytest>=9.1"} <= set(of_kit)
    (version,) = (line for line in of_kit if line.startswith("Version: "))
    assert version.startswith(f"Version: {trunkline.HOOK_API}.")
    names = {name for name in zipfile.ZipFile(kit).namelist() if ".dist-info/" not in name}
    assert names == files_of("kit/trunkline_kit") | files_of("kit/trunkline_pytest")


def test_what_the_kit_brings_says_so_where_it_is_missing_and_works_where_it_is_not(built, kit, environment):
    install(environment, *built.glob("*.whl"))
    for command in ("demo", "init", "new", "dev", "plugins search"):
        asked = (environment / "bin/trunkline", *command.split(), "--help")
        done = programs.run(*asked, cwd=environment)
        sentence = f"'trunkline {command}' comes with the conformance kit: pip install trunkline-kit\n"
        assert (done.returncode, done.stdout, done.stderr) == (2, "", sentence)
    script = "import trunkline.testing.receiver"
    asked = (environment / "bin/python", "-I", "-c", script)
    done = programs.run(*asked, cwd=environment)
    assert done.stderr.endswith(
        "ImportError: trunkline.testing comes with the conformance kit: pip install trunkline-kit\n"
    )
    install(environment, kit)
    output_of(*asked, cwd=environment)
    for command in ("demo", "init", "new", "dev", "plugins search"):
        assert f"Usage: trunkline {command}" in output_of(
            environment / "bin/trunkline", *command.split(), "--help", cwd=environment
        )
    output_of(environment / "bin/trunkline", "new", "plugin", "acme", "--yes", cwd=environment)
    assert (environment / "trunkline-acme/tests/test_conformance.py").exists()


def test_the_source_archive_holds_what_a_packager_needs(built):
    (archive,) = built.glob("*.tar.gz")
    with tarfile.open(archive) as source:
        names = {name.partition("/")[2] for name in source.getnames()}
    needed = {"pyproject.toml", "constraints.txt", "Makefile", "README.md", "LICENSE", "CHANGELOG.md"}
    assert needed - names == set()
    assert {"tests/contract/test_distribution.py", "docs/README.md"} - names == set()


def test_a_plain_installation_works_without_the_checkout(built, environment):
    (wheel,) = built.glob("*.whl")
    install(environment, wheel)
    assert Path(
        output_of(environment / "bin/python", "-I", "-c", USE, cwd=environment).strip()
    ).is_relative_to(environment)


def test_an_editable_installation_uses_the_checkout(environment):
    install(environment, "--editable", ROOT)
    assert Path(
        output_of(environment / "bin/python", "-I", "-c", USE, cwd=environment).strip()
    ).is_relative_to(ROOT)
