"""The metadata of a self-described app: from its document (``client_documents``) or its registration (``token_routes``). Pure."""

from collections.abc import Iterator
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from trunkline_oauth.model import App
from trunkline_oauth.settings import UNLESS_NAMED, AppName, Jwks, JwksUri, RedirectUris

_SIGNS = "private_key_jwt"
Terms = Annotated[list[str], Field(max_length=20)]


class MetadataInvalid(ValueError):
    """An app's description of itself is invalid; *field* is at fault."""

    def __init__(self, field: str, sentence: str) -> None:
        super().__init__(f"{field} {sentence}" if field else f"It {sentence}")
        self.field = field


class ClientMetadata(BaseModel):
    """The members of the metadata that the hub uses (RFC 7591, 2); all others are ignored."""

    model_config = ConfigDict(strict=True)

    client_id: str | None = None
    client_name: AppName
    redirect_uris: RedirectUris
    token_endpoint_auth_method: str = "none"  # noqa: S105 - no secret
    grant_types: Terms = ["authorization_code"]
    response_types: Terms = ["code"]
    scope: str | None = Field(default=None, max_length=1_000)
    jwks: Jwks | None = None
    jwks_uri: JwksUri | None = None

    def app(self, client_id: str) -> App:
        """Make the app."""
        asked = UNLESS_NAMED if self.scope is None else self.scope.split()
        scopes = tuple(scope for scope in UNLESS_NAMED if scope in asked)
        signs = self.token_endpoint_auth_method == _SIGNS
        return App(
            client_id=client_id,
            name=self.client_name,
            redirect_uris=tuple(dict.fromkeys(self.redirect_uris)),
            scopes=scopes or UNLESS_NAMED,
            jwks=self.jwks if signs else None,
            jwks_uri=self.jwks_uri if signs else None,
        )


def read_metadata(document: object, *, address: str | None = None) -> ClientMetadata:
    """Check the metadata of an app. *address* is the app's id if the metadata is from a document. Raises MetadataInvalid."""
    try:
        metadata = ClientMetadata.model_validate(document)
    except ValidationError as error:
        first = error.errors()[0]
        sentence = "is missing" if first["type"] == "missing" else f"is not valid: {first['msg']}"
        raise MetadataInvalid(str(first["loc"][0]) if first["loc"] else "", sentence) from None
    if fault := next(_faults(metadata, address), None):
        raise MetadataInvalid(*fault)
    return metadata


def _faults(metadata: ClientMetadata, address: str | None) -> Iterator[tuple[str, str]]:
    """Yield each faulty field with an error message."""
    if "authorization_code" not in metadata.grant_types:
        yield "grant_types", "must have 'authorization_code'"
    if "code" not in metadata.response_types:
        yield "response_types", "must have 'code'"
    if address is None:
        return
    if metadata.client_id != address:
        yield "client_id", "is not the address of the document, letter by letter"
    method = metadata.token_endpoint_auth_method
    if method not in {"none", _SIGNS}:
        yield "token_endpoint_auth_method", f"must be 'none' or '{_SIGNS}', not '{method[:60]}'"
    if method == _SIGNS and (metadata.jwks is None) == (metadata.jwks_uri is None):
        yield "jwks", "or jwks_uri must say, one of them, what its public keys are"
