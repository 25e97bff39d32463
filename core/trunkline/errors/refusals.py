"""Refusals of a call; each class has its HTTP status."""

from collections.abc import Mapping, Sequence
from types import MappingProxyType

from trunkline.errors.faults import FieldError, TrunklineError


class Refused(TrunklineError):
    """The caller asked for something that cannot be done; *detail* is one sentence on how to fix the request.

    *form_detail* is the same sentence in words for the user of a form; only calls of actions and searches have it.
    """

    status = 400
    title = "Bad request"
    own_headers: Mapping[str, str] = MappingProxyType({})

    def __init__(self, detail: str, *, errors: Sequence[FieldError] = ()) -> None:
        if detail.endswith("?."):  # a suggestion ends with a mark of its own
            detail = detail[:-1]
        super().__init__(detail)
        self.detail = detail
        self.errors = tuple(errors)
        self.form_detail = ""
        self.headers: dict[str, str] = {**self.own_headers}


class BadQuery(Refused):
    """A query parameter is unknown or malformed."""

    title = "Invalid query"

    @classmethod
    def parameter(cls, name: str, message: str) -> "BadQuery":
        """Refuse a request because of the parameter *name*."""
        return cls(f"The query parameter '{name}' {message}.", errors=[FieldError(name, message)])


class BadCursor(Refused):
    """The cursor was not issued by this service."""

    title = "Invalid cursor"

    def __init__(self, path: str = "cursor") -> None:
        message = "is not one that this service gave out; take one from an earlier answer"
        super().__init__(f"The cursor {message}.", errors=[FieldError(path, message)])


class Unauthenticated(Refused):
    """The request has no key, or a key that is malformed, unknown or revoked."""

    status = 401
    title = "Unauthorized"

    own_headers = MappingProxyType({"WWW-Authenticate": 'Bearer error="invalid_token"'})


class Forbidden(Refused):
    """The key is valid but may not do this."""

    status = 403
    title = "Forbidden"

    @classmethod
    def scope_missing(cls, scope: str) -> "Forbidden":
        """The key lacks *scope*."""
        refusal = cls(f"This API key lacks the scope '{scope}'; use a key that has it.")
        refusal.headers["WWW-Authenticate"] = f'Bearer error="insufficient_scope", scope="{scope}"'
        return refusal

    @classmethod
    def only_emits(cls, scope: str) -> "Forbidden":
        """The key emits events of every company and does nothing else; the call asks for *scope*."""
        return cls(
            f"This API key only emits events; this call needs one of a company, or of an operator, with the scope '{scope}'."
        )

    @classmethod
    def wrong_network(cls) -> "Forbidden":
        """The key may not be used from the caller's network."""
        return cls("This API key may not be used from your address; use it from one of its allowed networks.")

    @classmethod
    def wrong_company(cls, *, header: str | None = None) -> "Forbidden":
        """A company's key named another company, in *header* or elsewhere."""
        errors = [FieldError(header, "must name the company of the key")] if header else []
        return cls(
            "This API key belongs to another company than the one named in the request.", errors=errors
        )

    @classmethod
    def wrong_environment(cls, own: str) -> "Forbidden":
        """A company's key named the other environment; *own* is the key's environment."""
        return cls(
            f"This API key is of the environment '{own}' of its company, not of the one named in the request."
        )


class NotFound(Refused):
    """There is no such record, or it belongs to another company."""

    status = 404
    title = "Not found"

    def __init__(self, kind: str, identifier: object) -> None:
        super().__init__(f"There is no {kind} '{identifier}' here.")


class CompanyUnknown(NotFound):
    """No company has the reference *name*."""

    title = "Company not found"

    def __init__(self, name: object) -> None:
        super().__init__("company", name)
        self.name = name


class Conflict(Refused):
    """The request contradicts what is stored."""

    status = 409
    title = "Conflict"


class IdempotencyConflict(Conflict):
    """An idempotency key was repeated with another request."""

    def __init__(self, key: str) -> None:
        super().__init__(
            f"The Idempotency-Key '{key}' was used for another request; choose a new key for a new request."
        )
        self.key = key


class CompanyErased(Conflict):
    """The company is being deleted, so every call for it is refused."""

    title = "Company deleted"

    def __init__(self, company_id: int) -> None:
        name = f"company {abs(company_id)}"
        which = f"The test environment of {name}" if company_id < 0 else name.capitalize()
        super().__init__(
            f"{which} is being deleted, so nothing is done for it; wait until its erasure has ended."
        )
        self.company_id = company_id


class LimitReached(Conflict):
    """The company has reached its limit *name*, a number of *things*; *remedy* says how to stay below the limit."""

    title = "Limit reached"

    def __init__(self, name: str, limit: int, *, things: str, remedy: str) -> None:
        super().__init__(
            f"This company already has {limit} {things}, the most that its limit '{name}' allows; {remedy}."
        )
        self.name = name
        self.limit = limit


class TooManySubscriptions(LimitReached):
    """The company has as many subscriptions as its limit allows."""

    def __init__(self, limit: int) -> None:
        super().__init__("subscriptions", limit, things="subscriptions", remedy="delete one first")


class CursorExpired(Refused):
    """Events after the cursor were removed at the end of their retention."""

    status = 410
    title = "Cursor expired"

    def __init__(self, oldest_utc: str | None) -> None:
        message = "is older than the events that are still here"
        oldest = f"of {oldest_utc}" if oldest_utc else "still to come"
        super().__init__(
            f"The cursor {message}: leave it out to go on from the oldest one, which is {oldest}, "
            "or send 'since' with a time instead.",
            errors=[FieldError("cursor", message)],
        )
        self.oldest_utc = oldest_utc


