"""Writes the pages of this folder from the code that they describe: ``python docs/reference/generate.py``.

Prose that no code holds stands here; everything in a table is read from the code. A test compares the pages with what
this file makes of them, so that they cannot drift apart.
"""

import inspect
import itertools
import re
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from importlib.metadata import entry_points
from importlib.resources import files
from pathlib import Path
from typing import Any

from fastapi.routing import iter_route_contexts
from pydantic import BaseModel
from pydantic.fields import FieldInfo

from trunkline import HOOK_API, EventType, settings
from trunkline.api import problems
from trunkline.api.app import create_app
from trunkline.api.security import Requires
from trunkline.cli import load_commands, opening
from trunkline.hub.hub import Hub
from trunkline.schemas.definitions import FOLDERS, KINDS, Definition, Kind
from trunkline.schemas.files import load_definitions, load_event_types, operational_event_types
from trunkline.settings.secret_files import holds_secret
from trunkline_alerts import messages as alerts
from trunkline_alerts.settings import Settings as AlertSettings
from trunkline_kit import Level, list_checks

FOLDER = Path(__file__).parent
sys.path.insert(0, str(FOLDER))

import public_api  # noqa: E402
import testing_kit  # noqa: E402
import values  # noqa: E402

SCHEMAS = "trunkline_schemas"
LEVELS = list(Level)
NOTE = "<!-- Written by docs/reference/generate.py -->"


def page(title: str, *blocks: str) -> str:
    """Put a page together, one empty line between its *blocks*."""
    return "\n\n".join([f"# {title}", NOTE, *blocks]) + "\n"


