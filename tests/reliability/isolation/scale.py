"""The size of a run: the whole matrix, or the part for continuous integration."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Scale:
    """Seconds of each phase, and allowances for a shared machine."""

    name: str
    quiet_seconds: float
    """Time for which a hub is observed before the first attack."""
    attack_seconds: float
    """Duration of an attack, unless its row needs longer."""
    after_seconds: float
    p99_floor_seconds: float
    """A p99 below this is never a fault, whatever its ratio to the quiet hub's: a machine with two cores is never quite idle."""

    @property
    def is_whole(self) -> bool:
        """Whether the run has the real sizes."""
        return self.name == "whole"

    def seconds_of(self, longer: float | None) -> float:
        """Give the duration of a row's attack: *longer* if the row needs it, else the usual one."""
        return longer if longer is not None and self.is_whole else self.attack_seconds


WHOLE = Scale("whole", quiet_seconds=2, attack_seconds=3.5, after_seconds=1.2, p99_floor_seconds=0.1)
PART = Scale("part", quiet_seconds=1.2, attack_seconds=3.0, after_seconds=1, p99_floor_seconds=0.4)
SCALES = {scale.name: scale for scale in (WHOLE, PART)}
RECOVERY_SECONDS = 5.0
"""Time limit for recovery after an attack; a hub that is at rest earlier is measured earlier."""
CALL_SECONDS = 1.0
"""Limit of the victim's calls and of the pushes of its events."""
P99_TIMES = 3.0
MEMORY_BYTES = 100 * 2**20
