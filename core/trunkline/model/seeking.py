"""Text search in events: plain text, or a field and its value as pages and filters write them."""

import re
from dataclasses import dataclass, field

_FIELD = re.compile(
    r"""(?:[\w-]+\.)*(?P<name>[A-Za-z_][\w-]*)\s*[:=]\s*(?P<value>\S.*)|"(?P<quoted>[^"]+)"\s*:\s*(?P<given>\S.*)"""
)


@dataclass(frozen=True, slots=True)
class Sought:
    """The term of a search: *text*, or a field with a value, as in ``client_id:777001`` or ``"client_id": 777001``.

    A path may precede the field: ``payload.client_id=777001``.
    """

    text: str
    _folded: str = field(init=False, repr=False)
    _value: str = field(init=False, repr=False, default="")
    _pattern: re.Pattern[str] | None = field(init=False, repr=False, default=None)

    def __post_init__(self) -> None:
        match = _FIELD.fullmatch(self.text.strip())
        is_json = match is not None and match["quoted"] is not None
        object.__setattr__(self, "_folded", "" if is_json else self.text.casefold())
        if match is not None:
            name, value = (match["quoted"], match["given"]) if is_json else (match["name"], match["value"])
            value = value.rstrip(", ").strip('"').casefold()
            pattern = rf'"{re.escape(name.casefold())}"\s*:\s*"?{re.escape(value)}"?(?=\s*[,}}\]])'
            object.__setattr__(self, "_value", value)
            object.__setattr__(self, "_pattern", re.compile(pattern, re.IGNORECASE))

    def is_in(self, folded: str) -> bool:
        """Return whether *folded*, a case-folded JSON text, contains the term."""
        if self._folded and self._folded in folded:
            return True
        return (
            self._pattern is not None and self._value in folded and self._pattern.search(folded) is not None
        )

    def find(self, text: str) -> re.Match[str] | None:
        """Find the term in a JSON *text*, ignoring case."""
        found = re.search(re.escape(self.text), text, re.IGNORECASE) if self._folded else None
        return found or (self._pattern.search(text) if self._pattern is not None else None)
