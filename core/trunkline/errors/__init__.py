"""Every error that trunkline raises, as one tree.

::

    TrunklineError
    ├── Refused                     the caller's fault; answered as problem+json with the class's status
    │   ├── BadQuery                400  a query parameter is unknown or malformed
    │   ├── BadCursor               400
    │   ├── Unauthenticated         401
    │   ├── Forbidden               403  scope or company
    │   ├── NotFound                404
    │   │   └── CompanyUnknown      no company has the reference
    │   ├── Conflict                409
    │   │   ├── IdempotencyConflict
    │   │   ├── CompanyErased       the company is being deleted
    │   │   ├── LimitReached        the company has reached one of its limits
    │   │   │   └── TooManySubscriptions
    │   │   └── PageLeaseLost       the lease of a consumer's page has lapsed, or another poller holds it
    │   ├── CursorExpired           410  events after the cursor were removed
    │   ├── CursorUnknown           410  the cursor is after the newest event
    │   ├── BodyTooLarge            413
    │   ├── BodyInvalid             422  carries one FieldError per fault
    │   │   └── EventRejected
    │   │   └── FilterTooDear       over the company's limit 'filter_cost'
    │   ├── TargetRefused           422
    │   ├── RateLimited             429
    │   ├── TooFast                 429
    │   ├── KeysTooFast             429
    │   ├── TooMuchAtOnce           429  the company has too many operations running
    │   ├── RequestTimeout          408  head or body did not come in time; the connection is closed
    │   ├── RequestMalformed        400  not valid HTTP, or repeats a header that may appear once
    │   ├── CodingUnknown           415  the body has an unknown coding
    │   ├── PreconditionFailed      412  the record is not in the state that If-Match names
    │   ├── HeadTooLarge            431  the connection is closed
    │   ├── Overloaded              503  no connection or memory is left; nothing was done
    │   │   └── MachineExhausted    the hub's machine has no file, memory, port or thread left
    │   ├── Stopping                503  the process stopped before the request was done
    │   └── ProviderRefused         the provider of an action or a search refused the call, with its own 4xx
    ├── ProviderFailed              502  the named provider of an action or a search failed
    ├── StoreUnavailable            503  the database did not answer
    │   └── WritesRefused           the database answers but cannot write, for example on a full disk
    ├── DatabaseUnfit               the database lacks a privilege or resource that the hub needs; start-up stops
    │   └── DatabaseTooOld
    ├── Unreadable                  a sealed value cannot be decrypted with the keys of this process
    ├── LeaseLost                   another worker holds the shard now; nothing was stored
    ├── SettingsInvalid             start-up stops
    ├── SchemaInvalid               a schema file is not valid
    ├── PluginFailed                a plugin could not be loaded, or raised
    ├── ExtraMissing                a plugin needs the packages of an extra of its distribution
    └── AddressRefused              the outbound policy forbids the address that was about to be dialled

The HTTP layer maps ``Refused``, ``ProviderFailed`` and ``StoreUnavailable`` to answers (``trunkline.api.problems``).
"""

from trunkline.errors.failures import (
    AddressRefused,
    DatabaseTooOld,
    DatabaseUnfit,
    ExtraMissing,
    LeaseLost,
    PluginFailed,
    ProviderFailed,
    SchemaInvalid,
    SettingsInvalid,
    StoreUnavailable,
    Unreadable,
    WritesRefused,
)
from trunkline.errors.faults import (
    SHOWN,
    FieldError,
    TrunklineError,
    but_not,
    pointer,
    unknown_name,
    unknown_names,
)
from trunkline.errors.messages import (
    CodingUnknown,
    HeadTooLarge,
    MachineExhausted,
    Overloaded,
    RequestMalformed,
    RequestTimeout,
    Stopping,
)
from trunkline.errors.refusals import (
    BadCursor,
    BadQuery,
    BodyInvalid,
    BodyTooLarge,
    CompanyErased,
    CompanyUnknown,
    Conflict,
    CursorExpired,
    CursorUnknown,
    EventRejected,
    FilterTooDear,
    Forbidden,
    IdempotencyConflict,
    KeysTooFast,
    LimitReached,
    NotFound,
    PageLeaseLost,
    PreconditionFailed,
    ProviderRefused,
    RateLimited,
    Refused,
    TargetRefused,
    TooFast,
    TooManySubscriptions,
    TooMuchAtOnce,
    Unauthenticated,
)

__all__ = [
    "SHOWN",
    "AddressRefused",
    "BadCursor",
    "BadQuery",
    "BodyInvalid",
    "BodyTooLarge",
    "CodingUnknown",
    "CompanyErased",
    "CompanyUnknown",
    "Conflict",
    "CursorExpired",
    "CursorUnknown",
    "DatabaseTooOld",
    "DatabaseUnfit",
    "EventRejected",
    "ExtraMissing",
    "FieldError",
    "FilterTooDear",
    "Forbidden",
    "HeadTooLarge",
    "IdempotencyConflict",
    "KeysTooFast",
    "LeaseLost",
    "LimitReached",
    "MachineExhausted",
    "NotFound",
    "Overloaded",
    "PageLeaseLost",
    "PluginFailed",
    "PreconditionFailed",
    "ProviderFailed",
    "ProviderRefused",
    "RateLimited",
    "Refused",
    "RequestMalformed",
    "RequestTimeout",
    "SchemaInvalid",
    "SettingsInvalid",
    "Stopping",
    "StoreUnavailable",
    "TargetRefused",
    "TooFast",
    "TooManySubscriptions",
    "TooMuchAtOnce",
    "TrunklineError",
    "Unauthenticated",
    "Unreadable",
    "WritesRefused",
    "but_not",
    "pointer",
    "unknown_name",
    "unknown_names",
]
