"""Bearer tokens that plugins check: each plugin is asked in turn, with a time limit, until one recognises the token."""

import asyncio
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Any

from trunkline.contract import BearerRequest
from trunkline.errors import Overloaded, TrunklineError
from trunkline.model.principals import COMPANY_SCOPES, OPERATOR, Principal
from trunkline.plugins.calls import (
    Implementation,
    PluginThread,
    call_runtime,
    describe_error,
    is_being_cancelled,
)
from trunkline.plugins.registry import Registry, logger_of
from trunkline.plugins.types import name_type

AUTHENTICATE, FIND, DESCRIBE = "authenticate_request", "find_principal", "describe_end"
LIMIT_SECONDS = 10.0
RETRY_SECONDS = 5
LONGEST_NAME = 1_000


class TokenPrincipals:
    """Finds the principals of tokens that are not API keys."""

    def __init__(self, registry: Registry, *, limit_seconds: float = LIMIT_SECONDS) -> None:
        self._registry = registry
        self._limit_seconds = limit_seconds

    async def authenticate(self, request: BearerRequest) -> Principal | None:
        """Return the principal of a token; None if no plugin recognises the token.

        Raises:
            Refused: a plugin recognises the token, and refuses it.
            Overloaded: no plugin recognises the token, but a plugin failed to answer and might recognise it.
            StoreUnavailable: the database does not answer.
        """
        return await self._ask(AUTHENTICATE, {"request": request})

    async def find(self, principal_id: str) -> Principal | None:
        """Return the current state of a plugin's principal (``Principal.key_id``); None if it is no longer valid.

        Raises the same errors as ``authenticate``.
        """
        return await self._ask(FIND, {"principal_id": principal_id})

    async def describe_end(self, principal_id: str) -> list[str]:
        """List the plugins' sentences about what stops working if a principal, such as a key, is revoked.

        A plugin that fails is left out.
        """
        sentences: list[str] = []
        for implementation in self._registry.implementing(DESCRIBE):
            with suppress(_Failed):
                said = await self._call(implementation, {"principal_id": principal_id})
                if isinstance(said, Sequence):
                    sentences += map(str, said)
        return sentences

    async def _ask(self, hook: str, arguments: Mapping[str, object]) -> Principal | None:
        has_failed = False
        for implementation in self._registry.implementing(hook):
            try:
                principal = _checked(implementation, await self._call(implementation, arguments))
            except _Failed:
                has_failed = True
                continue
            if principal is not None:
                return principal
        if has_failed:
            raise Overloaded("What tells whose tokens these are", retry_after_seconds=RETRY_SECONDS)
        return None

    async def _call(self, implementation: Implementation, arguments: Mapping[str, object]) -> object:
        name = implementation.plugin
        context = self._registry.context(name)
        try:
            async with asyncio.timeout(self._limit_seconds):
                return await call_runtime(
                    implementation, arguments={"context": context, **arguments}, thread=PluginThread(name)
                )
        except TrunklineError:
            raise
        except BaseException as error:
            if is_being_cancelled():
                raise asyncio.CancelledError from error
            fault = f"raised in {implementation.hook}: {describe_error(error)}"
            logger_of(name).error("Plugin '%s' %s", name, fault, exc_info=error)
            raise _Failed from error


def _checked(implementation: Implementation, value: object) -> Principal | None:
    name, hook = implementation.plugin, implementation.hook
    if value is None:
        return None
    if not isinstance(value, Principal):
        reason = f"returned {name_type(value)} from {hook}, which must return a Principal or None"
    elif fault := _find_fault(value):
        reason = f"returned a faulty Principal from {hook}: its {fault}"
    else:
        return value
    logger_of(name).error("Plugin '%s' %s", name, reason)
    raise _Failed


def _find_fault(principal: Principal) -> str | None:
    """Describe the fault of a plugin's *principal*; None if valid. Every member is checked, since a principal grants access."""
    for name in ("key_id", "name"):
        if not isinstance(text := getattr(principal, name), str) or not text:
            return f"{name} is {name_type(text)}, not text" if text else f"{name} is empty"
        if len(text) > LONGEST_NAME or "\0" in text:
            return f"{name} is longer than {LONGEST_NAME} characters, or has a NUL"
    scopes: Any = principal.scopes
    if not isinstance(scopes, frozenset) or not scopes <= {*COMPANY_SCOPES, OPERATOR}:
        return f"scopes are {name_type(scopes)}, not a frozenset of {', '.join([*COMPANY_SCOPES, OPERATOR])}"
    company_id: Any = principal.company_id
    if company_id is None:
        return (
            None if principal.is_operator else f"company_id is None, which only the scope {OPERATOR} allows"
        )
    is_id = isinstance(company_id, int) and not isinstance(company_id, bool) and 0 < abs(company_id) < 2**63
    return None if is_id else f"company_id is {company_id!r}, not the id of a company"


class _Failed(Exception):
    """A plugin failed to answer; the error was logged."""
