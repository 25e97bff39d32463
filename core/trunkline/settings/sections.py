"""The sections of the settings, with their names, defaults and meanings; ``docs/reference/settings.md`` is made from them."""

from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, ValidationInfo, field_validator

from trunkline.model.pace import MAX_IN_FLIGHT
from trunkline.schemas.modes import Mode
from trunkline.settings import values
from trunkline.settings.issuers import ISSUER_EXAMPLE, OptionalAppIssuer
from trunkline.settings.values import setting


class Section(BaseModel):
    """One table of ``trunkline.toml``."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    @field_validator("*", mode="before")
    @classmethod
    def _refuse_truth(cls, value: object, info: ValidationInfo) -> object:
        """Refuse true and false, which pydantic would read as 1 and 0, unless the setting is one of them."""
        if isinstance(value, bool) and cls.model_fields[str(info.field_name)].annotation is not bool:
            msg = "must not be true or false"
            raise ValueError(msg)
        return value


class Database(Section):
    """The database in which all data is stored."""

    url: values.SecretUrl = setting(
        "sqlite:///trunkline.db",
        "`sqlite:///FILE` with the plain path (no `?`, no `%`), or `postgresql://…` with libpq's parameters",
    )
    schema_name: str | None = setting(
        None,
        "schema of the tables on PostgreSQL; the first of the role's `search_path` (`public`), if unset",
        alias="schema",
        pattern=r"^[a-z_][a-z0-9_]{0,62}$",
    )
    listen_url: values.SecretUrl | None = setting(
        None,
        "direct URL of the PostgreSQL server, to listen for new events, if `url` is that of a pooler without LISTEN",
    )
    pool_size: int = setting(10, "connections that one process keeps to PostgreSQL", ge=2, le=200)


class Server(Section):
    """The HTTP server: its addresses, timeouts and limits."""

    host: str = setting("127.0.0.1", "address to listen on")
    port: int = setting(8000, "port to listen on; 0 takes a free one", ge=0, le=65535)
    socket: Path | None = setting(
        None,
        "path of a Unix socket to listen at (mode 0660) instead of `server.host` and `server.port`; `--host` and `--port` override it, and a systemd socket (`ListenStream`) overrides all",
    )
    trusted_proxies: values.Networks = setting(
        ("127.0.0.0/8", "::1"),
        "addresses and networks of proxies whose `X-Forwarded-For` is trusted, and whose `X-Forwarded-Proto` is too if `server.public_url` is unset; a client of `server.socket` is `127.0.0.1`",
    )
    public_url: values.PublicAddress | None = setting(
        None,
        "address by which clients reach the hub, `https://…` or `http://…`. If the address has a path, the proxy must remove the path from each request",
    )
    cors_origins: values.Names = setting(
        (),
        "origins whose web pages may call the API from a browser, such as `https://app.example.com`; anybody can read a key in such a page",
    )
    max_head_bytes: int = setting(
        16_384, "longest head of a request, and of a body's framing", ge=1024, le=1_048_576
    )
    head_timeout_seconds: float = setting(
        10, "time within which a request's head must be complete", gt=0, le=600
    )
    body_timeout_seconds: float = setting(10, "longest pause within a request's body", gt=0, le=600)
    write_timeout_seconds: float = setting(
        60, "how long a client may read nothing of an answer", gt=0, le=3600
    )
    drain_seconds: float = setting(
        5,
        "how long requests are still answered after SIGTERM, with `/readyz` at 503; 0 stops at once",
        ge=0,
        le=600,
    )
    max_connections: int = setting(
        1_000, "client connections to one process; fewer if the process may not open that many files", ge=1
    )
    max_connections_per_address: int | None = setting(
        None, "connections from one client address (from one /64 of IPv6); not bounded, if unset", ge=1
    )
    max_body_bytes_in_flight: int = setting(
        134_217_728,
        "bytes of request bodies that one process holds at once; one company may use an eighth of them",
        ge=1_048_576,
    )


class Product(Section):
    """The product that the hub serves."""

    schemas: values.Names | None = setting(
        None,
        "places of its schemas: folders such as `./schemas`, or entry points of installed packages; if unset, every installed package and the folder `schemas` beside the settings file",
        min_length=1,
    )


class Plugins(Section):
    """The plugins that run."""

    enabled: values.Names | None = setting(None, "only these; every plugin that is found, if unset")
    disabled: values.Names = setting((), "never these")
    paths: values.Paths = setting(
        (), "plugins that are not installed: a file `NAME.py`, a package, or a folder of such"
    )
    catalogue: values.WebAddress | Path | None = setting(
        None, "file or URL of the catalogue of `trunkline plugins search`; the built-in one, if unset"
    )
    start_timeout_seconds: float = setting(
        30, "limit of a plugin's import, and of each hook that is called at start", gt=0, le=600
    )


class Events(Section):
    """The sizes of events, and how long events are kept."""

    max_body_bytes: int = setting(262_144, "largest body of one event", ge=1024)
    retention_days: int = setting(90, "how long events are kept", ge=1, le=36_500)
    audit_days: int = setting(365, "how long the audit log keeps changes", ge=1, le=36_500)
    published_schemas: Literal["open", "strict"] = setting(
        "open",
        "schemas that receivers see: `open`, which allow later fields, or `strict`, as they are written",
    )
    idempotency_hours: int = setting(
        24,
        "how long an `Idempotency-Key` of an event or action is remembered; not longer than events are kept",
        ge=24,
        le=720,
    )


class Validation(Section):
    """How events with a faulty payload are handled: rejected, quarantined or accepted with a warning."""

    default: Mode = setting("reject", "`reject` the event, `quarantine` it, or `warn` and accept it")
    types: values.Modes = setting(
        {}, "modes of single event types, by name; a JSON object in an environment variable"
    )


class Delivery(Section):
    """Delivery of events to targets."""

    allow_http: bool = setting(False, "accept `http://` targets")
    allow_private_networks: bool = setting(False, "accept targets on private addresses; for development")
    name_servers: values.NameServers = setting(
        (),
        "name servers for the names of targets, such as `192.0.2.53` or `127.0.0.1:5353`; the machine's, if empty",
    )
    timeout_seconds: float = setting(10, "limit of one attempt", gt=0, le=300)
    retry_schedule_seconds: values.Seconds = setting(
        (5, 30, 120, 600, 1800, 3600, 7200, 14400, 28800, 57600), "waits before the retries"
    )
    retry_jitter: float = setting(0.2, "each wait is longer or shorter by up to this share", ge=0, lt=1)
    rate: values.AttemptRate | None = setting(
        None,
        "rate of attempts for a subscription that sets no `rate`, such as `50/second`; no limit, if unset",
    )
    max_in_flight: int | None = setting(
        None,
        "attempts in flight for a subscription that sets no `max_in_flight`, over all workers; only the limits below, if unset",
        ge=1,
        le=MAX_IN_FLIGHT,
    )
    concurrency: int = setting(512, "attempts in flight in one process", ge=1, le=20_000)
    concurrency_per_subscription: int = setting(64, "attempts in flight for one subscription", ge=1)
    max_subscriptions: int = setting(100, "subscriptions that one company may have, hooks included", ge=1)
    breaker_failures: int = setting(50, "failures in a row before a subscription is disabled …", ge=1)
    breaker_span_seconds: float = setting(86_400, "… if they span at least this long", ge=0)
    failing_failures: int = setting(3, "failures in a row before a subscription may be `failing` …", ge=1)
    failing_spans_seconds: values.Seconds = setting(
        (5, 21_600),
        "… and how long they must span; `subscription.failing` is sent at each of these, and when a delivery is exhausted",
        min_length=1,
    )
    shards: int = setting(16, "shards of the log; read when the database is first set up", ge=1, le=1024)


class Companies(Section):
    """The limits of one company, unless the operator has set limits for that company (`trunkline companies limits`)."""

    subscriptions: int | None = setting(
        None, "subscriptions, hooks included; `delivery.max_subscriptions`, if unset", ge=0
    )
    filter_cost: int = setting(10_000, "total cost of the filters of all its subscriptions", ge=0)
    keys: int = setting(100, "API keys that are not revoked", ge=0)
    consumers: int = setting(100, "named consumers", ge=0)
    replays_at_once: int = setting(5, "replays that run at the same time", ge=0)
    events_per_second: int = setting(
        1_000, "events that its keys may send, in one process, averaged over ten seconds", ge=1
    )
    lookups_per_minute: int = setting(600, "names of targets that one process resolves for it", ge=1)
    test_share: float = setting(
        0.25, "share of these limits that its test environment has in addition, rounded up", gt=0, le=1
    )


class Limits(Section):
    """The rate limits of one key per minute."""

    read: values.Rate = setting("60/minute", "GETs and searches")
    write: values.Rate = setting("100/minute", "actions, event writes, DELETE")
    admin: values.Rate = setting("200/minute", "subscriptions, keys, test calls")
    long_polls: int = setting(100, "calls of one company that wait for events at once, in one process", ge=1)
    long_polls_in_all: int = setting(1_000, "calls that wait for events at once, in one process", ge=1)
    enabled: bool = setting(True, "whether limits apply")
    storage_url: values.SecretUrl | None = setting(
        None,
        "`redis://…` to count the calls of all processes together; needs `pip install 'trunkline[redis]'`",
    )


class Auth(Section):
    """API keys, access tokens, and the protection of secrets in the database."""

    key_prefix: str = setting(
        "wlcro",
        "first part of new API keys; if unset and `product.schemas` is set, that of the product's `brand.json`",
        pattern=r"^[a-z][a-z0-9]{1,15}$",
    )
    pepper: values.LongSecret | None = setting(
        None, "secret in the hashes of stored keys; 32 characters or more"
    )
    encryption_key: values.LongSecret | None = setting(
        None, "key that encrypts stored secrets; 32 characters or more"
    )
    other_peppers: values.LongSecrets = setting(
        (), "earlier or later peppers, which only verify keys; used while the pepper is replaced"
    )
    other_encryption_keys: values.LongSecrets = setting(
        (), "earlier or later encryption keys, which only decrypt; used while the key is replaced"
    )
    oauth: OptionalAppIssuer = setting(
        None,
        "issuer whose access tokens the API accepts besides keys, and at which users of connectors sign in; its settings are `auth.oauth.…`",
        examples=[ISSUER_EXAMPLE],
    )


class Brand(Section):
    """The product's name and look in the generated connectors; an unset value comes from the package of its schemas."""

    slug: str | None = setting(
        None,
        "first part of every generated name",
        pattern=r"^[a-z][a-z0-9]*(-[a-z0-9]+)*$",
        min_length=2,
        max_length=20,
    )
    title: str | None = setting(None, "the product's name", min_length=1, max_length=40)
    description: str | None = setting(None, "one sentence about the product", min_length=1, max_length=300)
    color: str | None = setting(None, "`#rrggbb`", pattern=r"^#[0-9a-fA-F]{6}$")
    homepage: values.WebPage | None = setting(None, "the product's website")
    author: str | None = setting(None, "who publishes the connectors", min_length=1, max_length=100)
    email: str | None = setting(
        None, "address at which users of the connectors get help", pattern=r"^[^@\s\"'<>]+@[^@\s\"'<>]+$"
    )
    keys_url: values.WebPage | None = setting(
        None, "the page on which its users make API keys; `homepage`, if unset"
    )
    docs_url: values.WebPage | None = setting(
        None, "the page that explains the connectors to its users; `homepage`, if unset"
    )
    categories: values.Names | None = setting(
        None,
        "categories of the nodes in n8n, such as `Sales`; `Miscellaneous`, if unset",
        min_length=1,
        max_length=5,
    )
    repository: values.WebPage | None = setting(None, "URL at which the generated code is published")
    version: str | None = setting(None, "version of the generated connectors", pattern=r"^\d+\.\d+\.\d+$")
    logo: Path | None = setting(None, "SVG file for light backgrounds; if unset, the initial is drawn")
    logo_dark: Path | None = setting(None, "SVG file for dark backgrounds")


class Connectors(Section):
    """Sign-in of the generated connectors' users."""

    auth: Literal["key", "oauth", "both"] = setting(
        "key", "how users sign in: `key`, `oauth` (at the hub, or at the issuer of `auth.oauth`), or `both`"
    )


class Metrics(Section):
    """Metrics for Prometheus."""

    companies: int = setting(
        100,
        "number of companies with their own label: the first that a process counts; all others are `other`",
        ge=0,
        le=10_000,
    )


class OpenTelemetry(Section):
    """Traces and metrics by OTLP; the environment variables `OTEL_…` set their destination."""

    enabled: bool = setting(
        False, "whether traces and metrics are sent; needs `pip install 'trunkline[otel]'`"
    )


class Logging(Section):
    """The log on standard error."""

    level: Literal["debug", "info", "warning", "error"] = setting(
        "info", "least severe level that is written"
    )
    format: Literal["auto", "console", "json"] = setting(
        "auto", "`auto`: console on a terminal, otherwise JSON"
    )
