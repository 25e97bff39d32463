"""``trunkline run PLUGIN NAME``: commands that plugins add."""

import sys
from pathlib import Path

import pytest

SOURCE = """
from typing import Annotated
import typer
from pydantic import BaseModel
from trunkline import NotFound, PluginContext, hookimpl
from trunkline.routes import Command

class Settings(BaseModel):
    greeting: str = "Hello"

@hookimpl
def register_settings():
    return Settings

async def greet(context: PluginContext[Settings], name: str, *, times: Annotated[int, typer.Option(help="How often.")] = 1):
    \"\"\"Greet somebody.\"\"\"
    companies = await context.activity.companies()
    return " ".join([f"{context.settings.greeting}, {name}!"] * times) + f" {list(companies)}"

def lose(context):
    \"\"\"Find nothing.\"\"\"
    raise NotFound("room", "r1")

def fall(context):
    \"\"\"Fall.\"\"\"
    raise KeyError("a secret of the code")

@hookimpl
def register_commands():
    return [Command("greet", greet), Command("lose", lose), Command("fall", fall)]
"""


@pytest.fixture
def install(tmp_path, monkeypatch):
    """Install plugins as pip does: their modules, and their metadata beside them."""
    folder = tmp_path / "site"
    folder.mkdir()
    monkeypatch.syspath_prepend(str(folder))

    def lay(name: str, source: str) -> Path:
        (folder / f"acme_{name}.py").write_text(source)
        metadata = folder / f"acme_{name}-1.2.dist-info"
        metadata.mkdir()
        (metadata / "METADATA").write_text(
            f"Metadata-Version: 2.1\nName: acme-{name}\nVersion: 1.2\nRequires-Dist: trunkline>=0.1,<1\n"
        )
        (metadata / "entry_points.txt").write_text(f"[trunkline]\n{name} = acme_{name}\n")
        return folder

    yield lay
    for name in [name for name in sys.modules if name.startswith("acme_")]:
        del sys.modules[name]


@pytest.fixture
def greeter_cli(migrated_cli, install):
    """Give the command line with the plugin above, a plugin that gives commands, and a plugin that gives none."""
    install("greeter", SOURCE)
    return migrated_cli.with_plugins("greeter", "oauth", "webhooks")


def test_a_command_runs_with_its_plugins_context_and_prints_what_it_returns(greeter_cli):
    done = greeter_cli.invoke("run", "greeter", "greet", "Jane", "--times", "2")
    assert (done.exit_code, done.stdout) == (0, "Hello, Jane! Hello, Jane! []\n"), done.output
    assert "--times" in greeter_cli.invoke("run", "greeter", "greet", "--help").stdout
    assert "Greet somebody." in greeter_cli.invoke("run", "greeter", "--help").stdout
    assert "greeter" in greeter_cli.invoke("run", "--help").stdout
    assert "trunkline run greeter greet" in greeter_cli.invoke("plugins", "show", "greeter").stdout


@pytest.mark.parametrize(
    ("command", "sentence"),
    [
        (("greeter", "lose"), "There is no room 'r1' here."),
        (("greeter", "fall"), "The command 'fall' of plugin 'greeter' failed: KeyError"),
        (
            ("nobody", "greet"),
            "There is no plugin 'nobody' that runs and gives commands; those that do: greeter, oauth",
        ),
    ],
)
def test_what_goes_wrong_is_one_sentence(greeter_cli, command, sentence):
    done = greeter_cli.invoke("run", *command)
    assert done.exit_code == 1
    assert sentence in done.stderr
    assert "Traceback" not in done.output


@pytest.mark.parametrize(
    ("given", "fault"),
    [
        (
            "7",
            "returned a value of type int from register_commands, which must return a list or tuple of Command",
        ),
        (
            "[Command('Say It', lose)]",
            "gave a faulty Command in register_commands: its name 'Say It' is not made of",
        ),
        (
            "[Command('lose', 'lose')]",
            "gave a faulty Command in register_commands: its run is a value of type str",
        ),
        (
            "[Command('l', lambda: 0)]",
            "its run of 'l' takes nothing, but is called with the plugin's context first",
        ),
        ("[Command('l', lambda context: 0)]", "its run of 'l' has no docstring, which is the command's help"),
        ("[Command('l', lose), Command('l', lose)]", "gives the command 'l' twice"),
    ],
)
def test_a_faulty_command_fails_its_plugin_by_name(cli, install, given, fault):
    start, _, _ = SOURCE.partition("    return [Command(")
    install("greeter", f"{start}    return {given}\n")
    listed = cli.invoke("plugins", "show", "greeter").stdout
    assert "Plugin 'greeter' " in listed
    assert fault in listed
