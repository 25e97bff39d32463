"""Commands that a plugin adds to the command line."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

RunCommand = Callable[..., Any]
"""Do what the command is for: ``async def`` or ``def``, with the plugin's context first.

The other parameters are what is typed behind the command, by Typer's rules: one without a default is an argument, one with a
default is an option, and ``Annotated[…, typer.Option(help="…")]`` says more. Text that it returns is printed. ``Refused``
ends it with its sentence and exit code 1.
"""


@dataclass(frozen=True, slots=True)
class Command:
    """A command at ``trunkline run PLUGIN NAME``. The docstring of *run* is its help."""

    name: str
    run: RunCommand
