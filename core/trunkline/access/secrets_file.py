"""The sources of pepper and encryption key: the settings, or the file next to an embedded database."""

import contextlib
import dataclasses
import json
import os
import secrets
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pydantic import SecretStr

from trunkline.errors import SettingsInvalid
from trunkline.settings import Auth, Settings, dotenv
from trunkline.settings.loading import ENVIRONMENT_PREFIX
from trunkline.settings.secret_files import ENDING
from trunkline.store import dialects

NAMES = ("pepper", "encryption_key")
_HOW_TO_MAKE = "make one with: python -c 'import secrets; print(secrets.token_urlsafe(48))'"
_OTHERS = {"pepper": "other_peppers", "encryption_key": "other_encryption_keys"}


@dataclass(frozen=True, slots=True)
class Secrets:
    """The secrets of a process. The current ones digest and seal; the *other* ones only verify and decrypt."""

    pepper: str = field(repr=False)
    encryption_key: str = field(repr=False)
    other_peppers: tuple[str, ...] = field(default=(), repr=False)
    other_encryption_keys: tuple[str, ...] = field(default=(), repr=False)

    def replaced(self, name: str, value: str) -> "Secrets":
        """Return a copy with *value* for the secret *name*; the previous value becomes the newest other value."""
        changed: dict[str, Any] = {name: value, _OTHERS[name]: (getattr(self, name), *self.others(name))}
        return dataclasses.replace(self, **changed)

    def others(self, name: str) -> tuple[str, ...]:
        """Return the other values of the secret *name*."""
        kept: tuple[str, ...] = getattr(self, _OTHERS[name])
        return kept

    def with_others(self, name: str, values: tuple[str, ...]) -> "Secrets":
        """Return a copy with *values* as the other values of *name*."""
        changed: dict[str, Any] = {_OTHERS[name]: values}
        return dataclasses.replace(self, **changed)


def new_secret() -> str:
    """Make a value for a pepper or an encryption key."""
    return secrets.token_urlsafe(48)


