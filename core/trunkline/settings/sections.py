"""The sections of the settings, with their names, defaults and meanings; ``docs/reference/settings.md`` is made from them."""

from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from trunkline.model.pace import MAX_IN_FLIGHT
from trunkline.schemas.modes import Mode
from trunkline.settings.issuers import ISSUER_EXAMPLE, OptionalAppIssuer
from trunkline.settings.values import (
    AttemptRate,
    LongSecret,
    LongSecrets,
    Modes,
    Names,
    NameServers,
    Networks,
    Paths,
    PublicAddress,
    Rate,
    Seconds,
    SecretUrl,
    WebAddress,
    WebPage,
)


class Section(BaseModel):
    """One table of ``trunkline.toml``."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Database(Section):
    """The database in which all data is stored."""

    url: SecretUrl = Field(
        default="sqlite:///trunkline.db",
        description="`sqlite:///FILE` with the plain path (no `?`, no `%`), or `postgresql://…` with libpq's parameters",
    )
    schema_name: str | None = Field(
        default=None,
        alias="schema",
        pattern=r"^[a-z_][a-z0-9_]{0,62}$",
        description="schema of the tables on PostgreSQL; the first of the role's `search_path` (`public`), if unset",
    )
    listen_url: SecretUrl | None = Field(
        default=None,
        description="direct URL of the PostgreSQL server, to listen for new events, if `url` is that of a pooler without LISTEN",
    )
    pool_size: int = Field(
        default=10, ge=2, le=200, description="connections that one process keeps to PostgreSQL"
    )


class Server(Section):
    """The HTTP server: its addresses, timeouts and limits."""

    host: str = Field(default="127.0.0.1", description="address to listen on")
    port: int = Field(default=8000, ge=0, le=65535, description="port to listen on; 0 takes a free one")
    socket: Path | None = Field(
        default=None,
        description="path of a Unix socket to listen at (mode 0660) instead of `server.host` and `server.port`; `--host` and `--port` override it, and a systemd socket (`ListenStream`) overrides all",
    )
    trusted_proxies: Networks = Field(
        default=("127.0.0.0/8", "::1"),
        description="addresses and networks of proxies whose `X-Forwarded-For` is trusted, and whose `X-Forwarded-Proto` is too if `server.public_url` is unset; a client of `server.socket` is `127.0.0.1`",
    )
    public_url: PublicAddress | None = Field(
        default=None,
        description="address by which clients reach the hub, `https://…` or `http://…`. If the address has a path, the proxy must remove the path from each request",
    )
    cors_origins: Names = Field(
        default=(),
        description="origins whose web pages may call the API from a browser, such as `https://app.example.com`; anybody can read a key in such a page",
    )
    max_head_bytes: int = Field(
        default=16_384,
        ge=1024,
        le=1_048_576,
        description="longest head of a request, and of a body's framing",
    )
    head_timeout_seconds: float = Field(
        default=10, gt=0, le=600, description="time within which a request's head must be complete"
    )
    body_timeout_seconds: float = Field(
        default=10, gt=0, le=600, description="longest pause within a request's body"
    )
    write_timeout_seconds: float = Field(
        default=60, gt=0, le=3600, description="how long a client may read nothing of an answer"
    )
    drain_seconds: float = Field(
        default=5,
        ge=0,
        le=600,
        description="how long requests are still answered after SIGTERM, with `/readyz` at 503; 0 stops at once",
    )
    max_connections: int = Field(
        default=1_000,
        ge=1,
        description="client connections to one process; fewer if the process may not open that many files",
    )
    max_connections_per_address: int | None = Field(
        default=None,
        ge=1,
        description="connections from one client address (from one /64 of IPv6); not bounded, if unset",
    )
    max_body_bytes_in_flight: int = Field(
        default=134_217_728,
        ge=1_048_576,
        description="bytes of request bodies that one process holds at once; one company may use an eighth of them",
    )


class Product(Section):
    """The product that the hub serves."""

    schemas: Names | None = Field(
        default=None,
        min_length=1,
        description="places of its schemas: folders such as `./schemas`, or entry points of installed packages; if unset, every installed package and the folder `schemas` beside the settings file",
    )


class Plugins(Section):
    """The plugins that run."""

    enabled: Names | None = Field(
        default=None, description="only these; every plugin that is found, if unset"
    )
    disabled: Names = Field(default=(), description="never these")
    paths: Paths = Field(
        default=(),
        description="plugins that are not installed: a file `NAME.py`, a package, or a folder of such",
    )
    catalogue: WebAddress | Path | None = Field(
        default=None,
        description="file or URL of the catalogue of `trunkline plugins search`; the built-in one, if unset",
    )
    start_timeout_seconds: float = Field(
        default=30,
        gt=0,
        le=600,
        description="limit of a plugin's import, and of each hook that is called at start",
    )


class Events(Section):
    """The sizes of events, and how long events are kept."""

    max_body_bytes: int = Field(default=262_144, ge=1024, description="largest body of one event")
    retention_days: int = Field(default=90, ge=1, description="how long events are kept")
    audit_days: int = Field(default=365, ge=1, description="how long the audit log keeps changes")
    published_schemas: Literal["open", "strict"] = Field(
        default="open",
        description="schemas that receivers see: `open`, which allow later fields, or `strict`, as they are written",
    )
    idempotency_hours: int = Field(
        default=24,
        ge=24,
        le=720,
        description="how long an `Idempotency-Key` of an event or action is remembered; not longer than events are kept",
    )


class Validation(Section):
    """How events with a faulty payload are handled: rejected, quarantined or accepted with a warning."""

    default: Mode = Field(
        default="reject", description="`reject` the event, `quarantine` it, or `warn` and accept it"
    )
    types: Modes = Field(
        default={},
        description="modes of single event types, by name; a JSON object in an environment variable",
    )


class Delivery(Section):
    """Delivery of events to targets."""

    allow_http: bool = Field(default=False, description="accept `http://` targets")
    allow_private_networks: bool = Field(
        default=False, description="accept targets on private addresses; for development"
    )
    name_servers: NameServers = Field(
        default=(),
        description="name servers for the names of targets, such as `192.0.2.53` or `127.0.0.1:5353`; the machine's, if empty",
    )
    timeout_seconds: float = Field(default=10, gt=0, le=300, description="limit of one attempt")
    retry_schedule_seconds: Seconds = Field(
        default=(5, 30, 120, 600, 1800, 3600, 7200, 14400, 28800, 57600),
        description="waits before the retries",
    )
    retry_jitter: float = Field(
        default=0.2, ge=0, lt=1, description="each wait is longer or shorter by up to this share"
    )
    rate: AttemptRate | None = Field(
        default=None,
        description="rate of attempts for a subscription that sets no `rate`, such as `50/second`; no limit, if unset",
    )
    max_in_flight: int | None = Field(
        default=None,
        ge=1,
        le=MAX_IN_FLIGHT,
        description="attempts in flight for a subscription that sets no `max_in_flight`, over all workers; only the limits below, if unset",
    )
    concurrency: int = Field(default=512, ge=1, le=20_000, description="attempts in flight in one process")
    concurrency_per_subscription: int = Field(
        default=64, ge=1, description="attempts in flight for one subscription"
    )
    max_subscriptions: int = Field(
        default=100, ge=1, description="subscriptions that one company may have, hooks included"
    )
    breaker_failures: int = Field(
        default=50, ge=1, description="failures in a row before a subscription is disabled …"
    )
    breaker_span_seconds: float = Field(default=86_400, ge=0, description="… if they span at least this long")
    failing_failures: int = Field(
        default=3, ge=1, description="failures in a row before a subscription may be `failing` …"
    )
    failing_spans_seconds: Seconds = Field(
        default=(5, 21_600),
        min_length=1,
        description="… and how long they must span; `subscription.failing` is sent at each of these, and when a delivery is exhausted",
    )
    shards: int = Field(
        default=16, ge=1, le=1024, description="shards of the log; read when the database is first set up"
    )


class Companies(Section):
    """The limits of one company, unless the operator has set limits for that company (`trunkline companies limits`)."""

    subscriptions: int | None = Field(
        default=None,
        ge=0,
        description="subscriptions, hooks included; `delivery.max_subscriptions`, if unset",
    )
    filter_cost: int = Field(
        default=10_000, ge=0, description="total cost of the filters of all its subscriptions"
    )
    keys: int = Field(default=100, ge=0, description="API keys that are not revoked")
    consumers: int = Field(default=100, ge=0, description="named consumers")
    replays_at_once: int = Field(default=5, ge=0, description="replays that run at the same time")
    events_per_second: int = Field(
        default=1_000,
        ge=1,
        description="events that its keys may send, in one process, averaged over ten seconds",
    )
    lookups_per_minute: int = Field(
        default=600, ge=1, description="names of targets that one process resolves for it"
    )
    test_share: float = Field(
        default=0.25,
        gt=0,
        le=1,
        description="share of these limits that its test environment has in addition, rounded up",
    )


class Limits(Section):
    """The rate limits of one key per minute."""

    read: Rate = Field(default="60/minute", description="GETs and searches")
    write: Rate = Field(default="100/minute", description="actions, event writes, DELETE")
    admin: Rate = Field(default="200/minute", description="subscriptions, keys, test calls")
    long_polls: int = Field(
        default=100, ge=1, description="calls of one company that wait for events at once, in one process"
    )
    long_polls_in_all: int = Field(
        default=1_000, ge=1, description="calls that wait for events at once, in one process"
    )
    enabled: bool = Field(default=True, description="whether limits apply")
    storage_url: SecretUrl | None = Field(
        default=None,
        description="`redis://…` to count the calls of all processes together; needs `pip install 'trunkline[redis]'`",
    )


class Auth(Section):
    """API keys, access tokens, and the protection of secrets in the database."""

    key_prefix: str = Field(
        default="wlcro",
        pattern=r"^[a-z][a-z0-9]{1,15}$",
        description="first part of every API key; if unset and `product.schemas` is set, that of the product's `brand.json`",
    )
    pepper: LongSecret | None = Field(
        default=None, description="secret in the hashes of stored keys; 32 characters or more"
    )
    encryption_key: LongSecret | None = Field(
        default=None, description="key that encrypts stored secrets; 32 characters or more"
    )
    other_peppers: LongSecrets = Field(
        default=(),
        description="earlier or later peppers, which only verify keys; used while the pepper is replaced",
    )
    other_encryption_keys: LongSecrets = Field(
        default=(),
        description="earlier or later encryption keys, which only decrypt; used while the key is replaced",
    )
    oauth: OptionalAppIssuer = Field(
        default=None,
        description="issuer whose access tokens the API accepts besides keys, and at which users of connectors sign in; its settings are `auth.oauth.…`",
        examples=[ISSUER_EXAMPLE],
    )


class Brand(Section):
    """The product's name and look in the generated connectors; an unset value comes from the package of its schemas."""

    slug: str | None = Field(
        default=None,
        pattern=r"^[a-z][a-z0-9]*(-[a-z0-9]+)*$",
        min_length=2,
        max_length=20,
        description="first part of every generated name",
    )
    title: str | None = Field(default=None, min_length=1, max_length=40, description="the product's name")
    description: str | None = Field(
        default=None, min_length=1, max_length=300, description="one sentence about the product"
    )
    color: str | None = Field(default=None, pattern=r"^#[0-9a-fA-F]{6}$", description="`#rrggbb`")
    homepage: WebPage | None = Field(default=None, description="the product's website")
    author: str | None = Field(
        default=None, min_length=1, max_length=100, description="who publishes the connectors"
    )
    email: str | None = Field(
        default=None,
        pattern=r"^[^@\s\"'<>]+@[^@\s\"'<>]+$",
        description="address at which users of the connectors get help",
    )
    keys_url: WebPage | None = Field(
        default=None, description="the page on which its users make API keys; `homepage`, if unset"
    )
    docs_url: WebPage | None = Field(
        default=None, description="the page that explains the connectors to its users; `homepage`, if unset"
    )
    categories: Names | None = Field(
        default=None,
        min_length=1,
        max_length=5,
        description="categories of the nodes in n8n, such as `Sales`; `Miscellaneous`, if unset",
    )
    repository: WebPage | None = Field(
        default=None, description="URL at which the generated code is published"
    )
    version: str | None = Field(
        default=None, pattern=r"^\d+\.\d+\.\d+$", description="version of the generated connectors"
    )
    logo: Path | None = Field(
        default=None, description="SVG file for light backgrounds; if unset, the initial is drawn"
    )
    logo_dark: Path | None = Field(default=None, description="SVG file for dark backgrounds")


class Connectors(Section):
    """Sign-in of the generated connectors' users."""

    auth: Literal["key", "oauth", "both"] = Field(
        default="key",
        description="how users sign in: `key`, `oauth` (at the hub, or at the issuer of `auth.oauth`), or `both`",
    )


class Metrics(Section):
    """Metrics for Prometheus."""

    companies: int = Field(
        default=100,
        ge=0,
        le=10_000,
        description="number of companies with their own label: the first that a process counts; all others are `other`",
    )


class OpenTelemetry(Section):
    """Traces and metrics by OTLP; the environment variables `OTEL_…` set their destination."""

    enabled: bool = Field(
        default=False,
        description="whether traces and metrics are sent; needs `pip install 'trunkline[otel]'`",
    )


class Logging(Section):
    """The log on standard error."""

    level: Literal["debug", "info", "warning", "error"] = Field(
        default="info", description="least severe level that is written"
    )
    format: Literal["auto", "console", "json"] = Field(
        default="auto", description="`auto`: console on a terminal, otherwise JSON"
    )
