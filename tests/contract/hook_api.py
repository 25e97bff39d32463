"""The contract with plugin authors as a file: describes the code, compares the description with the file, and updates the file.

``python tests/contract/hook_api.py`` writes ``hook_api.json``. It refuses changes that break the promise of
docs/explanation/stability.md: a breaking change without a new ``trunkline.HOOK_API``, and an addition that the changelog does
not mention. Before the first release there is no promise: remove the file, and it is written from the code.
"""

import json
import re
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT / "docs" / "reference"))

import public_api  # noqa: E402

import trunkline  # noqa: E402
from trunkline import contract, pages, routes, testing  # noqa: E402

SNAPSHOT = Path(__file__).with_name("hook_api.json")
CHANGELOG = ROOT / "CHANGELOG.md"
RENEW = "python tests/contract/hook_api.py"
PARTS = ("hooks", "trunkline", "pages", "routes", "capabilities", "testing")
PUBLIC = {"trunkline": trunkline, "pages": pages, "routes": routes}
UNVERSIONED = frozenset({"__version__", "HOOK_API"})

Described = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Change:
    """One difference. *subject* is its name in the changelog."""

    kind: Literal["additive", "breaking"]
    subject: str
    sentence: str


def current(part: str) -> dict[str, Any]:
    """Describe one *part* of the contract as the code has it."""
    match part:
        case "hooks":
            return {name: public_api.signature_of(function) for name, function in public_api.hooks()}
        case "trunkline" | "pages" | "routes":
            names = public_api.exported(PUBLIC[part])
            return _describe({name: value for name, value in names.items() if name not in UNVERSIONED})
        case "capabilities":  # mentioned under other names; a plugin need not import it
            taken = [value for module in PUBLIC.values() for value in public_api.exported(module).values()]
            others = public_api.exported(contract)
            return _describe({name: value for name, value in others.items() if value not in taken})
        case _:
            return _describe(public_api.exported(testing))


def _describe(names: Mapping[str, Any]) -> dict[str, Any]:
    given = public_api.given_types()
    described = {name: public_api.describe(value) for name, value in names.items()}
    for name, value in names.items():
        if described[name]["kind"] == "value":
            described[name]["made_by"] = "plugin" if value in given else "hub"
    return described


def differences(old: Described, new: Described) -> list[Change]:
    """List the changes of a part of the contract by name."""
    found: list[Change] = []
    for name in sorted(old.keys() | new.keys()):
        if name not in new:
            found.append(Change("breaking", name, f"'{name}' is gone"))
        elif name not in old:
            found.append(Change("additive", name, f"'{name}' is new"))
        elif not _is_same(old[name], new[name]):
            found += _differences_of(name, old[name], new[name])
    return found


def _is_same(before: object, after: object) -> bool:
    """Compare, including the order of fields and arguments."""
    return json.dumps(before) == json.dumps(after)


def _differences_of(name: str, old: Described, new: Described) -> Iterator[Change]:
    by_hub = new.get("made_by") == "hub"
    for part in sorted(old.keys() | new.keys()):
        before, after = old.get(part), new.get(part)
        if _is_same(before, after):
            continue
        match part:
            case "fields":
                yield from _members(name, before or {}, after or {}, is_optional=_has_default(by_hub))
                if not by_hub and new.get("kind") != "model":  # pydantic models have no positional fields
                    yield from _order(name, before or {}, after or {})
            case "arguments":
                is_hook = "kind" not in new
                yield from _members(name, before or {}, after or {}, is_optional=_has_default(is_hook))
                if not is_hook:
                    yield from _order(name, before or {}, after or {})
            case "methods":
                yield from _methods(name, before or {}, after or {})
            case "members" | "constants" | "attributes":
                yield from _members(name, before or {}, after or {}, is_optional=lambda _: True)
            case _:
                yield Change("breaking", name, f"'{name}' has another {part}: {after}, not {before}")


def _has_default(always: bool):
    return lambda member: always or "default" in member or member.get("rest", False)


def _members(name: str, old: Described, new: Described, *, is_optional: Any) -> Iterator[Change]:
    for member in [*old, *(one for one in new if one not in old)]:
        subject = f"{name}.{member}"
        if member not in new:
            yield Change("breaking", subject, f"'{subject}' is gone")
        elif member not in old and is_optional(new[member]):
            yield Change("additive", subject, f"'{subject}' is new")
        elif member not in old:
            yield Change("breaking", subject, f"'{subject}' is new, and must be given")
        elif old[member] != new[member]:
            yield Change("breaking", subject, f"'{subject}' was {old[member]} and is {new[member]}")


