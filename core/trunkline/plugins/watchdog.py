"""Watches the event loop: if a plugin's code blocks it, the log names the plugin and the place in its code.

The watchdog cannot interrupt blocking code; the log shows the operator which plugin to report or to disable.
"""

import asyncio
import sys
import threading
import time
from collections.abc import Mapping
from types import FrameType
from typing import Self

from trunkline.plugins.registry import Registry, logger_of

LIMIT_SECONDS = 1.0
INTERVAL_SECONDS = 0.5


class Watchdog:
    """Checks twice a second, in its own thread, that the event loop in which it was entered responds.

    If there is no response for *limit_seconds*, it inspects the stack of the loop's thread. Code that holds Python's interpreter
    lock (a long regular expression, a C extension) blocks the watchdog too.
    """

    def __init__(self, registry: Registry, *, limit_seconds: float = LIMIT_SECONDS) -> None:
        self._registry = registry
        self._limit_seconds = limit_seconds
        self._alive = threading.Event()
        self._stop = threading.Event()
        self._watched = 0

    async def __aenter__(self) -> Self:
        self._watched = threading.get_ident()
        loop = asyncio.get_running_loop()
        threading.Thread(target=self._watch, args=[loop], name="trunkline-watchdog", daemon=True).start()
        return self

    async def __aexit__(self, *_: object) -> None:
        self._stop.set()
        self._alive.set()

    def _watch(self, loop: asyncio.AbstractEventLoop) -> None:
        while not self._stop.wait(INTERVAL_SECONDS):
            self._alive.clear()
            began = time.monotonic()
            try:
                loop.call_soon_threadsafe(self._alive.set)
            except RuntimeError:  # the loop is closed
                return
            if not self._alive.wait(self._limit_seconds):
                self._report(began)

    def _report(self, began: float) -> None:
        """Log the plugin as soon as it is found, and log when the loop continues."""
        culprit: str | None = None
        while not self._alive.is_set():
            culprit_and_place = self._find_culprit() if culprit is None else None
            if culprit_and_place is not None:
                culprit, place = culprit_and_place
                logger_of(culprit).error(
                    "Plugin '%s' has held up the event loop for %.1f s, in %s; it must not block in async code",
                    culprit,
                    time.monotonic() - began,
                    place,
                )
            self._alive.wait(self._limit_seconds)
        if culprit is not None and not self._stop.is_set():
            held_up = time.monotonic() - began
            logger_of(culprit).error(
                "The event loop goes on; plugin '%s' held it up for %.1f s", culprit, held_up
            )

    def _find_culprit(self) -> tuple[str, str] | None:
        """Find the innermost plugin code on the stack of the loop's thread: the plugin's name, and the file and line."""
        modules: dict[str, str] = {}
        packages: dict[str, list[str]] = {}
        for name in self._registry.active:
            module = self._registry.module(name)
            if module is not None:
                modules[module.__name__] = name
                packages.setdefault(module.__name__.partition(".")[0], []).append(name)
        # a package of one plugin only is that plugin's
        owners = {package: names[0] for package, names in packages.items() if len(names) == 1} | modules
        frame: FrameType | None = sys._current_frames().get(self._watched)  # noqa: SLF001 # pyright: ignore[reportPrivateUsage] - documented, if by such a name
        while frame is not None:
            plugin = _owner_of(str(frame.f_globals.get("__name__", "")), owners)
            if plugin is not None:
                code = frame.f_code
                return plugin, f"{code.co_filename}:{frame.f_lineno} ({code.co_name})"
            frame = frame.f_back
        return None


def _owner_of(module: str, owners: Mapping[str, str]) -> str | None:
    while module:
        if module in owners:
            return owners[module]
        module = module.rpartition(".")[0]
    return None
