"""How large a run is: the whole one, or the part that continuous integration has minutes for."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Scale:
    """Seconds of each phase, and what the figures of a machine that is shared may be."""

    name: str
    quiet_seconds: float
    """How long a hub is left alone before the first attack on it."""
    attack_seconds: float
    """How long an attack lasts, unless its row needs longer to show what it does."""
    after_seconds: float
    p99_floor_seconds: float
    """A p99 below this is not blamed, whatever it is of the quiet hub's: a machine with two cores is never quite still."""

    @property
    def is_whole(self) -> bool:
        """Whether sizes are the real ones."""
        return self.name == "whole"

    def seconds_of(self, longer: float | None) -> float:
        """Tell how long the attack of a row lasts that says how much *longer* than others it needs, if it does."""
        return longer if longer is not None and self.is_whole else self.attack_seconds


WHOLE = Scale("whole", quiet_seconds=2, attack_seconds=3.5, after_seconds=1.2, p99_floor_seconds=0.1)
PART = Scale("part", quiet_seconds=1.2, attack_seconds=3.0, after_seconds=1, p99_floor_seconds=0.4)
SCALES = {scale.name: scale for scale in (WHOLE, PART)}
RECOVERY_SECONDS = 5.0
"""From the end of an attack until the hub has to be as it was; where it is free earlier, it is looked at earlier."""
CALL_SECONDS = 1.0
"""None of the victim's calls takes longer, nor a push of its events."""
P99_TIMES = 3.0
MEMORY_BYTES = 100 * 2**20
