"""Settings of an issuer of access tokens, and of the meaning of its tokens."""

import json
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field

from trunkline.errors.spelling import known_instead
from trunkline.model.principals import COMPANY_SCOPES
from trunkline.settings.values import Names, demand, is_web_url, setting


def _check_scope(scope: str) -> str:
    if scope not in COMPANY_SCOPES:
        msg = f"'{scope[:60]}' is no scope; {known_instead(scope, COMPANY_SCOPES)}"
        raise ValueError(msg)
    return scope


def read_table(value: object) -> Any:
    """Read a table from one environment variable."""
    if not isinstance(value, str):
        return value
    try:
        return json.loads(value)
    except json.JSONDecodeError:
        raise ValueError("must be a JSON object") from None


IssuerUrl = Annotated[
    str,
    demand(
        lambda text: is_web_url(text) and "@" not in text, "must be a URL such as https://login.example.com"
    ),
]
"""The URL of an issuer, or of one of its endpoints. Issuers are compared letter by letter."""

CompanyClaimIs = Annotated[
    Literal["reference", "id"],
    Field(
        description="what that claim holds: the company's reference, which your product gave it, or the id that the hub gave it"
    ),
]
"""The content of the claim that names a user's company."""
UnknownCompanies = Annotated[
    Literal["refuse", "create"],
    Field(
        description="what is done if the claim names a company that does not exist: its user is refused, or the company is made"
    ),
]
"""The answer to a claim that names a company that does not exist (``Companies.existing``)."""


class TokenIssuer(BaseModel):
    """An issuer of access tokens, and the meaning of its tokens here."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    issuer: IssuerUrl = Field(description="the issuer's address, exactly as in the claim `iss` of its tokens")
    audience: str | None = setting(None, "the required value of the claim `aud`", min_length=1)
    jwks_url: IssuerUrl | None = setting(None, "URL of its keys, if its metadata do not name it")
    company_claim: str = setting("company_id", "the claim that names the user's company", min_length=1)
    environment_claim: str = setting(
        "environment",
        "the claim that is `test` in tokens for the company's test environment; it may be absent, or `live`",
        min_length=1,
    )
    companies: dict[str, int] = Field(
        default_factory=dict[str, int],
        description="companies by the claim `sub`, for tokens that name no company",
    )
    scopes: dict[str, list[Annotated[str, AfterValidator(_check_scope)]]] = Field(
        default_factory=dict[str, list[str]],
        description="the hub's scopes for each of its scopes, if their names differ",
    )
    company_claim_is: CompanyClaimIs = "reference"
    unknown_companies: UnknownCompanies = "refuse"
    keys_max_age: float = setting(
        86_400,
        "seconds after which a key of the issuer is refused if its keys could not be read again",
        ge=60,
        le=30 * 86_400,
    )
    typ: Literal["at+jwt", "JWT"] = setting(
        "at+jwt",
        "the type in the header of its tokens: `at+jwt` (RFC 9068); `JWT` also accepts the type `JWT` or none, for issuers that mark access tokens only by their claims",
    )


class AppIssuer(TokenIssuer):
    """An issuer whose tokens the API takes, and at which the generated connectors let their users sign in."""

    authorization_endpoint: IssuerUrl | None = setting(
        None, "URL at which people sign in; from the issuer's metadata, if unset"
    )
    token_endpoint: IssuerUrl | None = setting(
        None, "URL at which connectors get tokens; from the issuer's metadata, if unset"
    )
    revocation_endpoint: IssuerUrl | None = setting(
        None, "URL at which Make ends a connection; from the issuer's metadata, if unset"
    )
    app_scopes: Names | None = setting(
        None, "scopes that connectors request; those of `scopes` that stand for the hub's scopes, if unset"
    )
    authorization_parameters: Annotated[dict[str, str], BeforeValidator(read_table)] | None = setting(
        None, "further query parameters of the sign-in; `resource` with the audience, if unset"
    )


OptionalTokenIssuer = Annotated[TokenIssuer | None, BeforeValidator(read_table)]
"""A setting that names an issuer: a table, or a JSON object in an environment variable."""
OptionalAppIssuer = Annotated[AppIssuer | None, BeforeValidator(read_table)]
ISSUER_EXAMPLE = {"issuer": "https://login.example.com/realms/main", "scopes": {"crm": ["integrations:read"]}}
