"""A plugin that needs an extra runs with it, is left out without it, and stops the start if it was named."""

import re
import sys

import pytest

from trunkline import plugins
from trunkline.errors import ExtraMissing, PluginFailed
from trunkline.routes import require_extra
from trunkline.settings import Plugins

METADATA = """Metadata-Version: 2.4
Name: acme-birds
Version: 1.0
Provides-Extra: pigeon
Requires-Dist: pytest
Requires-Dist: pluggy>=1; extra == "pigeon"
Requires-Dist: {need}; extra == "pigeon"
Requires-Dist: absent; extra == "other"
"""
SENTENCE = "needs the package '{need}'; install with: pip install 'acme-birds[pigeon]'"
PLUGIN = """
from trunkline import Channel, hookimpl
from trunkline.routes import require_extra

require_extra("pigeon", distribution="acme-birds")

@hookimpl
def register_channels(context):
    return [Channel("pigeon", "Pigeon", "By pigeon.")]
"""


@pytest.fixture
def birds(tmp_path, monkeypatch):
    """Install a distribution whose extra has a requirement."""

    def lay_down(need: str):
        folder = tmp_path / "acme_birds-1.0.dist-info"
        folder.mkdir()
        folder.joinpath("METADATA").write_text(METADATA.format(need=need))
        tmp_path.joinpath("acme_birds.py").write_text(PLUGIN)
        monkeypatch.syspath_prepend(str(tmp_path))

    yield lay_down
    sys.modules.pop("acme_birds", None)


def admit(**chosen):
    candidate = plugins.Candidate("birds", "acme_birds", "acme-birds", "1.0", "")
    return plugins.admit([candidate], chosen=Plugins(**chosen), version="0.1.0")


def test_a_plugin_with_its_extra_runs(birds):
    birds("httpx2>=2")
    require_extra("pigeon", distribution="acme-birds")
    assert admit().active == ("birds",)


@pytest.mark.parametrize(
    ("need", "written"), [("absent>=2,<3", "absent<3,>=2"), ("pytest>=999", "pytest>=999")]
)
def test_what_is_missing_or_too_old_is_named_with_the_command_that_installs_it(birds, need, written):
    birds(need)
    with pytest.raises(ExtraMissing, match=f"^{re.escape(SENTENCE.format(need=written))}$"):
        require_extra("pigeon", distribution="acme-birds")


def test_a_plugin_without_its_extra_is_disabled_with_that_sentence_or_stops_the_start_if_it_is_named(birds):
    birds("absent")
    (record,) = admit().records
    assert (record.state, record.error) == ("disabled", f"Plugin 'birds' {SENTENCE.format(need='absent')}")
    with pytest.raises(PluginFailed, match="install with: pip install 'acme-birds\\[pigeon\\]'"):
        admit(enabled=("birds",))
