"""The filter of a subscription: it selects events among those of the subscription's types.

Part of the pure centre. ``compile`` checks a caller's filter against the types' schemas; ``compile_stored`` rebuilds a
filter from its stored JSON; ``Filter.matches`` runs once for every event and subscription::

    {"payload.amount": {"gte": 100}, "any": [{"payload.status": "Paid"}, {"metadata.source": {"ne": "test"}}]}

Members of an object are ANDed. An ordering compares numbers with a number, and instants with a date or date-time.
"""

import json
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from trunkline import errors
from trunkline.filters import comparisons, types
from trunkline.filters.comparisons import Compare, Look
from trunkline.filters.reading import ABSENT, Event, Reading
from trunkline.schemas.catalog import EventType, Json
from trunkline.schemas.shapes.shape import Shape
from trunkline.schemas.shapes.unfolding import SchemaDocument

MAX_DEPTH = 8
"""The maximum nesting of ``any``, ``all`` and ``not``."""
MAX_CLAUSES = 100
"""The maximum number of comparisons in a filter; an empty filter inside another counts as one."""
MAX_PATH = 64
"""The maximum number of names in a path: events are not nested deeper (``runtime/strict_json``)."""
MAX_BYTES = 64 * 1024
"""The maximum size of a filter as JSON: every worker keeps it in memory."""
MAX_FAULTS = 51
"""Checking ends after this number of faults: one more than an answer lists."""

Test = Callable[[Reading], bool]
_Clause = tuple[str, str, str, Compare, Json]
"""A plain clause: (event's member, name in that member, whole path if it has more names, comparison, expected value)."""
_DearClause = tuple[str, str, str, Look, Json]
"""The same for an expensive comparison, which caches its result."""


@dataclass(frozen=True, slots=True)
class Filter:
    """A checked filter, compiled once. *source* is its JSON as sent; do not change it."""

    source: Json
    test: Test = field(repr=False, compare=False)
    """The compiled test of an event's ``Reading``. It holds no reference to the ``Filter``, which can thus be freed."""

    def matches(self, event: Event) -> bool:
        """Return True if *event*, a decoded envelope, matches."""
        return self.test(Reading(event))

    def explain(self, event: Event) -> str | None:
        """Describe in one sentence the first clause that *event* fails; None if *event* matches."""
        return explain(self.source, Reading(event))


def compile(source: Json, *, event_types: Sequence[EventType]) -> Filter:  # noqa: A001
    """Check *source* against the schemas of *event_types* and compile it.

    A payload path must be in at least one type, and at least one type that has the path must allow its comparison.
    Paths in ``metadata`` are not checked against a schema.

    Raises BodyInvalid: one error per fault, with pointers such as ``/filter/payload.amount/gte``.
    """
    if (size := len(json.dumps(source, ensure_ascii=False, separators=(",", ":")).encode())) > MAX_BYTES:
        message = f"must have at most {MAX_BYTES:,} bytes of JSON, not {size:,}"
        raise errors.BodyInvalid([errors.FieldError("/filter", message)])
    checker = _Checker(event_types)
    checker.check(source, "/filter", depth=0)
    if checker.faults:
        raise errors.BodyInvalid(checker.faults)
    return compile_stored(source)


def compile_stored(source: Json) -> Filter:
    """Compile a filter that ``compile`` accepted before; it behaves the same without the types."""
    return Filter(source, _filter_test(source))


# --- from JSON to closures ------------------------------------------------------------------------------------------


def _comparisons(value: Json) -> Mapping[str, Json]:
    return value if isinstance(value, dict) else {"eq": value}


@dataclass(frozen=True, slots=True)
class _Parts:
    """The members of an object in a filter: plain clauses, expensive ones (*dear*), and nested filters."""

    clauses: list[_Clause] = field(default_factory=list[_Clause])
    dear: list[_DearClause] = field(default_factory=list[_DearClause])
    tests: list[Test] = field(default_factory=list[Test])

    def __len__(self) -> int:
        return len(self.clauses) + len(self.dear) + len(self.tests)

    def add(self, other: "_Parts") -> None:
        self.clauses.extend(other.clauses)
        self.dear.extend(other.dear)
        self.tests.extend(other.tests)


def _filter_test(source: Mapping[str, Json]) -> Test:
    """Compile a filter to one function; it tests plain clauses first, then expensive ones, then nested filters."""
    parts = _parts_of(source)
    return _all_of(_tests_of(parts, ends_at=False))


