"""The catalogue of plugins: a JSON file that comes with the hub, or another file or URL. The hub fetches only a configured URL."""

import urllib.error
import urllib.request
from collections.abc import Iterable, Sequence
from importlib.resources import files
from pathlib import Path
from typing import Literal
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from trunkline.errors import SettingsInvalid
from trunkline.settings import describe

FORMAT = 1
MAX_BYTES = 4_194_304
SECONDS = 10


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


def read_catalogue(place: str | Path | None) -> Catalogue:
    """Read the catalogue at *place*, a file or a URL. If *place* is None, read the catalogue that comes with the hub.

    Raises SettingsInvalid: the file or URL cannot be read, or is not a catalogue.
    """
    text = _read(place) if place else (files("trunkline.plugins") / "catalogue.json").read_bytes()
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
