"""The demo's output: a table that fills on a terminal, plain lines in a pipe, a JSON summary for machines."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Self

from rich.console import Console, RenderableType
from rich.live import Live
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from trunkline_kit.demo.progress import Progress, Summary

STORY = (
    "A product reports each event once, with one API call; the actions that write into the system of record report "
    "theirs by themselves. trunkline checks each against its schema, writes it to one log, and pushes it, signed, to "
    "everyone who subscribed; when a receiver fails, it tries again. Whoever would rather pull reads the same log by "
    "cursor. Here come a lead and a client, made by actions, one event of each other type, and a receiver that fails on "
    "the first push."
)
TIMES = "Times are since the call was made."
_COLUMNS = {"event": 31, "accepted": 9, "pushed": 24, "signature": 10, "polled": 9}
"""Each column with its fixed width, so that the table does not move while it fills."""


@dataclass(frozen=True, slots=True)
class RunningHub:
    """The address and the key of the hub that keeps running; *portal* is None without the portal's plugin."""

    url: str
    api_key: str
    portal: str | None = None


class Screen:
    """For people: a table on a terminal, lines in a pipe. It is entered as a context while events are under way."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._rows: Mapping[str, Progress] = {}
        self._printed: set[str] = set()
        self._live = Live(console=console, refresh_per_second=20, get_renderable=self._render)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        if self._live.is_started:
            self._live.stop()

    def start(self, rows: Mapping[str, Progress], *, place: str) -> None:
        """Print the introduction; on a terminal, begin the table."""
        self._rows = rows
        title = Text.assemble(("trunkline demo", "bold"), (f"  ·  company 92  ·  {place}", "dim"))
        if self._console.is_terminal:
            self._console.print()
            self._console.print(title)
            story = Padding(Text(f"{STORY} {TIMES}", style="dim"), (1, 0))
            self._console.print(story, width=min(self._console.width, 100))
            self._live.start()
        else:
            self._line(title.plain)
            self._line(STORY)
            self._line(TIMES)

    def update(self, row: Progress) -> None:
        """In a pipe, print the event once it is accepted, pushed and polled."""
        if not self._console.is_terminal and row.is_done and row.event_type not in self._printed:
            self._printed.add(row.event_type)
            cells = [cell.plain for cell in _cells(row)]
            parts = [f"{name} {cell}" for name, cell in zip([*_COLUMNS][1:], cells[1:], strict=True)]
            self._line(f"{cells[0]}: {', '.join(parts)}")

    def finish(self, summary: Summary, *, running_hub: RunningHub | None) -> None:
        """Print the numbers; if *running_hub* is given, also things to try while the hub keeps running."""
        self._print(Text())
        mark = ("✓ ", "bold green") if summary.ok else ("✗ ", "bold red")
        names = ("accepted", "pushed", "verified", "polled", "retried")
        counts = " · ".join(f"{getattr(summary, name)} {name}" for name in names)
        self._print(Text.assemble(mark, (counts, "bold"), (f"  in {summary.seconds:.1f} s", "dim")))
        if summary.ok:
            again = " A search found the client again." if summary.search_matches else ""
            same = "What was accepted, pushed and polled is the same, byte for byte."
            self._print(Text(f"  {same}{again}", style="dim"))
        else:
            rule = f"All numbers should be {summary.expected}, with a retry or more."
            missing = " A search did not find the client." if summary.search_matches is False else ""
            self._print(Text(f"  {rule}{missing}", style="red"))
        if running_hub is not None:
            header = f"-H 'X-Api-Key: {running_hub.api_key}'"
            read = f"curl '{running_hub.url}/api/v1/events?limit=3' {header}"
            body = """-H 'Content-Type: application/json' -d '{"type": "client.created"}'"""
            send = f"curl {running_hub.url}/api/v1/events/test {header} {body}"
            docs = f"{running_hub.url}/docs"
            self._print(Text.assemble(("\nIt keeps running. ", "bold"), "API reference: ", (docs, "cyan")))
            if running_hub.portal is not None:
                parts = (running_hub.portal, "cyan"), "\nSign in with ", (running_hub.api_key, "cyan")
                self._print(Text.assemble("\nAdmin portal: ", *parts))
            for title, command in (("Read the log:", read), ("Send an event, and see it arrive here:", send)):
                self._print(Text.assemble("\n", title, "\n", (command, "cyan")))
            self._print(Text("\nCtrl-C ends it.\n", style="dim"))
        self._console.file.flush()

    def show_new(self, row: Progress) -> None:
        """Print that an event has arrived at the receiver."""
        verdict = ("signature verified", "green") if row.verified else ("the signature is wrong", "red")
        self._print(
            Text.assemble(("→ ", "bold"), row.event_type, (f" #{row.event_id}", "dim"), " pushed, ", verdict)
        )

    def _render(self) -> RenderableType:
        table = Table(box=None, pad_edge=False, padding=(0, 4, 0, 0), header_style="dim")
        for name, width in _COLUMNS.items():
            table.add_column(name, min_width=width, no_wrap=True)
        for row in self._rows.values():
            table.add_row(*_cells(row))
        return table

    def _print(self, text: Text) -> None:
        self._console.print(text, soft_wrap=True)

    def _line(self, text: str) -> None:
        self._console.print(text, soft_wrap=True, highlight=False, markup=False)


class JsonScreen(Screen):
    """For machines: the summary alone."""

    def start(self, rows: Mapping[str, Progress], *, place: str) -> None:
        """Print nothing."""

    def update(self, row: Progress) -> None:
        """Print nothing."""

    def finish(self, summary: Summary, *, running_hub: RunningHub | None) -> None:
        """Print the summary as JSON."""
        self._line(json.dumps(summary.as_json() | (asdict(running_hub) if running_hub else {}), indent=2))
        self._console.file.flush()

    def show_new(self, row: Progress) -> None:
        """Print nothing."""


def _cells(row: Progress) -> tuple[Text, ...]:
    number = f" #{row.event_id}" if row.event_id is not None else ""
    pushed = _time(row.pushed_ms)
    if row.pushed_ms is None and row.attempts:
        pushed = Text("✗ 500, trying again …", style="yellow")
    elif row.attempts > 1:
        pushed.append(f" after {row.attempts - 1} retry", "yellow")
    return (
        Text.assemble(row.event_type, (number, "dim")),
        _time(row.accepted_ms),
        pushed,
        Text("✓ verified", style="green") if row.verified else Text("·", style="dim"),
        _time(row.polled_ms),
    )


def _time(milliseconds: float | None) -> Text:
    if milliseconds is None:
        return Text("·", style="dim")
    return Text.assemble(("✓ ", "green"), f"{milliseconds:,.0f} ms")
