"""A listening socket in the file system (``server.socket``), for a proxy on the same machine."""

import contextlib
import socket
import stat
from collections.abc import Generator
from pathlib import Path

from trunkline.errors import SettingsInvalid

MODE = 0o660
"""The mode of the socket: only the hub's own account and group may connect."""
_ANSWER_SECONDS = 1.0


@contextlib.contextmanager
def listening_at(path: Path) -> Generator[socket.socket]:
    """Listen at *path*, and remove it at the end. A socket at which no process listens is replaced.

    Unlike a port, the socket listens at once: another starting process could otherwise take it for an abandoned socket.

    Raises:
        SettingsInvalid: another process listens there, a file of another kind is there, or it cannot be made.
    """
    _remove_stale(path)
    with socket.socket(socket.AF_UNIX) as listener:
        try:
            listener.bind(str(path))
            path.chmod(MODE)
            own = path.stat().st_ino
            listener.listen()
        except OSError as error:
            raise _unusable(path, error.strerror or str(error)) from None
        try:
            yield listener
        finally:
            with contextlib.suppress(OSError):
                if path.stat().st_ino == own:
                    path.unlink()


def _remove_stale(path: Path) -> None:
    try:
        if not stat.S_ISSOCK(path.lstat().st_mode):
            raise _unusable(path, "it is there and is no socket")
        with socket.socket(socket.AF_UNIX) as probe:
            probe.settimeout(_ANSWER_SECONDS)
            probe.connect(str(path))
    except ConnectionRefusedError:
        path.unlink()
    except FileNotFoundError:
        pass
    except OSError as error:
        raise _unusable(path, error.strerror or str(error)) from None
    else:
        raise _unusable(path, "another process listens there")


def _unusable(path: Path, reason: str) -> SettingsInvalid:
    return SettingsInvalid(f"Setting 'server.socket': cannot listen at {path}: {reason}.")
