"""The texts of a catalogue in the form that n8n's linter asks for: case, full stops and the names of things."""

import re
from collections.abc import Mapping

_WORDS = re.compile(r"[^\W_]+")
_INITIALISM = re.compile(r"\b(id|url|json)(s?)\b", re.IGNORECASE)
_TOKEN = re.compile(r"[^\s:\u2013\u2014-]+")
_LETTER = re.compile(r"[A-Za-z0-9\u00C0-\u00FF]")
_MANUAL_CASE = re.compile(r".(?=[A-Z]|\..)")
_INNER_INITIAL = re.compile(r"(?<=[A-Z])[A-Z](?![a-z])")
_SMALL_WORD = re.compile(
    r"\b(?:an?d?|a[st]|because|but|by|en|for|i[fn]|neither|nor|o[fnr]|only|over|per|so|some|tha[tn]|the|to|up|upon|vs?\.?"
    r"|versus|via|when|with|without|yet)\b",
    re.IGNORECASE,
)


def pascal_case(name: str) -> str:
    """Make a class name: ``client-statuses`` becomes ``ClientStatuses``."""
    return "".join(word[0].upper() + word[1:] for word in _WORDS.findall(name))


def camel_case(name: str) -> str:
    """Make a variable's name: ``client_id`` becomes ``clientId``."""
    pascal = pascal_case(name)
    return pascal[:1].lower() + pascal[1:]


def class_name(slug: str) -> str:
    """Make the class name of a node, in which the linter joins initials: ``x-y-z`` becomes ``XYz``."""
    joined = _INNER_INITIAL.sub(lambda initial: initial[0].lower(), camel_case(slug))
    return joined[:1].upper() + joined[1:]


def title_case(text: str) -> str:
    """Capitalise each word except small inner words, as the linter's ``title-case`` does."""

    def capitalise(match: re.Match[str]) -> str:
        token = match[0]
        is_inner = match.start() > 0 and match.end() < len(text)
        if _MANUAL_CASE.search(token) or (is_inner and _SMALL_WORD.search(token)):
            return token
        return _LETTER.sub(lambda letter: letter[0].upper(), token, count=1)

    return _capitalise_initialisms(_TOKEN.sub(capitalise, text))


def description(text: str, *, of: str = "") -> str:
    """Write a description: one sentence without a full stop, or several sentences with full stops.

    The result is empty if the description only repeats the name *of*.
    """
    plain = _capitalise_initialisms(" ".join(text.split()).replace("`", "'"))
    plain = plain.replace("<", "&lt;").replace(">", "&gt;").rstrip(".")
    if plain.removeprefix("The ").casefold() == of.casefold():
        return ""
    ended = plain + "." if ". " in plain.replace("e.g.", "") else plain
    return ended[:1].upper() + ended[1:]


def fill(text: str, words: Mapping[str, str]) -> str:
    """Replace each name of *words* in *text* by its word, in their order."""
    for name, word in words.items():
        text = text.replace(name, word)
    return text


def _capitalise_initialisms(text: str) -> str:
    return _INITIALISM.sub(lambda match: match[1].upper() + match[2].lower(), text)