def _parts_of(source: Mapping[str, Json]) -> _Parts:
    parts = _Parts()
    for name, value in source.items():
        match name:
            case "any":
                parts.tests.append(_any_of(value))
            case "all":
                for item in value:
                    parts.add(_parts_of(item))
            case "not":
                parts.tests.append(_not(_filter_test(value)))
            case _:
                _add_clauses(name, value, parts.clauses, parts.dear)
    return parts


def _tests_of(parts: _Parts, *, ends_at: bool) -> list[Test]:
    """Make the tests of *parts*, which is not empty: plain clauses, expensive ones, nested filters."""
    own = [_met(parts.clauses, ends_at=ends_at)] if parts.clauses else []
    if parts.dear:
        own.append(_found(parts.dear, ends_at=ends_at))
    return [*own, *parts.tests]


def _add_clauses(path: str, value: Json, clauses: list[_Clause], dear: list[_DearClause]) -> None:
    part, name, *deeper = [sys.intern(name) for name in path.split(".")]  # shared between filters
    whole = sys.intern(path)
    for key, expected in _comparisons(value).items():
        if look := comparisons.prepare_look(key, expected):
            dear.append((part, name, whole if deeper else "", *look))
        else:
            clauses.append((part, name, whole if deeper else "", *comparisons.prepare(key, expected)))


def _met(clauses: Sequence[_Clause], *, ends_at: bool) -> Test:
    """Make one function that tests whether all *clauses* hold; if *ends_at* is True, whether any one holds.

    A function per clause would take twice the memory and time.
    """
    frozen = tuple(clauses)

    def test(reading: Reading) -> bool:
        event = reading.event
        for part, name, path, compare, expected in frozen:
            if path:
                actual = reading.at(path)
            else:
                holder = event.get(part)
                actual = holder.get(name, ABSENT) if isinstance(holder, dict) else ABSENT
            if compare(actual, expected) is ends_at:
                return ends_at
        return not ends_at

    return test


def _found(clauses: Sequence[_DearClause], *, ends_at: bool) -> Test:
    """Do the same as ``_met`` for expensive clauses. The code is repeated because a shared function would cost time."""
    frozen = tuple(clauses)

    def test(reading: Reading) -> bool:
        event = reading.event
        for part, name, path, look, expected in frozen:
            if path:
                actual = reading.at(path)
            else:
                holder = event.get(part)
                actual = holder.get(name, ABSENT) if isinstance(holder, dict) else ABSENT
            if look(actual, expected, reading) is ends_at:
                return ends_at
        return not ends_at

    return test


def _all_of(tests: Sequence[Test]) -> Test:
    if len(tests) == 1:
        return tests[0]
    parts = tuple(tests)

    def test(reading: Reading) -> bool:
        for part in parts:  # noqa: SIM110 - a generator would cost 0.3 µs
            if not part(reading):
                return False
        return True

    return test


def _any_of(sources: Sequence[Mapping[str, Json]]) -> Test:
    """Make one function that tests the alternatives of ``any``.

    Alternatives with one clause share a loop, which halves their cost.
    """
    alternatives = _Parts()
    for source in sources:
        parts = _parts_of(source)
        if len(parts) == 1:
            alternatives.add(parts)
        else:
            alternatives.tests.append(_filter_test(source))
    tests = tuple(_tests_of(alternatives, ends_at=True))
    if len(tests) == 1:
        return tests[0]

    def test(reading: Reading) -> bool:
        for part in tests:  # noqa: SIM110 - a generator would cost 0.3 µs
            if part(reading):
                return True
        return False

    return test


def _not(inner: Test) -> Test:
    return lambda reading: not inner(reading)


# --- saying why -----------------------------------------------------------------------------------------------------


def explain(source: Mapping[str, Json], reading: Reading) -> str | None:
    """Describe the first clause of *source*, a checked filter, that the event of *reading* fails; None if all hold."""
    for name, value in source.items():
        for sentence in _member_sentences(name, value, reading):
            if sentence:
                return sentence
    return None


def _member_sentences(name: str, value: Json, reading: Reading) -> Iterator[str | None]:
    match name:
        case "any":
            first, *others = value
            reason = explain(first, reading)
            is_met = reason is None or any(_filter_test(item)(reading) for item in others)
            yield None if is_met else f"none of 'any' is met; of the first, {reason}"
        case "all":
            yield from (explain(item, reading) for item in value)
        case "not":
            yield None if explain(value, reading) else "the filter in 'not' is met"
        case _:
            for key, expected in _comparisons(value).items():
                yield comparisons.shortfall(name, key, expected, reading)


# --- as forms send them: with every comparison, including those left empty ------------------------------------------


