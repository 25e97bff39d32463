"""The second step of loading: choose the candidates that run. Each candidate is checked alone, if possible before its import."""

import importlib
import re
import sys
from collections.abc import Sequence
from functools import partial
from itertools import groupby
from operator import attrgetter
from types import ModuleType

from packaging.specifiers import InvalidSpecifier, SpecifierSet

from trunkline.errors import ExtraMissing, PluginFailed, SettingsInvalid
from trunkline.errors.spelling import correction
from trunkline.plugins.calls import Late, call_within, describe_error
from trunkline.plugins.discovery import HUB
from trunkline.plugins.records import Candidate, PluginRecord
from trunkline.plugins.registry import Registry
from trunkline.plugins.tracing import Tracer
from trunkline.settings import CORE_SECTIONS, Plugins

NAME = re.compile(r"[a-z][a-z0-9_]{0,31}")
MODULE = re.compile(r"\w+(\.\w+)*")


def admit(
    candidates: Sequence[Candidate],
    *,
    chosen: Plugins,
    version: str,
    tracer: Tracer | None = None,
    products: Sequence[str] | None = None,
) -> Registry:
    """Import and register the *candidates* that *chosen* allows to run; *version* is the version of this hub.

    Plugins of products not in *products* (``product.schemas``; None for all) are treated as not installed.

    Raises:
        SettingsInvalid: *chosen* names a plugin that was not found, or that is of another product.
        PluginFailed: a plugin that *chosen* enables by name cannot be used.
    """
    _check_choice(candidates, chosen, products)
    served = [candidate for candidate in candidates if _is_served(candidate, products)]
    own = {candidate.name for candidate in served if candidate.is_own}
    strangers = [candidate for candidate in served if candidate.name in own and not candidate.is_own]
    known = [candidate for candidate in served if candidate not in strangers]
    ordered = sorted(known, key=attrgetter("name", "distribution"))
    registry = Registry(
        (_first_record(candidate, chosen) for candidate in ordered),
        required=chosen.enabled is not None,
        start_seconds=chosen.start_timeout_seconds,
        tracer=tracer,
    )
    for name, claims in groupby(ordered, key=attrgetter("name")):
        if registry.is_active(name):
            try:
                registry.register(name, _load(list(claims), version, chosen.start_timeout_seconds))
            except ExtraMissing as missing:
                registry.leave_out(name, missing)
            except PluginFailed as failure:
                registry.refuse(failure)
            except (Exception, SystemExit) as error:  # noqa: BLE001 - a plugin's module: whatever it raises is its end
                registry.refuse(PluginFailed(name, f"cannot be read: {describe_error(error)}"))
    for stranger in strangers:
        registry.turn_away(_first_record(stranger, chosen))
    return registry


def _is_served(candidate: Candidate, products: Sequence[str] | None) -> bool:
    return products is None or candidate.product is None or candidate.product in products


def _check_choice(candidates: Sequence[Candidate], chosen: Plugins, products: Sequence[str] | None) -> None:
    for candidate in candidates:
        if candidate.name in (chosen.enabled or ()) and not _is_served(candidate, products):
            msg = (
                f"Setting 'plugins.enabled': the plugin '{candidate.name}' is for the product '{candidate.product}', "
                "which 'product.schemas' leaves out"
            )
            raise SettingsInvalid(msg)
    names = {candidate.name for candidate in candidates}
    for setting, setting_names in (("enabled", chosen.enabled or ()), ("disabled", chosen.disabled)):
        for name in setting_names:
            if name not in names:
                known = ", ".join(sorted(names)) or "none"
                msg = f"Setting 'plugins.{setting}': there is no plugin '{name}'; found are: {known}{correction(name, names)}"
                raise SettingsInvalid(msg)


def _first_record(candidate: Candidate, chosen: Plugins) -> PluginRecord:
    is_chosen = chosen.enabled is None or candidate.name in chosen.enabled
    return PluginRecord(
        name=candidate.name,
        version=candidate.version,
        distribution=candidate.distribution,
        state="active" if is_chosen and candidate.name not in chosen.disabled else "disabled",
        module=candidate.module,
        requires=candidate.requires,
    )


def _load(claims: Sequence[Candidate], version: str, limit_seconds: float) -> ModuleType:
    candidate = claims[0]
    if len(claims) > 1:
        claimants = list(dict.fromkeys(f"{claim.distribution} {claim.version}" for claim in claims))
        reason = f"is declared twice by {claimants[0]}"
        if len(claimants) > 1:
            reason = (
                f"is claimed by more than one distribution: {', '.join(claimants)}; uninstall all but one"
            )
        raise PluginFailed(candidate.name, reason)
    if not NAME.fullmatch(candidate.name):
        reason = "must have a name of at most 32 lower-case letters, digits and underscores that starts with a letter"
        raise PluginFailed(candidate.name, reason)
    if candidate.name in CORE_SECTIONS:
        raise PluginFailed(candidate.name, "has the name of a settings section of trunkline itself")
    _check_range(candidate, version)
    return _import(candidate, limit_seconds)


def _check_range(candidate: Candidate, version: str) -> None:
    if candidate.is_local or candidate.is_own:
        return
    if candidate.requires is None:
        reason = (
            f"does not say which {HUB} it is for; {candidate.distribution} must depend on {HUB} with a range"
        )
        raise PluginFailed(candidate.name, reason)
    try:
        fits = SpecifierSet(candidate.requires).contains(version, prereleases=True)
    except InvalidSpecifier:
        reason = f"needs {HUB} {candidate.requires}, which is not a range of versions"
        raise PluginFailed(candidate.name, reason) from None
    if not fits:
        reason = f"needs {HUB} {candidate.requires}, but this is {HUB} {version}"
        raise PluginFailed(candidate.name, reason)


def _import(candidate: Candidate, limit_seconds: float) -> ModuleType:
    if not MODULE.fullmatch(candidate.module):
        reason = f"has the entry point '{candidate.module}', which must name a module"
        raise PluginFailed(candidate.name, reason)
    run_import = partial(importlib.import_module, candidate.module)
    try:
        _, failure = call_within(limit_seconds, run_import, thread=candidate.name)
    except Late:
        reason = f"could not be imported within {limit_seconds:g} s"
        raise PluginFailed(candidate.name, reason) from None
    if isinstance(failure, ExtraMissing):
        raise failure
    if failure is not None:
        raise PluginFailed(candidate.name, f"could not be imported: {describe_error(failure)}") from failure
    return sys.modules[candidate.module]
