"""Commands that a plugin adds to the command line."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

RunCommand = Callable[..., Any]
"""Run the command: ``async def`` or ``def``, with the plugin's context as the first parameter.

The other parameters are the command's arguments and options, by Typer's rules: a parameter without a default is an argument, a
parameter with a default is an option, and ``Annotated[…, typer.Option(help="…")]`` adds help. Returned text is printed.
``Refused`` ends the command with its message and exit code 1.
"""


@dataclass(frozen=True, slots=True)
class Command:
    """A command at ``trunkline run PLUGIN NAME``. The docstring of *run* is its help."""

    name: str
    run: RunCommand
