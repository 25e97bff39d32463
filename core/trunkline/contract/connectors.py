"""Additions to the command line: connectors, which are exported, and commands."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from trunkline.schemas.products import Product

Generate = Callable[[Product], Mapping[str, bytes]]
"""Make a connector's files, keyed by their paths below the export's folder (with ``/``).

Equal products give equal files. A ``ValueError`` says in a sentence without a full stop what the platform cannot offer, and
what to change in the product.
"""
ReadFile = Callable[[str], bytes | None]
"""Read the file at a path below an export's folder; None if it does not exist."""


@dataclass(frozen=True, slots=True)
class Connector:
    """A generator of the files that a platform needs to offer a product (``trunkline export NAME DIR``).

    Each entry of *steps*, *remarks* and *connecting* is a sentence.

    *steps* say how to publish the files on the platform. *channel* is the channel on which the platform itself subscribes.
    *field_name* gives the platform's name of the field at a path such as ``("payload", "amount")`` of an event or an answer; it
    is None if users of the platform do not map fields. *remarks*, without full stops, say which parts of a product the platform
    shows in an unexpected way; the export prints them. *connecting* says how customers use the product on the platform once
    they have an API key.

    *keys* lists, from the files of an export, the keys that published workflows refer to, such as those of triggers and
    fields; an export that would lose one of them is refused. *demands* lists, from the same files, the fields that
    users must fill in, each as a pair: an entry of *keys*, and the field. An export that adds such a field is refused.
    """

    name: str
    title: str
    description: str
    generate: Generate
    steps: Sequence[str] = ()
    channel: str | None = None
    field_name: Callable[[Sequence[str]], str] | None = None
    remarks: Callable[[Product], Sequence[str]] | None = None
    keys: Callable[[ReadFile], Iterable[str]] | None = None
    demands: Callable[[ReadFile], Iterable[tuple[str, str]]] | None = None
    connecting: Sequence[str] = ()


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
