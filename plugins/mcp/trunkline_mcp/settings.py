"""The section ``mcp`` of the settings."""

from typing import Literal

from pydantic import BaseModel, Field

from trunkline.routes import Names, OptionalTokenIssuer, Seconds

ToolForm = Literal["compact", "full"]


class Settings(BaseModel):
    """The web pages and users that may reach the server, and the delivery of events by MCP Events."""

    allowed_origins: Names = Field(
        default=(),
        description="origins of web pages that may send messages with a key, beside the hub's own and this machine's",
        examples=[["https://agents.example.com"]],
    )
    oauth: OptionalTokenIssuer = Field(
        default=None,
        description="an issuer whose access tokens let agents in, beside keys and the hub's own, where it is not that of `auth.oauth`: `issuer`, and if they are not the usual ones `audience` (the address of `/mcp`), `jwks_url`, `company_claim` (`company_id`), `company_claim_is` (`reference`, or `id`), `unknown_companies` (`refuse`, or `create`), `environment_claim` (`environment`; a token in which it is `test` is for the test environment), `typ` (`at+jwt`, or `JWT`), `keys_max_age` (86400 s), `companies` (company by `sub`, where no claim names one) and `scopes` (ours by theirs)",
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
        description="how errors of MCP Events are numbered: as in the sketch that today's clients know, or as in SEP-3415",
    )
    webhook_id: Literal["event", "delivery"] = Field(
        default="event",
        description="what the header `webhook-id` of a webhook says: the event's id, as today's clients want it, or the delivery's",
    )
    unknown_subscription: Literal["ignore", "refuse"] = Field(
        default="ignore",
        description="what `events/unsubscribe` answers where there is no such subscription: an empty result, or NotFound",
    )
    subscription_seconds: int = Field(
        default=3600,
        ge=300,
        le=86_400,
        description="how long a subscription by webhook lasts where its client does not say",
    )
    retry_schedule_seconds: Seconds = Field(
        default=(3, 30, 120, 600),
        max_length=10,
        description="waits before each retry of a webhook; then that event is given up for that subscription",
    )
    suspend_after_failures: int = Field(
        default=100,
        ge=1,
        le=1_000_000,
        description="a subscription by webhook is suspended until its client renews it after this many attempts in a row that failed …",
    )
    suspend_after_seconds: float = Field(
        default=3600, ge=0, le=86_400, description="… if they span at least this long"
    )
    secret_overlap_seconds: int = Field(
        default=3600,
        ge=300,
        le=86_400,
        description="how long the secret before signs beside a new one",
    )
    subscriptions_per_caller: int = Field(
        default=20,
        ge=1,
        le=1000,
        description="subscriptions by webhook that one key, or one user, has at once",
    )
    streams_per_caller: int = Field(
        default=5,
        ge=1,
        le=1000,
        description="streams that one key, or one user, has open at once, in one process",
    )
    streams_per_company: int = Field(
        default=20, ge=1, le=10_000, description="streams that one company has open at once, in one process"
    )
    streams_in_all: int = Field(
        default=500, ge=1, le=100_000, description="streams that are open at once, in one process"
    )
    challenges_per_minute: int = Field(
        default=10,
        ge=1,
        le=1000,
        description="challenges a minute that one key, or one user, has sent to new URLs",
    )