class SecretsFile:
    """The file, next to the embedded database, that holds its secrets."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._stamp = self._look()

    def read(self) -> Secrets:
        """Read the secrets. Raises SettingsInvalid."""
        try:
            self._stamp = self._look()
            values: dict[str, Any] = json.loads(self.path.read_bytes())
            kept: dict[str, Any] = {name: str(values[name]) for name in NAMES}
            kept |= {name: tuple(map(str, values.get(name, ()))) for name in _OTHERS.values()}
            return Secrets(**kept)
        except OSError as error:
            reason = error.strerror
        except (ValueError, KeyError, TypeError, AttributeError):
            reason = "it is not the JSON object that trunkline writes; restore it from a backup"
        msg = f"Setting 'auth.pepper' and 'auth.encryption_key': are unset and {self.path} cannot be used: {reason}"
        raise SettingsInvalid(msg)

    def make(self) -> None:
        """Make the file atomically with new secrets. If several processes make it at once, the first file is kept.

        Raises SettingsInvalid: the file's folder is not writable.
        """
        try:
            draft = self._draft(Secrets(new_secret(), new_secret()))
        except OSError as error:
            msg = f"Setting 'auth.pepper' and 'auth.encryption_key': are unset and {self.path} cannot be used: {error.strerror}"
            raise SettingsInvalid(msg) from None
        try:
            os.link(draft, self.path)  # unlike a rename, it never replaces
        except FileExistsError:
            pass
        finally:
            draft.unlink()

    def replace(self, values: Secrets) -> None:
        """Replace the content of the file with *values*, atomically. Raises SettingsInvalid; then the file is unchanged."""
        try:
            self._draft(values).replace(self.path)
        except OSError as error:
            msg = f"The file of the secrets, {self.path}, cannot be written: {error.strerror}; nothing was changed."
            raise SettingsInvalid(msg) from None
        folder = os.open(self.path.absolute().parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)

    def has_changed(self) -> bool:
        """Return whether another process has written the file since it was read."""
        stamp = self._look()
        return stamp is not None and stamp != self._stamp

    def _look(self) -> tuple[int, int, int] | None:
        with contextlib.suppress(OSError):
            status = self.path.stat()
            return status.st_mtime_ns, status.st_ino, status.st_size
        return None

    def _draft(self, values: Secrets) -> Path:
        content: dict[str, Any] = {name: getattr(values, name) for name in NAMES}
        content |= {other: list(kept) for other in _OTHERS.values() if (kept := getattr(values, other))}
        draft = self.path.with_name(f"{self.path.name}.{secrets.token_hex(8)}")
        descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        try:
            with os.fdopen(descriptor, "w", encoding="ascii") as stream:
                json.dump(content, stream)
                stream.flush()
                os.fsync(stream.fileno())
        except OSError:  # as on a full disk
            draft.unlink()
            raise
        return draft


class SecretSource:
    """The secrets of one process: *settings* override the file next to the embedded database.

    Raises SettingsInvalid: a secret is unset and the database is not embedded.
    """

    def __init__(self, settings: Auth, database_url: str) -> None:
        self._settings = settings
        self._database_url = database_url
        missing = [name for name in NAMES if getattr(settings, name) is None]
        database = dialects.of_url(database_url).file_of(database_url)
        if missing and database is None:
            names = " and ".join(f"'auth.{name}'" for name in missing)
            msg = f"Setting {names}: must be set, to text of 32 characters or more, the same for every process; {_HOW_TO_MAKE}"
            raise SettingsInvalid(msg)
        self.file = SecretsFile(Path(f"{database}.secrets")) if missing else None
        self.kept_in_file = frozenset(missing)
        """The names of the secrets that come from the file."""

    def read(self, *, is_lost: bool = False) -> Secrets:
        """Read the secrets; a missing file is made if no database needs the old secrets.

        If *is_lost*, the old file is permanently lost, and a new one is made in any case.

        Raises SettingsInvalid: the file cannot be used, or is missing although the database has data that it protects.
        """
        if self.file is not None and not self.file.path.exists():
            if not is_lost:
                database = dialects.of_url(self._database_url).file_of(self._database_url)
                if database is not None and dialects.needs_secrets(database):
                    msg = (
                        f"Setting 'auth.pepper' and 'auth.encryption_key': are unset and {self.file.path} is gone, which protects what "
                        f"{database} keeps; restore it from the backup, or, where it is lost for good, run "
                        "'trunkline secrets rotate --lost'"
                    )
                    raise SettingsInvalid(msg)
            self.file.make()
        return self._merged(self.file.read() if self.file else None)

    def read_again(self) -> Secrets | None:
        """Read the secrets again if the file has changed; None if it has not. Raises SettingsInvalid."""
        if self.file is None or not self.file.has_changed():
            return None
        return self._merged(self.file.read())

    def _merged(self, kept: Secrets | None) -> Secrets:
        values: dict[str, Any] = {}
        for name in NAMES:
            setting: SecretStr | None = getattr(self._settings, name)
            own = tuple(other.get_secret_value() for other in getattr(self._settings, _OTHERS[name]))
            if setting is not None:
                values |= {name: setting.get_secret_value(), _OTHERS[name]: own}
            elif kept is not None:
                values |= {name: getattr(kept, name), _OTHERS[name]: own + kept.others(name)}
        return Secrets(**values)


def open_to_others(settings: Settings) -> list[Path]:
    """List the files that contain secrets and that every account of this machine may read.

    Checked are the file next to the database, ``.env``, files named by variables, and the settings file if it has a secret;
    not those on a read-only file system, where an orchestrator placed them, and their mode cannot be changed.
    """
    database = dialects.of_url(settings.database.url).file_of(settings.database.url)
    files = [] if database is None else [Path(f"{database}.secrets")]
    if dotenv.read(settings.folder / dotenv.FILE, prefix=ENVIRONMENT_PREFIX):
        files.append(settings.folder / dotenv.FILE)
    for variable, value in os.environ.items():
        if variable.startswith(ENVIRONMENT_PREFIX) and variable.endswith(ENDING.upper()):
            files.append(settings.folder / value)
    secrets_set = [secret for secret in (settings.auth.pepper, settings.auth.encryption_key) if secret]
    own = [secret.get_secret_value() for secret in secrets_set]
    if settings.file is not None and any(map(settings.file.read_text(encoding="utf-8").count, own)):
        files.append(settings.file)
    return [
        file
        for file in dict.fromkeys(files)
        if file.is_file() and file.stat().st_mode & 0o004 and not os.statvfs(file).f_flag & os.ST_RDONLY
    ]
