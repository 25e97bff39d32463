"""Bearer tokens that are not API keys: the request to a plugin about a token, and checks of an issuer's tokens."""

from dataclasses import dataclass, field
from typing import Protocol

from trunkline.model.principals import Principal


@dataclass(frozen=True, slots=True)
class BearerRequest:
    """A call with *token* as ``Authorization: Bearer``; *method* and *path* identify the call."""

    token: str = field(repr=False)
    method: str
    path: str


class AccessTokens(Protocol):
    """Finds the principals of an issuer's access tokens."""

    @property
    def issuer(self) -> str:
        """The issuer's address, as in its tokens."""
        ...

    async def authenticate(self, token: str) -> Principal | None:
        """Find the principal of *token*; None if it is not a JSON Web Token.

        Raises:
            Unauthenticated: the token is not valid, is for another audience, or its user belongs to no company.
            Refused: the check is not possible now, or the company has used up its calls.
        """
        ...
