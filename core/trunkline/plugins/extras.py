"""Packages that belong to an extra of a plugin's distribution: checked before the plugin's own imports."""

from importlib import metadata

from packaging.requirements import Requirement

from trunkline.errors import ExtraMissing


def require_extra(name: str, *, distribution: str = "trunkline") -> None:
    """Check that the packages of the extra *name* of *distribution* are installed, in the versions that it declares.

    A plugin calls this function at the top of its module, above the imports of these packages. If a package is missing,
    the plugin is listed as disabled, with the command that installs it; if the plugin is enabled by name, the hub does
    not start. Raises ExtraMissing: a package is missing, or has a version that does not fit.
    """
    missing: list[str] = []
    for requirement in map(Requirement, metadata.requires(distribution) or ()):
        marker = requirement.marker
        if not marker or not marker.evaluate({"extra": name}) or marker.evaluate({"extra": ""}):
            continue
        try:
            version = metadata.version(requirement.name)
            is_there = requirement.specifier.contains(version, prereleases=True)
        except metadata.PackageNotFoundError:
            is_there = False
        if not is_there:
            missing.append(f"{requirement.name}{requirement.specifier}")
    if missing:
        raise ExtraMissing(missing, extra=f"{distribution}[{name}]")
