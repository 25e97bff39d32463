"""The attacking processes. The next process starts while the hub recovers from the last, so that no attack begins with imports."""

import asyncio
import contextlib
import json
import os
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Any, Self

from attacker import READY
from deployment import inherited
from furniture import Company
from row import Row
from scale import Scale

GRACE_SECONDS = 20.0
"""Time limit of a process after its attack."""


class Attackers:
    """Starts attacking processes. Entering starts the first process, leaving ends the remaining processes."""

    def __init__(self, scale: Scale) -> None:
        self._scale = scale
        self._next: asyncio.subprocess.Process | None = None

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *details: object) -> None:
        if self._next is not None:
            await _end(self._next)

    async def make_ready(self) -> None:
        if self._next is not None:
            return
        self._next = await asyncio.create_subprocess_exec(
            sys.executable,
            "-P",
            Path(__file__).with_name("attacker.py"),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.DEVNULL,
            env=inherited() | {"PYTHONPATH": os.fspath(Path(__file__).parent)},
        )
        assert self._next.stdout is not None
        said = await self._next.stdout.readline()
        assert said.decode().strip() == READY, "the attacker does not start"

    async def attack(self, row: Row, url: str, companies: list[Company]) -> dict[str, int]:
        """Run *row* by *companies* against the hub at *url*; return the notes."""
        await self.make_ready()
        assert self._next is not None
        program, self._next = self._next, None
        seconds = self._scale.seconds_of(row.seconds)
        order: dict[str, Any] = {
            "row": row.name,
            "url": url,
            "scale": self._scale.name,
            "seconds": seconds,
            "companies": [asdict(company) for company in companies],
        }
        try:
            async with asyncio.timeout(seconds + GRACE_SECONDS):
                said, _ = await program.communicate(json.dumps(order).encode() + b"\n")
        except TimeoutError:
            await _end(program)
            return {"broken: the attacker did not end": 1}
        return json.loads(said) if said else {"broken: the attacker said nothing": 1}


async def _end(program: asyncio.subprocess.Process) -> None:
    with contextlib.suppress(ProcessLookupError):
        program.kill()
    await program.wait()
