"""The results of an examination of the hub: one check per question, and the exit code of the command."""

from collections.abc import Iterable
from enum import StrEnum

from msgspec import Struct


class Status(StrEnum):
    """The result of one check. An ``error`` stops the hub from working, now or soon; a ``warning`` does not."""

    OK = "ok"
    WARNING = "warning"
    ERROR = "error"


class HubCheck(Struct, frozen=True):
    """The result of one check: *detail* is the finding, *fix* the remedy (None for a check that is ok)."""

    name: str
    status: Status
    detail: str
    fix: str | None = None


def ok(name: str, detail: str) -> HubCheck:
    """Make a check that is ok."""
    return HubCheck(name, Status.OK, detail)


def warning(name: str, detail: str, *, fix: str) -> HubCheck:
    """Make a warning."""
    return HubCheck(name, Status.WARNING, detail, fix)


def error(name: str, detail: str, *, fix: str) -> HubCheck:
    """Make an error."""
    return HubCheck(name, Status.ERROR, detail, fix)


def exit_code(checks: Iterable[HubCheck], *, is_strict: bool) -> int:
    """Return the command's exit code: 2 with errors, 1 with warnings if *is_strict*, else 0."""
    found = {check.status for check in checks}
    if Status.ERROR in found:
        return 2
    return 1 if is_strict and Status.WARNING in found else 0
