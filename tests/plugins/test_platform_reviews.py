"""The page on the platforms' reviews names tests that there are."""

import re
from pathlib import Path

import pytest

PLUGINS = Path(__file__).parent
PAGE = (PLUGINS.parents[1] / "docs/explanation/platform-reviews.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("platform", ["n8n", "Make", "Zapier"])
def test_every_test_that_the_page_names_is_one_of_its_platform(platform: str):
    section = PAGE.split(f"\n## {platform}\n")[1].split("\n## ")[0]
    files = list((PLUGINS / platform.lower()).glob("*.py"))
    written = "\n".join(file.read_text(encoding="utf-8") for file in files)
    named = set(re.findall(r"`(test_\w+|use_trigger|check_outputs)`", section))
    assert len(named) > 8
    assert sorted(name for name in named if f"def {name}(" not in written) == []
    modules = set(re.findall(r"`(test_\w+\.py)`", section))
    assert modules <= {file.name for file in files}