def without_blanks(filter: Json) -> Json:
    """Remove the parts of a filter that a form left empty: empty text, empty lists, and members without a comparison.

    If one filter in ``any`` is empty, the whole ``any`` is removed. A filter that is nested too deep stays unchanged.
    """
    return _kept(filter, levels=2 * MAX_DEPTH)


def _kept(part: Json, *, levels: int) -> Json:
    if not isinstance(part, dict) or not levels:
        return part
    kept = {name: _kept_member(name, value, levels=levels - 1) for name, value in part.items()}
    return {name: value for name, value in kept.items() if value not in ("", [], {})}


def _kept_member(name: str, value: Json, *, levels: int) -> Json:
    if name not in {"any", "all"} or not isinstance(value, list):
        return _kept(value, levels=levels)
    parts = [_kept(part, levels=levels) for part in value]
    if name == "any" and {} in parts:
        return []
    return [part for part in parts if part != {}]


# --- checking -------------------------------------------------------------------------------------------------------


class _Checker:
    """Checks a caller's filter and collects every fault."""

    def __init__(self, event_types: Sequence[EventType]) -> None:
        self.faults: list[errors.FieldError] = []
        self._documents = [SchemaDocument(event_type.schema) for event_type in event_types]
        self._clauses = 0

    def check(self, source: Json, pointer: str, *, depth: int) -> None:
        if not isinstance(source, dict):
            self._note(pointer, "must be an object of paths and comparisons")
        elif depth > MAX_DEPTH:
            self._note(pointer, f"is nested more than {MAX_DEPTH} deep")
        else:
            self._count(pointer, bool(depth and not source))
            for name, value in source.items():
                if self._clauses > MAX_CLAUSES:
                    break
                self._check_member(name, value, pointer + errors.pointer(name), depth=depth)

    def _note(self, pointer: str, message: str) -> None:
        self.faults.append(errors.FieldError(pointer, message))
        if len(self.faults) == MAX_FAULTS:
            raise errors.BodyInvalid(self.faults, ended_early=True)

    def _count(self, pointer: str, clauses: int) -> bool:
        """Add *clauses* to the count; False once there are too many. The fault is reported only the first time."""
        fits = self._clauses <= MAX_CLAUSES
        self._clauses += clauses
        if fits and self._clauses > MAX_CLAUSES:
            self._note(pointer, f"is one too many: a filter has at most {MAX_CLAUSES} clauses")
        return self._clauses <= MAX_CLAUSES

    def _check_member(self, name: str, value: Json, pointer: str, *, depth: int) -> None:
        if name == "not":
            self.check(value, pointer, depth=depth + 1)
        elif name not in {"any", "all"}:
            self._check_path(name, value, pointer)
        elif not isinstance(value, list) or not value:
            self._note(pointer, "must be a list of at least one filter")
        else:
            for index, item in enumerate(value):
                if self._clauses <= MAX_CLAUSES:
                    self.check(item, f"{pointer}/{index}", depth=depth + 1)

    def _check_path(self, path: str, value: Json, pointer: str) -> None:
        part, *names = path.split(".")
        if part not in {"payload", "metadata"} or not 1 <= len(names) <= MAX_PATH or not all(names):
            self._count(pointer, 1)
            self._note(
                pointer,
                "must be 'any', 'all', 'not', or a path such as 'payload.amount' or 'metadata.source'",
            )
            return
        shapes = None
        if part == "payload":
            shapes = [shape for document in self._documents for shape in document.shapes_at(names)]
            if not shapes:
                self._note(pointer, "is in none of the chosen event types")
        if value == {}:
            self._note(pointer, f"must have at least one of {', '.join(comparisons.OPERATORS)}")
        for name, expected in _comparisons(value).items():
            at = pointer + errors.pointer(name) if isinstance(value, dict) else pointer
            if not self._count(at, 1):
                return
            fault = comparisons.fault(name, expected) or comparisons.range_fault(expected)
            if fault:
                self._note(at, fault)
            elif shapes:
                self._check_types(name, expected, at, shapes)

    def _check_types(self, name: str, expected: Json, pointer: str, shapes: Sequence[Shape]) -> None:
        if name != "in":
            if objection := types.objection(shapes, name, expected):
                self._note(pointer, objection)
            return
        has_values = any(shape.values is not None or shape.excluded for shape in shapes)
        fit = set[object]()
        for index, item in enumerate(expected):
            likes: object = type(item) if not has_values and type(item) is not float else (type(item), item)
            if likes in fit:
                continue
            if objection := types.objection(shapes, name, item):
                self._note(f"{pointer}/{index}", objection)
            else:
                fit.add(likes)
