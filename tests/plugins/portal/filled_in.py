"""The fields of a page's form, as a browser sends them if nobody changes anything."""

from html.parser import HTMLParser


class _Form(HTMLParser):
    """Collects the fields of the form that is sent to *action*."""

    def __init__(self, action: str) -> None:
        super().__init__()
        self.fields: dict[str, list[str]] = {}
        self._action, self._is_inside = action, False
        self._select, self._area, self._text = "", "", ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        if tag == "form":
            self._is_inside = given.get("action", "").endswith(self._action)
        elif tag == "input":
            is_box = given.get("type") in {"checkbox", "radio"}
            if not is_box or "checked" in given:
                self._add(given.get("name", ""), given.get("value", "").replace("\n", ""))
        elif tag == "select":
            self._select = given["name"]
        elif tag == "option" and "selected" in given:
            self._add(self._select, given["value"])
        elif tag == "textarea":
            self._area, self._text = given["name"], ""

    def handle_data(self, data: str) -> None:
        self._text += data

    def handle_endtag(self, tag: str) -> None:
        if tag == "textarea":
            self._add(self._area, self._text.removeprefix("\n").replace("\n", "\r\n"))
        elif tag == "form":
            self._is_inside = False

    def _add(self, name: str, value: str) -> None:
        if self._is_inside and name:
            self.fields.setdefault(name, []).append(value)


def fields_of(html: str, action: str) -> dict[str, list[str]]:
    """Return the values of the fields of the form whose address ends with *action*; buttons are left out."""
    form = _Form(action)
    form.feed(html)
    return form.fields
