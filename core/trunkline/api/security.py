"""Access to routes: checks the key, counts the call, and checks its scope and its company.

::

    @router.get("/things")
    async def list_things(caller: Annotated[Caller, Depends(requires("events:read"))]) -> …:
"""

import functools
import re
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from fastapi.openapi.models import APIKey, APIKeyIn, SecuritySchemeType
from fastapi.security.base import SecurityBase
from starlette.requests import Request
from starlette.types import Scope

from trunkline.access.keys import parse_key
from trunkline.access.limits import Bucket
from trunkline.api.heads import header_of
from trunkline.api.problems import HEADERS_KEY
from trunkline.contract import BearerRequest
from trunkline.errors import (
    SHOWN,
    BadQuery,
    BodyInvalid,
    CompanyUnknown,
    FieldError,
    Forbidden,
    Refused,
    Unauthenticated,
)
from trunkline.model.companies import REFERENCE_FORM, read_name
from trunkline.model.environments import (
    ENVIRONMENTS,
    LIVE,
    TEST,
    TEST_OPERATORS,
    environment_of,
    in_environment,
)
from trunkline.model.principals import OPERATOR, Principal
from trunkline.runtime import callers
from trunkline.schemas.versions import HEADER as VERSIONS_HEADER
from trunkline.schemas.versions import read_header
from trunkline.store.directory import CompanyDirectory
from trunkline.store.operational import OPERATORS

if TYPE_CHECKING:
    from trunkline.hub.hub import Hub

COMPANY_HEADER = "X-Company-Id"
ENVIRONMENT_HEADER = "X-Environment"
_COMPANY_MISSING = "is required, as this key is of no company: name it in this header"
_IN_BODY = ", or as companyId in the body"
_COMPANY_MALFORMED = f"must be a company's id, in digits, or its reference ({REFERENCE_FORM})"
_NO_STORE = (b"cache-control", b"no-store")
_VERSIONS = VERSIONS_HEADER.lower().encode()
_CALLER_KEY = "trunkline.caller"
_BEARER = re.compile(rb"Bearer +(\S+) *", re.IGNORECASE)
_KEY_MISSING = "This call needs an API key in the header X-Api-Key, or 'Authorization: Bearer' and the key or an access token."
_UNKNOWN = "This bearer token is neither an API key nor an access token that is valid here; get a new one."
_BUCKET_OF_METHOD: dict[str, Bucket] = {"GET": "read", "HEAD": "read", "DELETE": "write"}


@dataclass(frozen=True, slots=True)
class Caller:
    """The caller of a request.

    *named_company_id* is the company of the caller's key, or, for an operator, the company in the header. *environment*
    is the key's environment, or, for an operator, the environment in the header; None means live. *made_for* maps event
    types to the versions that the caller's program was made for, if a header gives them.
    """

    principal: Principal
    named_company_id: int | None
    made_for: Mapping[str, int] | None = None
    environment: str | None = field(default=None, kw_only=True)
    _directory: CompanyDirectory | None = field(default=None, repr=False, compare=False, kw_only=True)
    _authenticate: Callable[[], Awaitable[object]] | None = field(
        default=None, repr=False, compare=False, kw_only=True
    )

    @property
    def versions(self) -> Mapping[str, int]:
        """The versions of event types that the caller reads if a call names none; a type that is missing is read in version 1."""
        return self.principal.pins if self.made_for is None else self.made_for

    @property
    def company_id(self) -> int:
        """The company that the call is about. Raises BadQuery if an operator named none."""
        if self.named_company_id is None:
            raise header_refused(COMPANY_HEADER, _COMPANY_MISSING)
        return self.named_company_id

    async def check_still_valid(self) -> None:
        """Check the call's key or token again: while the call waits, a key may be revoked and a token may expire.

        Raises:
            Unauthenticated: the key or the token is no longer valid.
            StoreUnavailable: the check is not possible now.
        """
        assert self._authenticate is not None  # ``Requires`` has set it
        await self._authenticate()

    @property
    def namespace(self) -> int:
        """The namespace of the caller's idempotency keys: its company; operators share one namespace per environment."""
        if self.principal.company_id is not None:
            return self.principal.company_id
        return TEST_OPERATORS if self.environment == TEST else 0

    def company_for(self, body_company_id: int | None, *, path: str = "/companyId") -> int:
        """Find the company of a body that may name one at *path*, in the environment of the call.

        Raises:
            Forbidden: a company's key named another company.
            BodyInvalid: an operator named one company in the header and another in the body.
            BadQuery: an operator named no company.
        """
        if body_company_id is None and self.named_company_id is None:
            raise header_refused(COMPANY_HEADER, _COMPANY_MISSING + _IN_BODY)
        if body_company_id is None:
            return self.company_id
        if self.environment == TEST:
            body_company_id = in_environment(body_company_id, TEST)
        if body_company_id == self.named_company_id:
            return body_company_id
        if self.principal.company_id is not None:
            raise Forbidden.wrong_company()
        if self.named_company_id is not None:
            raise BodyInvalid([FieldError(path, f"is not the company of the {COMPANY_HEADER} header")])
        return body_company_id

    async def company_named(self, name: int | str, *, path: str, environment: str | None = None) -> int:
        """Find the company that a body names at *path*, by id or reference, in the named *environment*.

        Raises:
            Forbidden, BodyInvalid, BadQuery: as ``company_for`` does.
            BodyInvalid: no company has that reference.
            CompanyErased: the company is being deleted.
        """
        assert self._directory is not None  # ``Requires`` has set it
        try:
            company_id = await self._directory.id_of(name)
        except CompanyUnknown:
            if not self.principal.is_operator:
                raise Forbidden.wrong_company() from None
            raise BodyInvalid(
                [FieldError(path, f"is no company's reference: '{str(name)[:SHOWN]}'")]
            ) from None
        if environment not in {None, self.environment} and self.environment is not None:
            raise BodyInvalid(
                [FieldError("/environment", f"is not the environment of the {ENVIRONMENT_HEADER} header")]
            )
        return in_environment(self.company_for(company_id, path=path), environment or self.environment)


