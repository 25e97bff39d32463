"""The results of an examination of a receiver or of the hub: one check per question, and the report on a receiver."""

from enum import StrEnum
from functools import partial
from urllib.parse import urlsplit

from msgspec import Struct


class Verdict(StrEnum):
    """The result of one check of a receiver.

    ``improve``: the receiver works but could be better. ``bad``: the fault loses events or is a security risk. ``unknown``:
    the check could not be judged.
    """

    GOOD = "good"
    IMPROVE = "improve"
    BAD = "bad"
    UNKNOWN = "unknown"


class Status(StrEnum):
    """The result of one check of the hub. An ``error`` stops the hub from working, now or soon; a ``warning`` does not."""

    OK = "ok"
    WARNING = "warning"
    ERROR = "error"


NAMES = (
    "url",
    "dns",
    "connect",
    "tls",
    "certificate",
    "delivery",
    "redirect",
    "latency",
    "answer-size",
    "keep-alive",
    "duplicates",
    "duplicates-at-once",
    "signature-wrong",
    "signature-old",
    "signature-ahead",
    "signature-tampered",
    "signature-rewritten",
    "signature-missing",
    "signature-junk",
    "unknown-header",
    "unknown-type",
)
"""Every check of a receiver, in order."""


class Check(Struct, frozen=True):
    """The verdict of one check, with a sentence on the finding.

    For a receiver the sentence names the remedy, too. For the hub *fix* is the remedy; None for a check that is ok.
    """

    name: str
    sentence: str
    verdict: Verdict | Status
    fix: str | None = None


good = partial(Check, verdict=Verdict.GOOD)
improve = partial(Check, verdict=Verdict.IMPROVE)
bad = partial(Check, verdict=Verdict.BAD)
unknown = partial(Check, verdict=Verdict.UNKNOWN)
ok = partial(Check, verdict=Status.OK)
warning = partial(Check, verdict=Status.WARNING)
error = partial(Check, verdict=Status.ERROR)


class Report(Struct, frozen=True, kw_only=True):
    """The checks of the receiver at *url*. *is_reachable* tells whether a connection could be made."""

    url: str
    checks: tuple[Check, ...]
    is_reachable: bool

    @property
    def not_tried(self) -> tuple[str, ...]:
        """The checks that were skipped because an earlier one failed."""
        done = {check.name for check in self.checks}
        if urlsplit(self.url).scheme.lower() == "http":
            done.add("certificate")
        return tuple(name for name in NAMES if name not in done)

    @property
    def to_mend(self) -> tuple[Check, ...]:
        """The checks that are bad or could be better."""
        return tuple(check for check in self.checks if check.verdict in {Verdict.BAD, Verdict.IMPROVE})

    @property
    def exit_code(self) -> int:
        """The exit code of the command: 0 all good, 1 something to mend, 2 not reachable."""
        if not self.is_reachable:
            return 2
        return 1 if self.to_mend else 0


def duration_text(seconds: float) -> str:
    """Write a duration for people: ``12 ms``, ``1.4 s``."""
    return f"{max(round(seconds * 1000), 1)} ms" if seconds < 1 else f"{round(seconds, 1):g} s"


def printable(text: str, *, limit: int = 200) -> str:
    """Make untrusted text printable: one line, no control characters, at most *limit* characters."""
    clean = "".join(character if character.isprintable() else "?" for character in text[: limit + 1])
    return clean if len(clean) <= limit else f"{clean[:limit]}…"
