"""Secrets in files: ``TRUNKLINE_{SECTION}__{NAME}_FILE`` names the file that holds the value of a secret.

Whether a setting is a secret is defined by its type, and the types of a plugin's settings are loaded after the variables.
So each variable with this ending is kept as a ``NamedFile`` until ``filled`` is called with the model.
"""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Self, get_args

from pydantic import BaseModel, SecretBytes, SecretStr
from pydantic.fields import FieldInfo

from trunkline.errors import SettingsInvalid
from trunkline.settings.values import HOLDS_SECRET

ENDING = "_file"


class NamedFile(str):
    """The value of *variable*, whose name ends in ``_FILE``. It is a file's path if the setting without ``_FILE`` is a secret.

    A relative path begins in *folder*. *is_beside_value* means that the environment has a variable with the secret too.
    """

    __slots__ = ("folder", "is_beside_value", "variable")

    folder: Path
    variable: str
    is_beside_value: bool

    def __new__(cls, value: str, *, folder: Path, variable: str, is_beside_value: bool) -> Self:
        """Make the table value of the variable."""
        named = super().__new__(cls, value)
        named.folder, named.variable, named.is_beside_value = folder, variable, is_beside_value
        return named

    def read(self) -> str:
        """Read the secret, without trailing line breaks. Raises SettingsInvalid."""
        own = self.variable.removesuffix(ENDING.upper())
        if self.is_beside_value:
            msg = f"Both {own} and {self.variable} are set; set one of them"
            raise SettingsInvalid(msg)
        file = self.folder / self
        try:
            secret = file.read_text(encoding="utf-8-sig").rstrip("\r\n")
        except (OSError, ValueError) as error:
            reason = getattr(error, "strerror", None) or "it is not UTF-8"
            msg = f"The file '{file}' that {self.variable} names cannot be read: {reason}"
            raise SettingsInvalid(msg) from None
        if not secret:
            msg = f"The file '{file}' that {self.variable} names is empty; write the secret into it"
            raise SettingsInvalid(msg)
        return secret


def filled(table: Mapping[str, Any], model: type[BaseModel]) -> dict[str, Any]:
    """Return *table* with the secrets of *model* read from their files. Raises SettingsInvalid, as ``NamedFile.read`` does."""
    fields = {field.alias or name: field for name, field in model.model_fields.items()}
    whole = dict(table)
    for name, value in table.items():
        own = name.removesuffix(ENDING)
        if (
            isinstance(value, NamedFile)
            and name not in fields
            and own in fields
            and holds_secret(fields[own])
        ):
            whole[own] = whole.pop(name).read()
        elif isinstance(value, dict) and name in fields:
            for kind in _parts(fields[name].annotation):
                if isinstance(kind, type) and issubclass(kind, BaseModel):
                    whole[name] = filled(value, kind)
    return whole


def holds_secret(field: FieldInfo) -> bool:
    """Return True if the setting *field* is or contains a secret."""
    return any(map(_is_secret, (*field.metadata, *_parts(field.annotation))))


def _is_secret(part: Any) -> bool:
    if not isinstance(part, type):
        return part is HOLDS_SECRET
    if issubclass(part, BaseModel):
        return any(map(holds_secret, part.model_fields.values()))
    return issubclass(part, SecretStr | SecretBytes)


def _parts(annotation: Any) -> Iterator[Any]:
    yield annotation
    for part in get_args(annotation):
        yield from _parts(part)