class CursorUnknown(Refused):
    """The cursor is after the newest event: the log was restored to an earlier state, or the cursor is of another log."""

    status = 410
    title = "Cursor unknown"

    def __init__(self) -> None:
        message = "is beyond the newest event of this log"
        super().__init__(
            f"The cursor {message}: the database was restored from before it, or another hub gave it out. Send 'since' with "
            "the time of the newest event that you have instead, and pass over the ids that you know.",
            errors=[FieldError("cursor", message)],
        )


class PageLeaseLost(Conflict):
    """The lease of a consumer's page has lapsed, or another poller holds the page. Nothing was committed."""

    title = "Lease lost"

    def __init__(self, consumer: str) -> None:
        super().__init__(
            f"The lease is not valid any more: it lapsed, or the consumer '{consumer}' was moved. Nothing was committed. "
            "Read the next page; what was in this one comes again."
        )


class BodyTooLarge(Refused):
    """The request body exceeds the size limit of this call."""

    status = 413
    title = "Payload too large"

    def __init__(self, limit_bytes: int) -> None:
        super().__init__(f"The request body is larger than the {limit_bytes} bytes that this call accepts.")
        self.limit_bytes = limit_bytes


class BodyInvalid(Refused):
    """The request body breaks its schema; ``errors`` has one entry per fault. With *ended_early* there are more faults."""

    status = 422
    title = "Unprocessable content"

    def __init__(self, errors: Sequence[FieldError], *, ended_early: bool = False) -> None:
        first = errors[0]
        where = f" at '{first.path}'" if first.path else ""
        least = "at least " if ended_early else ""
        more = f" (and {least}{len(errors) - 1} more)" if len(errors) > 1 else ""
        super().__init__(f"The request body is not valid{where}: {first.message}{more}.", errors=errors)


class EventRejected(BodyInvalid):
    """An event breaks its type's schema; nothing was stored."""

    title = "Event rejected"


class FilterTooDear(BodyInvalid):
    """The filters of the company's subscriptions would together cost *cost*, which is above its *limit*."""

    def __init__(self, cost: int, limit: int) -> None:
        message = (
            f"makes the filters of the company's subscriptions cost {cost:,}, more than its limit 'filter_cost' "
            f"of {limit:,}; use fewer comparisons, above all fewer 'contains' with a text, and shorter lists, or delete subscriptions"
        )
        super().__init__([FieldError("/filter", message)])
        self.cost = cost
        self.limit = limit


class TargetRefused(BodyInvalid):
    """The deployment's policy forbids a target URL."""

    title = "Target refused"

    def __init__(self, message: str, *, path: str = "/target_url") -> None:
        super().__init__([FieldError(path, message)])


class RateLimited(Refused):
    """The caller has used up its calls of the current minute."""

    status = 429
    title = "Too many requests"

    def __init__(
        self, who: str = "This API key", *, bucket: str, limit: int, retry_after_seconds: int
    ) -> None:
        super().__init__(
            f"{who} may make {limit} '{bucket}' calls a minute; try again in {retry_after_seconds} s."
        )
        self.headers = {"Retry-After": str(retry_after_seconds)}


class TooFast(Refused):
    """The company exceeds the rate of its limit *name*."""

    status = 429
    title = "Too many requests"

    def __init__(self, name: str, limit: int, *, pace: str, retry_after_seconds: int) -> None:
        super().__init__(
            f"This company may send {limit} {pace} (its limit '{name}'); try again in {retry_after_seconds} s."
        )
        self.headers = {"Retry-After": str(retry_after_seconds)}


class KeysTooFast(Refused):
    """The company makes API keys faster than its limit allows."""

    status = 429
    title = "Too many requests"

    def __init__(self, limit: int) -> None:
        super().__init__(
            f"This company has made {limit} API keys in the last minute, the most that it may; try again in 60 s."
        )
        self.headers = {"Retry-After": "60"}


class TooMuchAtOnce(Refused):
    """The company has reached the limit of simultaneous *things*. *limit* is the number, if there is one.

    Without *is_own* the limit is shared by all companies.
    """

    status = 429
    title = "Too many requests"

    def __init__(
        self, things: str, *, limit: int | None = None, is_own: bool = True, retry_after_seconds: int
    ) -> None:
        whose = "This company has" if is_own else "All companies together have"
        count = "too many" if limit is None else f"{limit}"
        most = "" if limit is None else ", the most that may be"
        super().__init__(f"{whose} {count} {things} under way{most}; try again in {retry_after_seconds} s.")
        self.headers = {"Retry-After": str(retry_after_seconds)}


class PreconditionFailed(Refused):
    """The record is not in the state that ``If-Match`` names; nothing was changed."""

    status = 412
    title = "Precondition failed"

    def __init__(self) -> None:
        message = "names an earlier state of the record; read it again, and change what is there now"
        super().__init__(f"The header If-Match {message}.", errors=[FieldError("If-Match", message)])


class ProviderRefused(Refused):
    """The provider of an action, a search or a lookup refused the call, with its own status (any 4xx) and sentence."""

    title = "Refused by the provider"

    def __init__(self, status: int, detail: str, *, errors: Sequence[FieldError] = ()) -> None:
        super().__init__(detail, errors=errors)
        self.status = status
