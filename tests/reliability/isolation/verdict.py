"""The conditions for the victim, judged from its samples, the process's figures, and the log of attempts."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field

from scale import CALL_SECONDS, MEMORY_BYTES, P99_TIMES, Scale
from victim import Sample


@dataclass(frozen=True, slots=True)
class Figures:
    """Seconds of the victim's calls and pushes in one phase."""

    count: int
    p50: float
    p99: float
    slowest: float

    @classmethod
    def of(cls, samples: Sequence[Sample]) -> "Figures":
        seconds = sorted(sample.seconds for sample in samples)
        if not seconds:
            return cls(0, 0.0, 0.0, 0.0)
        return cls(len(seconds), _quantile(seconds, 0.5), _quantile(seconds, 0.99), seconds[-1])


def _quantile(ordered: Sequence[float], share: float) -> float:
    return ordered[max(math.ceil(len(ordered) * share) - 1, 0)]


@dataclass(slots=True)
class Verdict:
    """The result; *faults* is empty if every condition held."""

    quiet: Figures
    attacked: Figures
    after: Figures
    free_seconds: float
    """Time from the end of the attack to the measurement: until the hub was at rest, 5 s at most."""
    slowest_by_kind: dict[str, float]
    memory_mib: float
    """The highest growth of the process's memory."""
    cpu_share: float
    """The share of a core that the process used under the attack."""
    cpu_share_after: float
    """The share of a core that the process used after the attack."""
    descriptors: int
    failed_first_attempts: int
    attack: dict[str, int] = field(default_factory=dict)
    """The answers to the attackers by status, and the row's own notes."""
    faults: list[str] = field(default_factory=list)


def blame(verdict: Verdict, samples: Sequence[Sample], *, scale: Scale) -> None:
    """Add to *verdict* every fault in its figures and in the *samples* since the attack."""
    faults = verdict.faults
    failed = [sample for sample in samples if sample.fault]
    if failed:
        told = ", ".join(dict.fromkeys(f"{sample.kind}: {sample.fault[:120]}" for sample in failed[:5]))
        faults.append(f"{len(failed)} of {len(samples)} calls failed: {told}")
    for kind, seconds in sorted(verdict.slowest_by_kind.items()):
        if seconds > CALL_SECONDS:
            faults.append(f"a {kind} took {seconds:.2f} s")
    allowed = max(P99_TIMES * verdict.quiet.p99, scale.p99_floor_seconds)
    for when, figures in (
        ("under the attack", verdict.attacked),
        (f"{verdict.free_seconds:.1f} s after it", verdict.after),
    ):
        if figures.p99 > allowed:
            faults.append(f"p99 {figures.p99 * 1000:.0f} ms {when}, {allowed * 1000:.0f} ms allowed")
    if verdict.memory_mib > MEMORY_BYTES / 2**20:
        faults.append(f"memory grew by {verdict.memory_mib:.0f} MiB")
    if verdict.failed_first_attempts:
        faults.append(f"{verdict.failed_first_attempts} first attempts of the victim's deliveries failed")
