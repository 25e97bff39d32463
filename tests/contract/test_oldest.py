"""Every file that names the oldest Python, SQLite or PostgreSQL has the version of ``trunkline.oldest``."""

import re
import tomllib
from pathlib import Path

from trunkline import oldest

ROOT = Path(__file__).parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
PROMISES = {
    "Python": oldest.version(oldest.PYTHON),
    "SQLite": oldest.version(oldest.SQLITE),
    "PostgreSQL": str(oldest.POSTGRESQL),
}


def promised(file: Path) -> set[tuple[str, str]]:
    return set(re.findall(r"\b(Python|SQLite|PostgreSQL) ([\d.]+\d|\d+) or newer", file.read_text()))


def test_the_readme_names_all_three():
    assert promised(ROOT / "README.md") == set(PROMISES.items())


def test_no_page_and_no_message_names_another():
    pages = [*ROOT.glob("*.md"), ROOT / "Makefile", *ROOT.glob("docs/**/*.md")]
    named = {(page.name, *pair) for page in pages for pair in promised(page) if page.name != "CHANGELOG.md"}
    assert {(page, *pair) for page, *pair in named if tuple(pair) not in PROMISES.items()} == set()


def test_the_distribution_installs_on_the_oldest_python_and_the_checks_judge_for_it():
    version = PROMISES["Python"]
    tools = PROJECT["tool"]
    assert PROJECT["project"]["requires-python"] == f">={version}"
    assert tools["mypy"]["python_version"] == tools["pyright"]["pythonVersion"] == version
    assert tools["ruff"]["target-version"] == f"py{version.replace('.', '')}"
    assert f"sys.version_info < {oldest.PYTHON}" in (ROOT / "Makefile").read_text()
    python = "Programming Language :: Python :: "
    assert (
        min(line for line in PROJECT["project"]["classifiers"] if line.startswith(python)) == python + version
    )
