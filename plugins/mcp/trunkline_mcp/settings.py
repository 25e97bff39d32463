"""The section ``mcp`` of the settings."""

from typing import Literal

from pydantic import BaseModel, Field

from trunkline.routes import Names, OptionalTokenIssuer, Seconds

ToolForm = Literal["compact", "full"]


class Settings(BaseModel):
    """The web pages and users that may reach the server, and the delivery of events by MCP Events."""

    allowed_origins: Names = Field(
        default=(),
        description="origins of web pages that may send messages with a key, besides those of the hub and of this machine",
        examples=[["https://agents.example.com"]],
    )
    oauth: OptionalTokenIssuer = Field(
        default=None,
        description="an issuer whose access tokens are accepted besides keys and the hub's own tokens, if it is not that of `auth.oauth`: `issuer`, and unless the defaults fit `audience` (the address of `/mcp`), `jwks_url`, `company_claim` (`company_id`), `company_claim_is` (`reference`, or `id`), `unknown_companies` (`refuse`, or `create`), `environment_claim` (`environment`; the value `test` selects the test environment), `typ` (`at+jwt`, or `JWT`), `keys_max_age` (86400 s), `companies` (company by `sub`, if no claim names one) and `scopes` (ours by theirs)",
        examples=[
            {"issuer": "https://login.example.com/realms/main", "scopes": {"crm": ["integrations:read"]}}
        ],
    )
    tools: ToolForm = Field(
        default="compact",
        description="the form of `tools/list` if a client does not choose with `/mcp?tools=`: compact, or full with schemas of answers, examples and null",
    )
    error_numbers: Literal["sketch", "sep-3415"] = Field(
        default="sketch",
        description="error codes of MCP Events: those of the sketch that today's clients know, or those of SEP-3415",
    )
    webhook_id: Literal["event", "delivery"] = Field(
        default="event",
        description="value of the header `webhook-id` of a webhook: the event's id, as today's clients expect, or the delivery's",
    )
    unknown_subscription: Literal["ignore", "refuse"] = Field(
        default="ignore",
        description="answer of `events/unsubscribe` if there is no such subscription: an empty result, or NotFound",
    )
    subscription_seconds: int = Field(
        default=3600,
        ge=300,
        le=86_400,
        description="how long a webhook subscription lasts if its client sets no time",
    )
    retry_schedule_seconds: Seconds = Field(
        default=(3, 30, 120, 600),
        max_length=10,
        description="waits before the retries of a webhook; after the last retry the subscription does not get the event",
    )
    suspend_after_failures: int = Field(
        default=100,
        ge=1,
        le=1_000_000,
        description="failed attempts in a row after which a webhook subscription is suspended until its client renews it …",
    )
    suspend_after_seconds: float = Field(
        default=3600, ge=0, le=86_400, description="… if they span at least this long"
    )
    secret_overlap_seconds: int = Field(
        default=3600, ge=300, le=86_400, description="how long the previous secret signs beside a new one"
    )
    subscriptions_per_caller: int = Field(
        default=20,
        ge=1,
        le=1000,
        description="webhook subscriptions that one key, or one user, may have at once",
    )
    streams_per_caller: int = Field(
        default=5,
        ge=1,
        le=1000,
        description="streams that one key, or one user, may have open at once, in one process",
    )
    streams_per_company: int = Field(
        default=20,
        ge=1,
        le=10_000,
        description="streams that one company may have open at once, in one process",
    )
    streams_in_all: int = Field(
        default=500, ge=1, le=100_000, description="streams that may be open at once, in one process"
    )
    challenges_per_minute: int = Field(
        default=10,
        ge=1,
        le=1000,
        description="challenges per minute that one key, or one user, may cause to be sent to new URLs",
    )