def _order(name: str, old: Described, new: Described) -> Iterator[Change]:
    """Find positional members that have moved."""
    before, after = _positional(old), _positional(new)
    if set(before) <= set(after) and after[: len(before)] != before:
        yield Change("breaking", name, f"'{name}' takes by position, in another order: {', '.join(after)}")


def _positional(members: Described) -> list[str]:
    return [name for name, one in members.items() if not one.get("keyword_only") and not one.get("rest")]


def _methods(name: str, old: Described, new: Described) -> Iterator[Change]:
    for method in sorted(old.keys() | new.keys()):
        subject = f"{name}.{method}"
        if method not in new:
            yield Change("breaking", subject, f"'{subject}' is gone")
        elif method not in old:
            yield Change("additive", subject, f"'{subject}' is new")
        elif old[method] != new[method]:
            yield from _differences_of(
                subject, {"kind": "method", **old[method]}, {"kind": "method", **new[method]}
            )


def objections(changes: Sequence[Change], *, before: int, now: int, changelog: str) -> list[str]:
    """Give the objections to writing *changes*; *before* and *now* are the values of ``HOOK_API``."""
    told = hook_api_section(changelog)
    breaking = [one.sentence for one in changes if one.kind == "breaking"]
    untold = [one.subject for one in changes if one.kind == "additive" and not _is_told(one.subject, told)]
    found: list[str] = []
    if breaking and now <= before:
        found.append(
            f"{len(breaking)} breaking ({'; '.join(breaking)}): undo it, or deprecate first, or set trunkline.HOOK_API to "
            f"{before + 1} for the next major version"
        )
    if untold:
        found.append(f"not told of under 'Hook API' in CHANGELOG.md: {', '.join(untold)}")
    return found


def hook_api_section(changelog: str) -> str:
    """Give the section *Hook API* of the changelog's newest entry."""
    newest = re.split(r"^## ", changelog, flags=re.MULTILINE)[1]
    sections = re.split(r"^### ", newest, flags=re.MULTILINE)
    return next((one for one in sections if one.startswith("Hook API")), "")


def _is_told(subject: str, told: str) -> bool:
    """Tell whether a text in back ticks names *subject*, or its last part."""
    words = set(re.findall(r"[\w.]+", " ".join(re.findall(r"`([^`]+)`", told))))
    last = subject.rpartition(".")[2]
    return any(word == last or word.endswith(f".{last}") for word in words)


def report(part: str, changes: Sequence[Change]) -> str:
    """Describe the changes and the remedy for a failing test."""
    lines = [f"{one.kind}: {one.sentence}" for one in changes]
    level = "a major version" if any(one.kind == "breaking" for one in changes) else "a minor version"
    return "\n".join(
        [f"'{part}' of the hook API has changed, which asks for {level}:", *lines, f"renew: {RENEW}"]
    )


def load() -> dict[str, Any]:
    """Read the file; empty if there is none."""
    return json.loads(SNAPSHOT.read_text()) if SNAPSHOT.exists() else {}


def main(parts: Sequence[str]) -> int:
    """Write *parts* (all if none are named), unless there are objections."""
    written = load()
    chosen = {part: current(part) for part in parts or PARTS}
    changes = [
        one for part, now in chosen.items() if part in written for one in differences(written[part], now)
    ]
    for one in changes:
        sys.stdout.write(f"{one.kind}: {one.sentence}\n")
    against = objections(
        changes,
        before=written.get("hook_api", trunkline.HOOK_API),
        now=trunkline.HOOK_API,
        changelog=CHANGELOG.read_text(),
    )
    if against:
        sys.stderr.write("Not written: " + "\nNot written: ".join(against) + "\n")
        return 1
    whole = {"hook_api": trunkline.HOOK_API, **{part: chosen.get(part, written.get(part)) for part in PARTS}}
    text = json.dumps({part: value for part, value in whole.items() if value is not None}, indent=1)
    SNAPSHOT.write_text(text + "\n")
    sys.stdout.write(f"{SNAPSHOT.relative_to(ROOT)} is up to date\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
