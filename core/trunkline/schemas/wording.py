"""English words for the names of operations and events: nouns, articles, plurals, and sentences about events. Pure."""

import re
from collections.abc import Mapping
from dataclasses import dataclass

from trunkline.schemas.catalog import EventType
from trunkline.schemas.definitions import Definition

_READS = frozenset({"find", "get", "list", "look", "search"})
_SOUNDS_LIKE_A_CONSONANT = re.compile(r"(?:uni|use|usa|eu|one\b|once)", re.IGNORECASE)
_LETTERS_WITH_AN = frozenset("AEFHILMNORSX")
_HAPPENS: Mapping[str, str] = {
    "arrived": "arrives", "bounced": "bounces", "changed": "changes", "ended": "ends", "expired": "expires",
    "failed": "fails", "left": "leaves", "lapsed": "lapses", "started": "starts", "succeeded": "succeeds",
}  # fmt: skip
"""Verbs written in the active voice, for things that happen by themselves; all others are written in the passive."""


_SINGULARS = {"ies": "y", "sses": "ss", "xes": "x", "tuses": "tus", "shes": "sh", "tches": "tch"}


@dataclass(frozen=True, slots=True)
class Wording:
    """An operation in two words: *verb* (``update``) and *noun* (``lead status``), both in lower case."""

    verb: str
    noun: str

    @property
    def is_reading(self) -> bool:
        """Whether the operation only finds something and changes nothing."""
        return self.verb in _READS


def wording_of(definition: Definition) -> Wording:
    """Split the name of an operation into verb and noun; the noun of a one-word name comes from its path."""
    verb, _, noun = definition.name.replace("-", "_").partition("_")
    noun = noun or singular(definition.path.strip("/").split("/")[0].strip("{}"))
    return Wording(verb, noun.replace("_", " ").replace("-", " "))


def happening(event_type: EventType) -> str:
    """Describe the event as a clause: ``a payment fails``, ``the status of a client changes``, ``a new lead is created``."""
    noun, aspect, verb = _happened(event_type)
    subject = f"the {' '.join(aspect)} of {with_article(noun)}" if aspect else with_article(noun)
    if verb in _HAPPENS:
        return f"{subject} {_HAPPENS[verb]}"
    if verb == "created" and not aspect:
        return f"a new {noun} is created"
    return f"{subject} is {verb}"


def those_of(event_type: EventType) -> str:
    """Name the subjects of the events of a type: ``new leads``, ``failed payments``, ``client status changes``."""
    noun, aspect, verb = _happened(event_type)
    if aspect:
        return (
            f"{noun} {' '.join(aspect)} changes"
            if verb == "changed"
            else f"{verb} {noun} {plural(' '.join(aspect))}"
        )
    return f"{'new' if verb == 'created' else verb} {plural(noun)}"


def _happened(event_type: EventType) -> tuple[str, list[str], str]:
    """Split the name of an event type: ``client``, ``["status"]`` and ``changed``."""
    thing, _, action = event_type.name.rpartition(".")
    *aspect, verb = re.split(r"[_-]+", action)
    return singular(re.sub(r"[._-]+", " ", thing)), aspect, verb


def with_article(noun: str) -> str:
    """Put *a* or *an* before *noun*, as in speech."""
    first = noun.split(" ", maxsplit=1)[0]
    is_spelt = first.isupper() and len(first) > 1
    has_vowel = first[:1] in _LETTERS_WITH_AN if is_spelt else first[:1].lower() in "aeiou"
    return f"{'an' if has_vowel and not _SOUNDS_LIKE_A_CONSONANT.match(first) else 'a'} {noun}"


def plural(noun: str) -> str:
    """Return the plural of *noun*: ``lead`` becomes ``leads``, ``company`` ``companies``, ``status`` ``statuses``."""
    if re.search(r"(?:s|x|z|ch|sh)$", noun):
        return f"{noun}es"
    return f"{noun[:-1]}ies" if re.search(r"[^aeiou]y$", noun) else f"{noun}s"


def singular(noun: str) -> str:
    """Return the singular of *noun*: ``leads`` becomes ``lead``, ``companies`` ``company``, ``statuses`` ``status``."""
    for several, ending in _SINGULARS.items():
        if noun.endswith(several):
            return noun.removesuffix(several) + ending
    return noun if noun.endswith(("ss", "us", "is")) else noun.removesuffix("s")
