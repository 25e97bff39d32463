"""Generators of what a platform needs to offer a product."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from trunkline.schemas.products import Product

Generate = Callable[[Product], Mapping[str, bytes]]
"""Make files, by their paths below the export's folder (``/`` between names), from a product alone: the same every time."""
ReadFile = Callable[[str], bytes | None]
"""Read the file at a path below an export's folder; None where there is none."""


@dataclass(frozen=True, slots=True)
class Connector:
    """What a platform needs to offer a product, made from its catalogue (``trunkline export NAME DIR``).

    *steps* say, each in a sentence, what to do with the files until the platform offers the product. *channel* is the one
    that the platform subscribes to by itself. *field_name* tells how the platform's users know the field of an event, or of an
    answer, that stands at a path such as ``("payload", "amount")``; None where nobody maps fields. *remarks* says, each in
    a sentence without its full stop, what of a product the platform shows otherwise than one might expect; the export
    prints them. *keys* lists, out of the files of an export, what people's own workflows refer to once it is published, such as
    the keys of triggers and of fields; an export that would lose one of them is refused. *demands* lists, out of the same files,
    what has to be filled in, each after the one of the *keys* that it belongs to; an export that asks for more is refused.
    *connecting* says, each in a sentence, what customers do at the platform to use the product there, once they have an API key.
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
