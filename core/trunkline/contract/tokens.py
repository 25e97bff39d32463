"""Bearer tokens that are no API keys: what a plugin is asked about one, and what it may ask about an issuer's."""

from dataclasses import dataclass, field
from typing import Protocol

from trunkline.model.principals import Principal


@dataclass(frozen=True, slots=True)
class BearerRequest:
    """A call with *token* as ``Authorization: Bearer``; *method* and *path* say which call it is."""

    token: str = field(repr=False)
    method: str
    path: str


class AccessTokens(Protocol):
    """What knows whose the access tokens of an issuer are."""

    @property
    def issuer(self) -> str:
        """The issuer's address, as its tokens have it."""
        ...

    async def authenticate(self, token: str) -> Principal | None:
        """Find the principal of *token*; None for what is no JSON Web Token.

        Raises:
            Unauthenticated: it is not valid, is for somebody else, or its user belongs to no company.
            Refused: nobody can tell now, or the company may not call now.
        """
        ...
