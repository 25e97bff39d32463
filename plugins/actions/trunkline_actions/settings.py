"""The section ``actions`` of the settings: the address of a product that carries out the actions over HTTP."""

from typing import Annotated, Self

from pydantic import AfterValidator, BaseModel, Field, SecretStr, model_validator

from trunkline import Signer
from trunkline.routes import Names


def _check_secret(secret: SecretStr) -> SecretStr:
    Signer("standard", secrets=(secret.get_secret_value(),))
    return secret


class Settings(BaseModel):
    """A provider over HTTP, if *provider_url* is set."""

    provider_url: str | None = Field(
        default=None,
        description="base URL of the product's server that answers actions, searches and lookups; it may be in a private network",
        examples=["http://127.0.0.1:9000/trunkline"],
    )
    provider_secret: Annotated[SecretStr, AfterValidator(_check_secret)] | None = Field(
        default=None,
        description="secret (`whsec_` and base64) that signs the requests to it, as webhooks are signed",
    )
    provider_test_url: str | None = Field(
        default=None,
        description="base URL for the calls of companies' test environments; they are refused if it is unset",
        examples=["http://127.0.0.1:9001/trunkline"],
    )
    provider_timeout_seconds: float = Field(
        default=10, gt=0, le=25, description="time limit of one call to the product"
    )
    provider_operations: Names | None = Field(
        default=None,
        description="names of the operations that it provides; all that the schemas define, if absent",
        examples=[["create_order", "find_order"]],
    )

    @model_validator(mode="after")
    def _check_pair(self) -> Self:
        if (self.provider_url is None) != (self.provider_secret is None):
            msg = "provider_url and provider_secret go together; set both or neither"
            raise ValueError(msg)
        if self.provider_test_url is not None and self.provider_url is None:
            msg = "provider_test_url stands beside provider_url; set that too"
            raise ValueError(msg)
        return self
