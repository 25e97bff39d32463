"""Failures that are not the caller's fault, and errors that keep a hub from starting."""

from collections.abc import Sequence

from trunkline.errors.faults import TrunklineError


class ProviderFailed(TrunklineError):
    """The provider of an action, a search or a lookup failed; *detail* is one sentence for the caller."""

    status = 502
    title = "Bad gateway"

    def __init__(self, operation: str, reason: str) -> None:
        self.operation = operation
        self.detail = f"'{operation}' could not be carried out: {reason}."
        super().__init__(self.detail)


class StoreUnavailable(TrunklineError):
    """The database did not answer; it is unknown whether anything was stored."""

    status = 503
    title = "Service unavailable"


class WritesRefused(StoreUnavailable):
    """The database answers but cannot write, as *reason* says; nothing was stored. *remedy* says how to fix it."""

    def __init__(self, reason: str, *, remedy: str, answer: str) -> None:
        self.reason = reason
        self.remedy = remedy
        super().__init__(f"{reason} ({answer})")


class DatabaseUnfit(TrunklineError):
    """The hub cannot work in this database; the message says why, and how to fix it."""


class DatabaseTooOld(DatabaseUnfit):
    """The SQLite or PostgreSQL *named* has version *found*, older than *oldest* (``trunkline.oldest``)."""

    def __init__(self, named: str, *, found: str, oldest: str, remedy: str) -> None:
        super().__init__(f"{named} has version {found}, and trunkline needs {oldest} or newer: {remedy}.")


class LeaseLost(TrunklineError):
    """Another worker has taken the shard over; nothing was written."""


class Unreadable(TrunklineError):
    """A sealed value cannot be decrypted: it was sealed with another key, was altered, or was moved to another record."""

    def __init__(self) -> None:
        super().__init__("What is stored sealed does not open with the encryption key of this process.")


class SettingsInvalid(TrunklineError):
    """A setting is unknown or malformed; the message names it."""


class SchemaInvalid(TrunklineError):
    """A schema file cannot be used: it is not a JSON Schema, or its examples are not valid against the schema."""

    def __init__(self, source: str, reason: str) -> None:
        super().__init__(f"{source}: {reason}")
        self.source = source
        self.reason = reason


class PluginFailed(TrunklineError):
    """A plugin could not be loaded or used; the message is one sentence for the operator."""

    def __init__(self, plugin: str, reason: str) -> None:
        super().__init__(f"Plugin '{plugin}' {reason}")
        self.plugin = plugin
        self.reason = reason


class ExtraMissing(TrunklineError):
    """A plugin cannot run because *packages* are missing; *extra* installs them, as in ``pip install 'trunkline[mcp]'``."""

    def __init__(self, packages: Sequence[str], *, extra: str) -> None:
        noun = "the package" if len(packages) == 1 else "the packages"
        named = " and ".join(f"'{package}'" for package in packages)
        super().__init__(f"needs {noun} {named}; install with: pip install '{extra}'")
        self.packages = tuple(packages)
        self.extra = extra


class AddressRefused(TrunklineError):
    """The outbound policy forbids *address*."""

    def __init__(self, address: str, reason: str) -> None:
        super().__init__(f"{address} {reason}")
        self.address = address
        self.reason = reason
