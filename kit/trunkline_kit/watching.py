"""Records the side effects of code by Python's audit events (PEP 578)."""

import contextlib
import sys
import threading
from collections.abc import Generator
from dataclasses import dataclass, field

_EVENTS = {
    "network": "socket.connect socket.bind socket.getaddrinfo socket.gethostbyname socket.sendto",
    "file": "os.mkdir os.remove os.rename os.rmdir os.link os.symlink os.truncate shutil.rmtree",
    "process": "subprocess.Popen os.system os.exec os.fork os.forkpty os.posix_spawn",
    "thread": "_thread.start_new_thread",
    "database": "sqlite3.connect",
}
_KINDS = {event: kind for kind, events in _EVENTS.items() for event in events.split()}


@dataclass(frozen=True, slots=True)
class SideEffect:
    """One side effect: *kind* is ``network``, ``file``, ``read``, ``process``, ``thread`` or ``database``."""

    kind: str
    event: str
    detail: str
    thread: int = field(repr=False, default=0)

    def __str__(self) -> str:
        return f"{self.event}({self.detail})"


class Watch:
    """Listens to Python's audit events during ``watching``. The hook stays in the process, as it cannot be removed."""

    def __init__(self) -> None:
        self._lists: list[list[SideEffect]] = []
        sys.addaudithook(self._on_audit_event)

    @contextlib.contextmanager
    def watching(self, *, every_thread: bool = True) -> Generator[list[SideEffect]]:
        """Collect the side effects in the block: those of every thread, or only those of this thread."""
        effects: list[SideEffect] = []
        this_thread = threading.get_ident()
        self._lists.append(effects)
        try:
            yield effects
        finally:
            self._lists = [other for other in self._lists if other is not effects]
            if not every_thread:
                effects[:] = [effect for effect in effects if effect.thread == this_thread]

    def _on_audit_event(self, event: str, arguments: tuple[object, ...]) -> None:
        if not self._lists:
            return
        kind = kind_of(event, arguments)
        if kind is not None:
            detail = ", ".join(_short(argument) for argument in arguments[:2])
            effect = SideEffect(kind, event, detail, threading.get_ident())
            for effects in self._lists:
                effects.append(effect)


def kind_of(event: str, arguments: tuple[object, ...]) -> str | None:
    """Return the kind of side effect of an audit event; None if the event has no side effect."""
    if any("__pycache__" in str(argument) for argument in arguments[:2]):  # of the interpreter itself
        return None
    if event != "open":
        return _KINDS.get(event)
    path, mode, flags = (*arguments, None, None, None)[:3]
    if not isinstance(path, str | bytes) or str(path).endswith((".py", ".pyc", ".so")):
        return None
    writes = isinstance(mode, str) and any(letter in mode for letter in "wax+")
    writes = writes or (mode is None and isinstance(flags, int) and bool(flags & 3))
    return "file" if writes else "read"


def _short(value: object) -> str:
    text = f"<{type(value).__name__}>" if type(value).__module__ in {"socket", "_socket"} else repr(value)
    return text if len(text) <= 120 else text[:119] + "…"
