"""``.env``: a file of variables in the folder of the settings file, for secrets that must not be in a repository."""

import re
from pathlib import Path

from trunkline.errors import SettingsInvalid

FILE = Path(".env")
_LINE = re.compile(r"(?:export\s+)?(?P<name>[A-Za-z_][A-Za-z0-9_]*)\s*=\s*(?P<value>.*)")


def read(file: Path, *, prefix: str) -> dict[str, str]:
    """Read the variables in *file* that begin with *prefix*, none if there is no file; other lines are ignored.

    A value is the rest of its line, or the text in quotes. Nothing in it is expanded.

    Raises:
        SettingsInvalid: the file cannot be read, or a line with the prefix is not ``NAME=value``.
    """
    if not (file.exists() or file.is_symlink()):
        return {}
    if not file.is_file():
        msg = f"The file {file} cannot be read: it is neither a file nor a link to one"
        raise SettingsInvalid(msg)
    try:
        lines = file.read_text(encoding="utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        msg = f"The file {file} cannot be read: {getattr(error, 'strerror', None) or 'it is not UTF-8'}"
        raise SettingsInvalid(msg) from None
    values: dict[str, str] = {}
    for number, line in enumerate(lines, 1):
        match = _LINE.fullmatch(line.strip())
        if match and match["name"].startswith(prefix):
            value = match["value"].strip()
            is_quoted = len(value) > 1 and value[0] == value[-1] and value[0] in "\"'"
            values[match["name"]] = value[1:-1] if is_quoted else value
        elif not match and line.strip().startswith(prefix):
            msg = f"Line {number} of {file} must look like NAME=value"
            raise SettingsInvalid(msg)
    return values
