"""``plugins search``: plugins to install, from the catalogue of the kit, or from another file or URL. Only a configured URL is fetched."""

import urllib.error
import urllib.request
from collections.abc import Iterable, Sequence
from importlib.resources import files
from pathlib import Path
from typing import Annotated, Literal
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from trunkline.cli.options import AsJson
from trunkline.cli.output import show_json, show_table, warn
from trunkline.cli.parameters import Config, argument, option
from trunkline.errors import SettingsInvalid
from trunkline.settings import describe, load

FORMAT = 1
MAX_BYTES = 4_194_304
SECONDS = 10

Words = Annotated[
    list[str] | None, argument("WORD", "Words to search for; an entry must contain all of them.")
]
CataloguePlace = Annotated[
    str | None, option("--catalogue", "PLACE", "A file or URL, instead of plugins.catalogue.")
]


class Entry(BaseModel):
    """One plugin of a catalogue. *level* is the result of its newest *report*; *requires* is a range of trunkline versions."""

    model_config = ConfigDict(frozen=True)

    name: str = Field(pattern=r"^[a-z][a-z0-9_]{0,31}$")
    package: str
    summary: str
    level: Literal["loads", "delivers", "complete"] | None = None
    requires: str | None = None
    url: str | None = None
    report: str | None = None
    keywords: tuple[str, ...] = ()


class Catalogue(BaseModel):
    """A whole catalogue. Fields of a later format are ignored."""

    model_config = ConfigDict(frozen=True)

    format: Literal[1]
    plugins: tuple[Entry, ...]

    def search(self, words: Iterable[str]) -> Sequence[Entry]:
        """List the entries that contain each of *words*; entries with a word in their name come first."""
        wanted = [word.casefold() for word in words]
        found = [entry for entry in self.plugins if all(word in _text_of(entry) for word in wanted)]
        return sorted(found, key=lambda entry: (not any(word in entry.name for word in wanted), entry.name))


def search_plugins(
    words: Words = None, catalogue: CataloguePlace = None, as_json: AsJson = False, config: Config = None
) -> None:
    """Search the catalogue of plugins: the built-in one, or that of plugins.catalogue. No data are sent anywhere.

    Example: [bold]trunkline plugins search queue[/bold]
    """
    place = catalogue or load(config).plugins.catalogue
    found = read_catalogue(place).search(words or ())
    if as_json:
        show_json({"plugins": [entry.model_dump() for entry in found], "count": len(found)})
    elif not found:
        warn(f"The catalogue has nothing with {' and '.join(words or ())}.")
    else:
        rows = [
            [entry.name, entry.package, entry.level or "", entry.requires or "", entry.summary]
            for entry in found
        ]
        show_table(["name", "package", "level", "for trunkline", "what it is"], rows)


def read_catalogue(place: str | Path | None) -> Catalogue:
    """Read the catalogue at *place*, a file or a URL. If *place* is None, read the catalogue of the kit.

    Raises SettingsInvalid: the file or URL cannot be read, or is not a catalogue.
    """
    text = _read(place) if place else (files("trunkline_kit") / "plugins.json").read_bytes()
    try:
        return Catalogue.model_validate_json(text)
    except ValidationError as error:
        msg = f"The catalogue {place} is none of format {FORMAT}: {describe(error, model=Catalogue)}"
        raise SettingsInvalid(msg) from None


def _read(place: str | Path) -> bytes:
    try:
        if isinstance(place, str) and urlsplit(place).scheme in {"https", "http"}:
            with urllib.request.urlopen(place, timeout=SECONDS) as answer:  # noqa: S310 - of these schemes alone
                content: bytes = answer.read(MAX_BYTES + 1)
        else:
            content = Path(place).read_bytes()
    except (OSError, ValueError) as error:
        if isinstance(error, urllib.error.HTTPError):
            error.close()
        reason = getattr(error, "reason", None) or getattr(error, "strerror", None) or type(error).__name__
        msg = f"The catalogue {place} cannot be read: {reason}"
        raise SettingsInvalid(msg) from None
    if len(content) > MAX_BYTES:
        msg = f"The catalogue {place} is longer than {MAX_BYTES} bytes"
        raise SettingsInvalid(msg)
    return content


def _text_of(entry: Entry) -> str:
    return " ".join([entry.name, entry.package, entry.summary, *entry.keywords]).casefold()
