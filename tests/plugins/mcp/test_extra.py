"""Without the extra, or with an unsuitable version of it, the plugin is left out and the hub runs as before."""

import pytest

SENTENCE = "Plugin 'mcp' needs the package 'mcp<3,>=2.3'; install with: pip install 'trunkline[mcp]'"
METADATA = "Metadata-Version: 2.4\nName: mcp\nVersion: 1.30.0\n"


@pytest.fixture
def old_sdk(tmp_path) -> str:
    """Make a folder for ``PYTHONPATH`` in which an older SDK seems to be installed."""
    folder = tmp_path / "old" / "mcp-1.30.0.dist-info"
    folder.mkdir(parents=True)
    (folder / "METADATA").write_text(METADATA)
    return str(folder.parent)


@pytest.mark.slow
def test_the_plugin_is_listed_with_the_command_and_the_hub_runs(serve_hub, old_sdk):
    hub = serve_hub(PYTHONPATH=old_sdk)
    (line,) = (line for line in hub.run("plugins").splitlines() if line.startswith("mcp"))
    assert "disabled" in line
    assert SENTENCE in line
    assert hub.call("GET", "/api/v1/me")["company_id"] == 92
    with hub.client() as client:
        assert client.post("/mcp", json={}).status_code == 404
    assert "mcp" not in (hub.folder / "err.txt").read_text()


@pytest.mark.slow
def test_a_hub_that_asks_for_it_by_name_does_not_start(serve_hub, old_sdk):
    with pytest.raises(AssertionError, match="pip install 'trunkline\\[mcp\\]'"):
        serve_hub(PYTHONPATH=old_sdk, TRUNKLINE_PLUGINS__ENABLED='["mcp"]')
