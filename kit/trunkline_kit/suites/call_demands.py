"""Demands that the suites of actions and of searches share."""

import asyncio
from collections.abc import Iterable

from trunkline.errors import ProviderFailed, Refused, StoreUnavailable
from trunkline.schemas.definitions import Definition
from trunkline_kit.checks import demand, fail, not_applicable
from trunkline_kit.suites.call_requests import CANARY, LEAKS, Request, plain_texts
from trunkline_kit.suites.call_trial import CallTrial

DEADLINE_SECONDS = 0.5
LATEST_SECONDS = 5.0
"""Time limit for a provider whose deadline has passed."""


async def demand_plain_refusals(
    trial: CallTrial, definition: Definition, requests: Iterable[Request], *, noun: str, errors: str
) -> None:
    """Assert that each of *requests* is answered, or is refused as problem+json, and shows no internals of the plugin.

    In the failure's message, *noun* names a request, and *errors* names the exceptions that the plugin should raise.
    """
    for request in requests:
        answer = await trial.call(definition, request)
        leaks = [word for word in LEAKS if word in answer.text]
        demand(
            not leaks,
            f"'{definition.name}' showed a caller {leaks}; a refusal should say what to mend and no more",
        )
        demand(
            answer.is_success or answer.headers["content-type"] == "application/problem+json",
            f"'{definition.name}' refused a {noun} without problem+json; raise {errors}",
        )


def text_fields(trial: CallTrial, *, otherwise: str) -> list[tuple[Definition, str]]:
    """List the inputs that take any text; if there is none, the check does not apply, for the reason *otherwise*."""
    fields = [(definition, name) for definition in trial.definitions for name in plain_texts(definition)]
    if not fields:
        not_applicable(otherwise)
    return fields


def demand_canary_unlogged(trial: CallTrial, act: str) -> None:
    """Assert that the canary of an input is not in the log. *act* is the verb for the caller in the failure's message."""
    demand(
        CANARY not in trial.running.log.text,
        f"the plugin '{trial.plugin}' wrote what a caller {act} to the log; it should log ids and counts",
    )


async def demand_end(trial: CallTrial, definition: Definition) -> None:
    """Assert that a call of *definition* ends soon after the call's deadline, even if the database hangs."""
    attempt = asyncio.ensure_future(trial.run(definition, how="hangs", seconds=DEADLINE_SECONDS))
    ended, _ = await asyncio.wait({attempt}, timeout=LATEST_SECONDS)
    attempt.cancel()
    demand(
        ended,
        f"'{definition.name}' went on for more than {LATEST_SECONDS:g} s after its time of {DEADLINE_SECONDS:g} s was over; it should "
        "let CancelledError through",
    )
    demand(
        isinstance(attempt.exception(), ProviderFailed),
        f"'{definition.name}' gave an answer though its time was over; it should let CancelledError through",
    )


async def demand_no_answer(trial: CallTrial, definition: Definition) -> None:
    """Assert that a call of *definition* raises if the database is unavailable."""
    try:
        await trial.run(definition, how="fails", seconds=LATEST_SECONDS)
    except (StoreUnavailable, ProviderFailed, Refused):
        return
    fail(f"'{definition.name}' gave an answer though the database was away; it should let the error through")