def hub_of(request: Request) -> "Hub":
    """Return the hub that serves *request*. Only ``requires`` needs it: handlers get their services when they are made."""
    hub: Hub = request.app.state.hub
    return hub


def caller_of(scope: Scope) -> Caller | None:
    """Return the caller of a request; None before the key was checked, or if the call needs no key."""
    known: tuple[Requires, Caller] | None = scope.get(_CALLER_KEY)
    return None if known is None else known[1]


class Requires(SecurityBase):
    """A dependency that admits a call if its key has *scope* (any valid key if None), and counts it in *bucket*.

    A key that only emits, for every company, is admitted only if *for_emitters* is set.

    The key comes in the header X-Api-Key or as a bearer token (RFC 6750). A bearer token may also be an access token that a
    plugin accepts. Each refusal has the challenge of RFC 6750.
    """

    def __init__(self, scope: str | None, *, bucket: Bucket | None, for_emitters: bool = False) -> None:
        self.scope = scope
        self._for_emitters = for_emitters
        self.bucket: Bucket | None = bucket
        self.scheme_name = "ApiKey"
        self.model = APIKey.model_construct(
            type_=SecuritySchemeType.apiKey,
            in_=APIKeyIn.header,
            name="X-Api-Key",
            description="`{prefix}_live_{companyId}_{secret}`, or `_test_` for the test environment; made by `trunkline keys create` or `POST /api/v1/keys`",
        )

    def bucket_for(self, method: str) -> Bucket | None:
        """Return the bucket of a call with *method*; None if it must be set explicitly."""
        return _BUCKET_OF_METHOD.get(method) if self.bucket is None else self.bucket

    async def __call__(self, request: Request) -> Caller:
        """Find the caller. Raises Unauthenticated, RateLimited, Forbidden, BadQuery, StoreUnavailable."""
        known: tuple[Requires, Caller] | None = request.scope.get(_CALLER_KEY)
        if known is not None and known[0] is self:
            return known[1]
        return await self.admit(request)

    async def admit(self, request: Request, *, is_counted: bool = False) -> Caller:
        """Look the caller up, with the errors of a call of this object. *is_counted*: the call was counted before."""
        authenticate = _authentication(request)
        return await self._admit(request, await authenticate(), authenticate, is_counted=is_counted)

    async def admit_remembered(self, request: Request) -> tuple[Caller, bytes] | None:
        """Find the caller in memory, and the digest of its key, which must still be checked (``Keys.remembered``).

        Returns None if the key is not in memory. Raises the same errors as a call of this object, after the key was checked.
        """
        api_key = header_of(request.scope, b"x-api-key") or _bearer_token(request.scope)
        known = hub_of(request).keys.remembered(api_key) if api_key else None
        if known is None:
            return None
        principal, digest = known
        authenticate = _authentication(request)
        try:
            return await self._admit(request, principal, authenticate), digest
        except Refused:
            await authenticate()
            raise

    async def _admit(
        self,
        request: Request,
        principal: Principal,
        authenticate: Callable[[], Awaitable[object]],
        *,
        is_counted: bool = False,
    ) -> Caller:
        """Count the call of *principal* unless it *is_counted*, and check that it may be made."""
        scope, hub = request.scope, hub_of(request)
        company = header_of(scope, b"x-company-id")
        if principal.networks:
            peer = request.client.host if request.client else None
            forwarded_for = request.headers.getlist("x-forwarded-for")
            if not hub.client_addresses.is_within(principal.networks, peer, forwarded_for):
                raise Forbidden.wrong_network()
        callers.act_for(principal)
        answer_headers: list[tuple[bytes, bytes]] = scope.get(HEADERS_KEY, [])
        if not is_counted:
            answer_headers.append(_NO_STORE)  # the answer is for its caller only, and may contain a secret
        if principal.company_id is not None and not is_counted:
            bucket = self.bucket_for(scope["method"])
            assert bucket is not None  # StrictRoute checks this
            allowance = await hub.limits.hit(principal.key_id, bucket)
            if allowance is not None:
                answer_headers += allowance.headers()
        if self.scope is not None and not principal.has(self.scope):
            raise Forbidden.scope_missing(self.scope)
        if principal.only_emits and not self._for_emitters:
            raise Forbidden.only_emits(self.scope or OPERATOR)
        environment = _environment(principal, header_of(scope, b"x-environment"))
        company_id = principal.company_id
        if company:
            company_id = await _company(principal, company, environment, hub.directory)
        caller = Caller(
            principal,
            company_id,
            _made_for(header_of(scope, _VERSIONS)),
            environment=environment,
            _directory=hub.directory,
            _authenticate=authenticate,
        )
        scope[_CALLER_KEY] = (self, caller)
        return caller


