"""The CPU of a process by owner (part of the code): py-spy samples the process, a sample counts for its owner."""

import contextlib
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path

SAMPLES_PER_SECOND = 400
ATTACHED_SECONDS = 1.0
"""Time after which py-spy is certainly attached."""
LEFT_OUT = ("importlib._bootstrap", "/plugins/watchdog")
WAITING = "_work (", "/store/sqlite.py"
"""The function in which an SQLite connection's thread waits, and its file; py-spy mistakes the waiting for work."""
REST = "everything else"
TOGETHER = "together"

Owners = Mapping[str, Sequence[str]]
"""Parts of file names by owner, tried in this order."""


@contextlib.contextmanager
def sampled(pid: int) -> Iterator[list[tuple[list[str], int]]]:
    """Sample a process while the block runs; after the block, the yielded list has the stacks and their counts."""
    seen: list[tuple[list[str], int]] = []
    with tempfile.TemporaryDirectory(prefix="tl-bench-") as folder:
        raw = Path(folder) / "stacks"
        command = [
            str(Path(sys.executable).with_name("py-spy")),
            *("record", "--rate", str(SAMPLES_PER_SECOND), "--format", "raw", "--output", str(raw)),
            *("--full-filenames", "--function", "--pid", str(pid)),
        ]
        spy = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        time.sleep(ATTACHED_SECONDS)
        try:
            yield seen
        finally:
            spy.send_signal(signal.SIGINT)
            said, _ = spy.communicate(timeout=60)
        if spy.returncode or not raw.exists():
            msg = f"py-spy could not watch the process: {said}"
            raise RuntimeError(msg)
        seen.extend(_working(raw.read_text().splitlines()))


def shares(stacks: Iterable[tuple[list[str], int]], owners: Owners, *, cpu_us: float) -> dict[str, float]:
    """Divide *cpu_us* among *owners* and the rest in proportion to the samples of *stacks*; the sum is included."""
    counted = Counter[str]()
    for stack, samples in stacks:
        counted[owner_of(stack, owners)] += samples
    scale = cpu_us / max(counted.total(), 1)
    return {name: counted[name] * scale for name in [*owners, REST]} | {TOGETHER: cpu_us}


def names(owners: Owners) -> list[str]:
    """List the keys that ``shares`` returns."""
    return [*owners, REST, TOGETHER]


def owner_of(stack: Sequence[str], owners: Owners) -> str:
    """Return the owner of the innermost frame that has an owner; *stack* begins with the outermost frame."""
    for frame in reversed(stack):
        for owner, parts in owners.items():
            if any(part in frame for part in parts):
                return owner
    return REST


def _working(lines: Iterable[str]) -> Iterator[tuple[list[str], int]]:
    """Yield the stacks, without imports, the measurement, and waiting threads that py-spy takes for working."""
    for line in lines:
        stack, _, samples = line.rpartition(" ")
        frames = stack.split(";")
        is_waiting = all(part in frames[-1] for part in WAITING)
        if len(frames) > 1 and not is_waiting and not any(part in stack for part in LEFT_OUT):
            yield frames, int(samples)
