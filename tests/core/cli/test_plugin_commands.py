"""``trunkline run PLUGIN NAME``: commands that plugins add."""

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
def greeter_cli(migrated_cli, install):
    """Give the command line with the plugin above, a plugin that gives commands, and a plugin that gives none."""
    install("greeter", SOURCE)
    return migrated_cli.with_plugins("greeter", "oauth", "webhooks")


def test_a_command_runs_with_its_plugins_context_and_prints_what_it_returns(greeter_cli):
    done = greeter_cli.done("run", "greeter", "greet", "Jane", "--times", "2")
    assert done == "Hello, Jane! Hello, Jane! []\n"


@pytest.mark.parametrize(
    ("command", "words"),
    [
        ("run greeter greet --help", "--times"),
        ("run greeter --help", "Greet somebody."),
        ("run --help", "greeter"),
        ("plugins show greeter", "trunkline run greeter greet"),
    ],
)
def test_a_command_is_shown(greeter_cli, command, words):
    assert words in greeter_cli.done(*command.split())


@pytest.mark.parametrize(
    ("command", "sentence"),
    [
        ("greeter lose", "There is no room 'r1' here."),
        ("greeter fall", "The command 'fall' of plugin 'greeter' failed: KeyError"),
        (
            "nobody greet",
            "There is no plugin 'nobody' that runs and gives commands; those that do: greeter, oauth",
        ),
    ],
)
def test_what_goes_wrong_is_one_sentence(greeter_cli, command, sentence):
    told = greeter_cli.refused("run", *command.split(), code=1)
    assert sentence in told
    assert "Traceback" not in told


FAULTY = "gave a faulty Command in register_commands: "


@pytest.mark.parametrize(
    ("given", "fault"),
    [
        (
            "7",
            "returned a value of type int from register_commands, which must return a list or tuple of Command",
        ),
        ("[Command('Say It', lose)]", f"{FAULTY}its name 'Say It' is not made of"),
        ("[Command('lose', 'lose')]", f"{FAULTY}its run is a value of type str"),
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
    listed = cli.done("plugins", "show", "greeter")
    assert "Plugin 'greeter' " in listed
    assert fault in listed