def table(columns: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Write a table; a bar in a cell is escaped."""
    lines = [columns, ["---"] * len(columns), *([cell.replace("|", "\\|") for cell in row] for row in rows)]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def listing(items: Iterable[tuple[str, Sequence[str], str]]) -> str:
    """Write a list: of each item its name, its facts in brackets, and its meaning."""
    lines = []
    for name, facts, meaning in items:
        in_brackets = f" ({', '.join(facts)})" if facts else ""
        lines.append(f"- `{name}`{in_brackets}: {meaning}")
    return "\n".join(lines)


def first_line(documented: object) -> str:
    """Give the first paragraph of a docstring on one line."""
    return " ".join(markdown(documented).partition("\n\n")[0].split())


def markdown(documented: object) -> str:
    """Give a docstring with its code in Markdown's back ticks."""
    return (inspect.getdoc(documented) or "").replace("``", "`")


def sentence(text: str) -> str:
    """Begin *text* with a capital and end it with a full stop."""
    text = text[:1].upper() + text[1:]
    return text if text.endswith((".", "…")) else f"{text}."


# ---- settings --------------------------------------------------------------------------------------------------------


def core_sections() -> Iterator[tuple[str, type[BaseModel]]]:
    """Every section of ``trunkline.toml`` that is the core's, with its model."""
    for name, field in settings.Settings.model_fields.items():
        if isinstance(field.annotation, type) and issubclass(field.annotation, settings.Section):
            yield name, field.annotation


def default_of(field: FieldInfo) -> str:
    """Write a default as it would stand in ``trunkline.toml``."""
    value = field.default
    match value:
        case bool():
            return f"`{str(value).lower()}`"
        case tuple():
            written = [f'"{item}"' if isinstance(item, str) else f"{item:g}" for item in value]
            return f"`[{', '.join(written)}]`"
        case str():
            return f'`"{value}"`'
        case _:
            return f"`{value}`"


def _secrets() -> str:
    """List the secrets among the core's settings."""
    names = [
        f"`{section}.{field.alias or name}`"
        for section, model in core_sections()
        for name, field in model.model_fields.items()
        if holds_secret(field)
    ]
    return f"{', '.join(names[:-1])} and {names[-1]}"


def settings_list(section: str, model: type[BaseModel]) -> str:
    """List the settings of a section."""
    return listing(
        (
            f"{section}.{field.alias or name}",
            [] if field.default is None else [default_of(field)],
            sentence(field.description or ""),
        )
        for name, field in model.model_fields.items()
    )


def settings_page() -> str:
    """Every setting of the core."""
    blocks = [
        "Settings stand in `trunkline.toml` in the current folder, or in the file that `--config` names. Environment variables win over `.env` beside it, and `.env` over the file. "
        "The variable of `server.port` is `TRUNKLINE_SERVER__PORT`. An unknown or malformed setting stops the start and is named.",
        "A relative path begins in the folder of the settings file, or in the current folder without one. Paths in a PostgreSQL URL are read as libpq reads them.",
        '```toml\n[server]\nport = 8080\n\n[delivery]\nallow_http = true\nretry_schedule_seconds = [5, 30, 120]\n\n[plugins]\nenabled = ["webhooks", "polling"]\n```',
        "In a variable a list is a JSON array or comma-separated: `TRUNKLINE_PLUGINS__ENABLED=webhooks,polling`. Defaults stand in brackets. "
        "A plugin's settings stand in the section with its name; `trunkline plugins show NAME` lists them.",
    ]
    for section, model in core_sections():
        blocks += [f"## {section}", first_line(model), settings_list(section, model)]
    blocks += [
        "## Secrets",
        "A variable with `_FILE` behind its name [names a file](../how-to/replace-secrets.md#secrets-in-files) that has the secret. "
        f"In the core these are {_secrets()}; in plugins every setting that is a `SecretStr`.",
        "On SQLite `auth.pepper` and `auth.encryption_key` may stay unset: the first start makes them and keeps them in `trunkline.db.secrets`, "
        "which you must back up with the database. On PostgreSQL [set them](../how-to/run-on-postgresql.md), the same in every process.",
    ]
    return page("Settings", *blocks)


# ---- hooks -----------------------------------------------------------------------------------------------------------


_PHASES = (
    (
        "Called once, at start",
        "Plain functions that return frozen values and do no I/O. A wrong value makes the plugin `failed`, with a sentence that says why.",
        True,
    ),
    (
        "Called while the hub runs",
        "May be `def` or `async def`. They are called plugin by plugin, five seconds at most; a hook that raises or hangs is "
        "logged with the plugin's name and stops no other. A plain `def` runs in a thread of the plugin's own.",
        False,
    ),
)
_HOOKS_INTRODUCTION = (
    "A plugin marks a function with `trunkline.hookimpl`, names it after a hook, and takes any of the hook's arguments; an unknown hook or argument "
    "fails the plugin. See also [pages and connectors](pages.md), [routes and services](routes.md) and [Write a channel plugin](../how-to/write-a-channel-plugin.md). "
    "`python -m pydoc trunkline.NAME` has each name whole."
)
_HOOKS_AFTERWORD = (
    "## Limits",
    "Hooks of plugins run in no particular order. [Plugins and isolation](../explanation/plugins-and-isolation.md#what-isolation-does) has the time limits, "
    "and what happens to a plugin that raises, hangs or is too slow.",
    "## Watching a plugin at work",
    "With `TRUNKLINE_TRACE_PLUGINS=1` every command writes a line to standard error for each call of a hook and each `deliver`; values are named, not shown.",
    "```text\ntrace acme.register_channels(context) 0.03 ms returned [Channel(name='acme')]\n"
    "trace acme.event_accepted(context, events=[AcceptedEvent(event_id=1000, company_id=92, type='lead.created')]) 0.05 ms raised KeyError: 'amount'\n```",
    f"This is generation {HOOK_API} of the hook API (`trunkline.HOOK_API`); [Stability](../explanation/stability.md) says what may change.",
)


def hooks_page() -> str:
    """Every hook, by phase."""
    blocks = [_HOOKS_INTRODUCTION]
    for title, text, at_start in _PHASES:
        blocks += [f"## {title}", text]
        for name, function in public_api.hooks():
            if name.startswith("register_") == at_start:
                blocks += [
                    f"### {name}",
                    f"```python\n{values.signature(name, public_api.signature_of(function))}\n```",
                    markdown(function),
                ]
    return page(
        "Hooks",
        *blocks,
        *_HOOKS_AFTERWORD,
        *values.blocks("hooks.md", table),
        *values.overview("hooks.md", left_out=values.WHOLE),
    )


def pages_page() -> str:
    """Every name of ``trunkline.pages``."""
    return page(
        "Pages and connectors",
        markdown(values.MODULES["pages.md"]),
        "A line ends with the fields, arguments and methods of its name; `python -m pydoc trunkline.pages.NAME` has their types, defaults and errors.",
        *values.overview("pages.md"),
    )


def routes_page() -> str:
    """Every name of ``trunkline.routes``, and what else a context lends."""
    return page(
        "Routes and services",
        markdown(values.MODULES["routes.md"]),
        "A line ends with the fields, arguments and methods of its name; `python -m pydoc trunkline.routes.NAME` has their types, defaults and errors.",
        *values.overview("routes.md"),
    )


def testing_page() -> str:
    """Every name of ``trunkline.testing``, and its fixtures."""
    return page("Testing", *testing_kit.blocks(table))


# ---- event types -----------------------------------------------------------------------------------------------------


def event_type_row(kind: EventType) -> tuple[str, str, str]:
    """The row of one event type."""
    required = kind.schema.get("required", ())
    names = [f"`{name}`" if name in required else f"`{name}`?" for name in kind.schema["properties"]]
    return f"`{kind.name}`", f"{kind.description.partition('. ')[0].rstrip('.')}.", ", ".join(names)


def event_types_page() -> str:
    """The ten event types with their fields."""
    kinds = load_event_types(files(SCHEMAS))
    blocks = [
        "The event types of the bundled example product. `/docs/events` of a hub has the meaning of each field. "
        "The JSON Schemas are at `/schemas/events/{type}.json`; `GET /api/v1/event-types` lists the types of a deployment.",
        table(["type", "when", "fields (`?`: may be absent)"], map(event_type_row, kinds)),
        "The envelope in which events are pushed and polled. An empty `metadata` is absent, and `companyRef` without a [reference](../how-to/manage-companies.md); "
        '`"environment": "test"` marks events of a [test environment](../how-to/use-a-test-environment.md).',
        '```json\n{"id": 45678, "type": "client.created", "createdUtc": "2026-01-28T10:30:00Z", "companyId": 92,\n "companyRef": "acme-4f2a", "payload": {"client_id": 12345, "first_name": "Jane"}, "metadata": {"source": "web_portal"}}\n```',
    ]
    return page("Event types", *blocks)


# ---- actions, searches and lookups -----------------------------------------------------------------------------------

INTEGRATIONS = "/api/v1/integrations"
OPERATIONS: Mapping[Kind, str] = {
    "action": "A write; scope `integrations:write`. The record and its event are stored in one transaction. `PUT` answers wherever `PATCH` does. "
    "Empty strings count as absent; `null` clears a field that can be cleared. An update needs a field. "
    "A create with a used `external_id` is answered with 200 and the first record. With `Idempotency-Key` a repeated request gets the first answer "
    "for 24 hours (`events.idempotency_hours`). A `DELETE` takes no body.",
    "search": "A read; scope `integrations:read`. A search by key answers with an empty list if it finds nothing, a search by number with 404. "
    "A search that takes `cursor` gives pages: send `next_cursor` back until it is null.",
    "lookup": "A list for a form's dropdown; scope `integrations:read`. `q` narrows it down.",
}


def call_of(definition: Definition) -> str:
    """Write an operation's method and path."""
    return f"{definition.method} {INTEGRATIONS}{definition.path}"


def operations_page() -> str:
    """Every action, search and lookup."""
    definitions = load_definitions(files(SCHEMAS))
    blocks = [
        "The actions, searches and lookups of the bundled example product, WhiteLabelCRO. `/docs/events` of a hub has the fields and examples of each. "
        "The JSON Schemas are at `/schemas/actions/{name}.json`, and likewise for `searches` and `lookups`; `GET /api/v1/actions`, `/searches` and `/lookups` list those of a deployment. "
        "Another product [brings its own](../how-to/put-your-own-product-behind-it.md). An unknown field is refused.",
    ]
    for kind in KINDS:
        rows = [
            (
                f"`{call_of(definition)}`",
                f"`{definition.name}`",
                ", ".join(f"`{name}`" for name in definition.emits),
            )
            for definition in definitions
            if definition.kind == kind
        ]
        columns = ["call", "name", "emits"] if any(row[-1] for row in rows) else ["call", "name"]
        rows = [row[: len(columns)] for row in rows]
        blocks += [f"## {FOLDERS[kind].title()}", OPERATIONS[kind], table(columns, rows)]
    return page("Actions, searches and lookups", *blocks)


# ---- HTTP ------------------------------------------------------------------------------------------------------------


def built_in_hub() -> Hub:
    """Build, but do not start, a hub with the plugins of this distribution and no other."""
    own = tuple(
        e.name for e in entry_points(group="trunkline") if e.dist is not None and e.dist.name == "trunkline"
    )
    chosen = settings.Settings(plugins=settings.Plugins(enabled=own))
    return opening.inspected(chosen, with_routes=True)


def guards(dependant: Any) -> Iterator[Requires]:
    """The key checks of a route."""
    if isinstance(dependant.call, Requires):
        yield dependant.call
    for inner in dependant.dependencies:
        yield from guards(inner)


def routes() -> Iterator[tuple[str, str, str, str, str]]:
    """Method, path, scope, bucket and summary of every route, in the order of the paths."""
    summaries: dict[tuple[str, str], tuple[str, str, str]] = {}
    for context in iter_route_contexts(create_app(built_in_hub()).routes):
        if context.path.startswith(("/portal", INTEGRATIONS)):  # pages for people; the product's own calls
            continue
        for method in sorted((context.methods or set()) - {"HEAD"}):
            guard = next(guards(context.dependant), None) if context.dependant else None
            if guard is None:
                scope, bucket = "public", "–"
            else:
                scope = f"`{guard.scope}`" if guard.scope else "any key"
                bucket = guard.bucket_for(method) or "–"
            summary = context.summary or first_line(context.endpoint)
            summaries.setdefault((context.path, method), (scope, bucket, summary.rstrip(".")))
    for (path, method), row in sorted(summaries.items(), key=lambda item: item[0]):
        yield method, path, *row


def http_page() -> str:
    """Every route with what it asks of the caller."""
    listed = [(f"`{method} {path}`", *rest) for method, path, *rest in routes()]
    keyed = [row for row in listed if row[1] != "public"]
    public = "\n".join(f"- {call}: {summary}" for call, scope, _, summary in listed if scope == "public")
    return page(
        "HTTP API",
        "The routes of a hub with the built-in plugins; those of a plugin exist while it runs. A hub describes each in full at `/docs` and `/openapi.json` "
        "(OpenAPI 3.1), its events at `/asyncapi.json` (AsyncAPI 3.1); `trunkline export openapi DIR` writes the document to a file. "
        f"Below `{INTEGRATIONS}` are the product's [actions, searches and lookups](operations.md).",
        table(["call", "scope", "bucket", "what it does"], keyed),
        "`GET /api/v1/plugins` also asks for the scope `admin`, or an operator's key.",
        "## Without a key",
        public,
        "## Keys",
        "A call below `/api/v1` carries its key in the header `X-Api-Key`, or as `Authorization: Bearer …`. A company's key (`…_live_92_…`) sees nothing of another company. "
        "An operator's (`…_live_0_…`) may do everything, and names the company in `X-Company-Id`, or in an event's `companyId`, by id or reference; "
        "the environment in `X-Environment`. A key without a company that has the scope `events:write` alone [emits for every company](../how-to/manage-companies.md#keys). "
        "Keys of a [test environment](../how-to/use-a-test-environment.md) have `_test_` for `_live_`. No key, or an unknown or revoked one: 401. "
        "A key without the scope: 403, which names it. Another company's record: 404.",
        "## Rate limits",
        "[Settings](settings.md#limits) bound the calls a minute of a company's key in each bucket. Every answer carries "
        "`X-RateLimit-Limit`, `X-RateLimit-Remaining`, `X-RateLimit-Reset` (Unix seconds), `X-RateLimit-Window` and `X-RateLimit-Policy`. "
        "Over the limit: 429 with `Retry-After`. Keys without a company are not limited.",
        "## On every answer",
        "`X-Request-Id`: the id under which the call is logged, also in the audit log; a client may give its own. Errors are [problem documents](errors.md). Answers to calls with a key have `Cache-Control: no-store`.",
    )


# ---- errors ----------------------------------------------------------------------------------------------------------


def problem_rows() -> Iterator[tuple[str, Sequence[str], str]]:
    """Type, status and meaning of every problem in the table of ``api.problems``."""
    for kind, name in problems.TYPES.items():
        yield name, [str(kind.status)], first_line(kind)


def errors_page() -> str:
    """Every problem type."""
    return page(
        "Errors",
        "Errors are answered as `application/problem+json` (RFC 9457). `type` is `urn:trunkline:problem:` and a name of the list below. "
        "`detail` says what to do. `errors` names up to 50 faulty fields, each with a JSON pointer into the body or a parameter's name; `more_errors` counts the rest. "
        "`form_detail`, on actions, searches and lookups, says the same by the fields' titles. `request_id` is also the header `X-Request-Id`.",
        '```json\n{"type": "urn:trunkline:problem:event-rejected", "title": "Event rejected", "status": 422,\n'
        ' "detail": "The request body is not valid at \'/payload/amount_attempted\': must be a number, not a string.",\n'
        ' "request_id": "115d7048c67d86a2",\n'
        ' "errors": [{"path": "/payload/amount_attempted", "message": "must be a number, not a string"}]}\n```',
        listing(problem_rows()),
        "Errors of the framework are named for their status: `not-found` (404, no such address), `method-not-allowed` (405, with `Allow`), "
        "`unsupported-media-type` (415). A fault of the hub is `internal-error` (500); the log has it under the same request id. "
        "`rate-limited`, `too-fast`, `overloaded`, `machine-exhausted`, `stopping` and `store-unavailable` carry `Retry-After`.",
    )


# ---- command line ----------------------------------------------------------------------------------------------------


def commands(group: Any = None, path: str = "trunkline") -> Iterator[tuple[str, Any]]:
    """Every command with its full name, in the order of ``--help``."""
    group = group or load_commands()
    for name, command in group.commands.items():
        if not command.hidden and getattr(command, "invoke_without_command", True):
            yield f"{path} {name}", command
        if hasattr(command, "commands"):
            yield from commands(command, f"{path} {name}")


def options(command: Any) -> Iterator[str]:
    """The arguments and options of a command, hidden and common ones excepted."""
    has_company = any("--company" in one.opts for one in command.params)
    common = COMMON_OPTIONS | ({"--environment"} if has_company else set())
    for parameter in command.params:
        if parameter.param_type_name == "argument":
            yield parameter.metavar or parameter.name.upper()
        elif not parameter.hidden and not common & set(parameter.opts):
            name = "/".join((*parameter.opts, *parameter.secondary_opts))
            value = "" if parameter.is_flag else f" {parameter.metavar or parameter.name.upper()}"
            yield f"{name}{value}" if parameter.required else f"[{name}{value}]"


COMMON_OPTIONS = {"--config", "--json"}


def cli_page() -> str:
    """Every command, with its options."""
    items = [
        (" ".join([name.removeprefix("trunkline "), *options(command)]), (), first_paragraph(command.help))
        for name, command in commands()
    ]
    return page(
        "Command line",
        "`trunkline COMMAND --help` explains each option and has an example. Each command takes `--config FILE`, the settings file (default: `trunkline.toml` in the "
        "current folder). Most commands that show something take `--json`. A command with `--company COMPANY` also takes `--environment live|test`. Standard output has only the result; everything else goes to standard error. "
        "If standard output is closed or full, the command says so and ends with 1; a command that shows a secret only once then makes none.",
        "Exit codes: 0 done, 1 refused or not all right, 2 cannot start or misused, 3 cannot deliver any more (start it again).",
        listing(items),
    )


def first_paragraph(text: str) -> str:
    """Give the first paragraph of a command's help."""
    return re.sub(r"\[bold\](.*?)\[/bold\]", r"`\1`", " ".join(text.partition("\n\n")[0].split()))


# ---- metrics ---------------------------------------------------------------------------------------------------------


def metric_rows() -> Iterator[tuple[str, Sequence[str], str]]:
    """Name, kind with labels, and meaning of every metric, as Prometheus sees it, those of the built-in plugins last."""
    registry = built_in_hub().metrics.registry
    for collector in dict.fromkeys(registry._collector_to_names):  # noqa: SLF001 - labels are known before a sample is
        labels = [f"`{label}`" for label in getattr(collector, "_labelnames", ())]
        for metric in collector.describe() if hasattr(collector, "describe") else collector.collect():
            name = f"{metric.name}_total" if metric.type == "counter" else metric.name
            yield name, [metric.type, *labels], sentence(metric.documentation)


def metrics_page() -> str:
    """Every metric."""
    return page(
        "Metrics",
        "`GET /metrics` serves them in Prometheus's text format, without a key: keep it inside your network. `serve --workers N` adds up those of its processes; `worker --metrics-port N` serves its own. "
        "Gauges of the whole deployment are the same on every node: take their `max`. `process_…` exists on Linux. [Watch a hub](../how-to/watch-a-hub.md#what-to-alert-on) has the alerts.",
        "Type and labels stand in brackets.",
        listing(metric_rows()),
        "`outcome` of an attempt is `delivered`, `retry`, `rejected` or `gone`; of an agent's message `done`, `refused`, `failed`, `forbidden`, `unknown` or `left`. "
        "`route` is the template of the path. `company` names the first `metrics.companies` (100) that a process counts; the others are `other`. "
        "A plugin's own metrics are named `trunkline_{plugin}_…`.",
    )


def checks_page() -> str:
    """Every check of the conformance kit."""
    blocks = [
        "The checks of the [conformance kit](../how-to/test-a-plugin.md), by suite and by the first level that asks for them. "
        "A check is named `{suite}.{fact}`. `pytest -v` names each as it runs; `trunkline.testing.list_checks()` gives each with its sentence.",
    ]
    for suite, checks in itertools.groupby(list_checks(), key=lambda check: check.suite):
        levels = sorted(checks, key=lambda check: LEVELS.index(check.level))
        blocks.append(f"## {suite}")
        for level, of_level in itertools.groupby(levels, key=lambda check: check.level):
            names = [f"`{check.name.partition('.')[2]}`" for check in of_level]
            blocks.append(f"**{level.value}**: {', '.join(names)}")
    return page("Checks", *blocks)


def alerts_page() -> str:
    """The settings of alerts, and the subject of each, written from the example of its event type."""
    items = []
    for kind in operational_event_types():
        message = alerts.write(
            kind.name,
            kind.schema["examples"][0],
            whose="…",
            link="https://hub.example.com/portal/…",
            waiting=1204,
        )
        facts = [message.severity, "*ends*"] if message.kind == "end" else [message.severity]
        items.append((kind.name, facts, message.subject.removesuffix(" (…)")))
    return page(
        "Alerts",
        "[Choose who is told](../how-to/choose-who-is-told.md) says who gets alerts.",
        "## Settings",
        "Defaults stand in brackets.",
        settings_list("alerts", AlertSettings),
        "## Texts",
        "Each event type with its severity and the subject, written from the type's example. `(Acme Ltd, company 92)` or `(the hub)` follows the subject; "
        "the body says what to do, with a link into the portal. An alert that *ends* an earlier one is sent whatever the severity.",
        listing(items),
    )


PAGES: Mapping[str, Callable[[], str]] = {
    "settings.md": settings_page,
    "hooks.md": hooks_page,
    "pages.md": pages_page,
    "routes.md": routes_page,
    "testing.md": testing_page,
    "event-types.md": event_types_page,
    "operations.md": operations_page,
    "http.md": http_page,
    "errors.md": errors_page,
    "cli.md": cli_page,
    "metrics.md": metrics_page,
    "checks.md": checks_page,
    "alerts.md": alerts_page,
}


def main() -> None:
    """Write every page."""
    for name, make in PAGES.items():
        (FOLDER / name).write_text(make(), encoding="utf-8")
        sys.stdout.write(f"docs/reference/{name}\n")


if __name__ == "__main__":
    main()
