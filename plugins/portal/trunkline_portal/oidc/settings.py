"""The part ``portal.oidc`` of the settings: the identity provider and the meaning of its claims."""

from typing import Annotated
from urllib.parse import urlsplit

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, SecretStr

from trunkline.routes import COMPANY_SCOPES, CompanyClaimIs, Names, UnknownCompanies


def _check_issuer(text: str) -> str:
    parts = urlsplit(text)
    if parts.scheme not in {"http", "https"} or not parts.hostname or "@" in parts.netloc or parts.query:
        msg = "must be a URL such as https://login.example.com/realms/main"
        raise ValueError(msg)
    return text


def _check_requested(names: tuple[str, ...]) -> tuple[str, ...]:
    if "openid" not in names:
        msg = "must have 'openid' among them"
        raise ValueError(msg)
    return names


def _check_scopes(names: tuple[str, ...]) -> tuple[str, ...]:
    for name in names:
        if name not in COMPANY_SCOPES:
            msg = f"'{name[:60]}' is no scope; the scopes are {', '.join(COMPANY_SCOPES)}"
            raise ValueError(msg)
    return names


class Oidc(BaseModel):
    """An identity provider that signs people in."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    issuer: Annotated[str, AfterValidator(_check_issuer)] = Field(
        description="the provider's issuer, exactly as in its metadata",
        examples=["https://login.example.com/realms/main"],
    )
    client_id: str = Field(min_length=1, description="the portal's client id at the provider")
    client_secret: SecretStr | None = Field(
        default=None, description="the portal's client secret at the provider; none for a public client"
    )
    scopes: Annotated[Names, AfterValidator(_check_requested)] = Field(
        default=("openid", "profile", "email"), description="scopes that are requested from the provider"
    )
    company_claim: str = Field(
        default="company_id", min_length=1, description="the claim that names the user's company"
    )
    company_claim_is: CompanyClaimIs = "reference"
    unknown_companies: UnknownCompanies = "refuse"
    groups_claim: str = Field(
        default="groups", min_length=1, description="the claim that lists the user's groups"
    )
    operators_group: str | None = Field(
        default=None, min_length=1, description="the group whose members are operators"
    )
    admins_group: str | None = Field(
        default=None,
        min_length=1,
        description="the group whose members have the scope `admin` in their company",
    )
    customer_scopes: Annotated[Names, AfterValidator(_check_scopes)] = Field(
        default=tuple(scope for scope in COMPANY_SCOPES if scope != "admin"),
        description="scopes of every user of a company",
    )
    button: str = Field(
        default="Sign in with your account",
        min_length=1,
        max_length=60,
        description="text of the button on the sign-in page",
    )
