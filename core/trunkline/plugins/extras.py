"""Packages that belong to an extra of a plugin's distribution: checked before the plugin's own imports."""

from importlib import metadata

from packaging.requirements import Requirement

from trunkline.errors import ExtraMissing


def require_extra(name: str, *, distribution: str = "trunkline") -> None:
    """Check that the packages of the extra *name* of *distribution* are installed, in the versions that it declares.

    A plugin calls this function at the top of its module, above the imports of these packages. If a package is missing,
    the plugin is listed as disabled, with the command that installs it; if the plugin is enabled by name, the hub does
    not start.

    Raises:
        ExtraMissing: a package is missing, or has a version that does not fit.
    """
    requirements = map(Requirement, metadata.requires(distribution) or ())
    brought = [
        requirement for requirement in requirements if requirement.marker and _is_brought(requirement, name)
    ]
    if missing := [str(requirement) for requirement in map(_bare, brought) if not _is_there(requirement)]:
        raise ExtraMissing(missing, extra=f"{distribution}[{name}]")


def _is_brought(requirement: Requirement, extra: str) -> bool:
    assert requirement.marker is not None
    return requirement.marker.evaluate({"extra": extra}) and not requirement.marker.evaluate({"extra": ""})


def _bare(requirement: Requirement) -> Requirement:
    return Requirement(f"{requirement.name}{requirement.specifier}")


def _is_there(requirement: Requirement) -> bool:
    try:
        version = metadata.version(requirement.name)
    except metadata.PackageNotFoundError:
        return False
    return requirement.specifier.contains(version, prereleases=True)