def requires(scope: str | None, *, bucket: Bucket | None = None, bearer: bool = False) -> Requires:  # noqa: ARG001 - public
    """Make the dependency of a route that asks for *scope*.

    GET counts as ``read`` and DELETE as ``write``; other methods need a *bucket*. *bearer* changes nothing any more: each
    refusal has the header ``WWW-Authenticate``.
    """
    return Requires(scope, bucket=bucket)


def _authentication(request: Request) -> Callable[[], Awaitable[Principal]]:
    """Return the function that finds the principal of a call.

    The function does not refer to the scope, which refers to the caller: only the garbage collector would free such a cycle.
    """
    scope = request.scope
    api_key = header_of(scope, b"x-api-key")
    token = None if api_key else _bearer_token(scope)
    return functools.partial(_authenticate, hub_of(request), scope["method"], scope["path"], api_key, token)


async def _authenticate(
    hub: "Hub", method: str, path: str, api_key: str | None, token: str | None
) -> Principal:
    """Find the principal of *api_key* or of the bearer *token* (a key, a plugin's, or the issuer's). Raises Unauthenticated."""
    if not (api_key or token):
        missing = Unauthenticated(_KEY_MISSING)
        missing.headers["WWW-Authenticate"] = "Bearer"  # no error: no token was sent (RFC 6750, 3.1)
        raise missing
    if api_key or not token or parse_key(token) is not None:
        return await hub.keys.authenticate(api_key or token)
    principal = await hub.tokens.authenticate(BearerRequest(token, method, path))
    if principal is None and hub.issuer is not None:
        principal = await hub.issuer.authenticate(token)
    if principal is None:
        raise Unauthenticated(_UNKNOWN)
    return principal


def _bearer_token(scope: Scope) -> str | None:
    """Read the bearer token of a call (RFC 6750, 2.1); None unless there is exactly one."""
    tokens = [value for name, value in scope["headers"] if name == b"authorization"]
    match = _BEARER.fullmatch(tokens[0]) if len(tokens) == 1 else None
    return match[1].decode("latin-1") if match else None


def _made_for(header: str | None) -> dict[str, int] | None:
    if not header:
        return None
    try:
        return read_header(header)
    except ValueError as error:
        raise header_refused(VERSIONS_HEADER, str(error)) from None


def _environment(principal: Principal, header: str | None) -> str | None:
    """Return the environment of a company's key, or the one that an operator names. Raises BadQuery, Forbidden."""
    own = None if principal.company_id is None else environment_of(principal.company_id)
    if not header:
        return own
    if header not in ENVIRONMENTS:
        raise header_refused(ENVIRONMENT_HEADER, f"must be '{LIVE}' or '{TEST}'", header)
    if own is not None and header != own:
        raise Forbidden.wrong_environment(own)
    return header


async def _company(
    principal: Principal, header: str, environment: str | None, directory: CompanyDirectory
) -> int:
    name = read_name(header)
    if header == "0" and principal.is_operator:
        return OPERATORS
    if name is None:
        raise header_refused(COMPANY_HEADER, _COMPANY_MALFORMED, header)
    try:
        company_id = in_environment(await directory.id_of(name), environment)
        directory.check_open((company_id,))
    except CompanyUnknown:
        if principal.company_id is None:
            raise header_refused(COMPANY_HEADER, "is no company's reference", header) from None
        raise Forbidden.wrong_company(header=COMPANY_HEADER) from None
    if principal.company_id not in {None, company_id}:
        raise Forbidden.wrong_company(header=COMPANY_HEADER)
    return company_id


def header_refused(name: str, message: str, value: str | None = None) -> BadQuery:
    """Make the refusal of a call because of its header *name*, with the refused *value*."""
    if value is not None:
        message = f"{message}: '{value[:SHOWN]}'"
    return BadQuery(f"The header {name} {message}.", errors=[FieldError(name, message)])
