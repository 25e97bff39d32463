"""An examination, step by step: the connection, correct events, then events that a receiver must refuse or tolerate."""

import asyncio
import time
from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from typing import Any

from trunkline.cli.doctor import judgements, path
from trunkline.cli.doctor.checks import Check, Report
from trunkline.cli.doctor.trials import UNKNOWN_HEADER, Answer, Sample, Samples, Trials, throwaway_secret
from trunkline.outbound import Outbound, Resolve, resolve_by_system
from trunkline.schemas.catalog import SchemaCatalog
from trunkline.targets.addresses import AddressPolicy
from trunkline.targets.signatures import SIGNATURE_HEADER, TIMESTAMP_HEADER

MAX_REQUESTS = 20
"""The limit of requests of one examination."""

DELIVERIES = 5
"""The number of correctly signed events, sent one after the other; the latency is the median of their answers."""

OLD_SECONDS = 600
"""The age of an old event: twice the tolerance of the Standard Webhooks libraries."""

JUNK: Sequence[tuple[str, Mapping[str, str], bytes | None]] = (
    ("the signature 'junk'", {SIGNATURE_HEADER: "junk"}, None),
    ("the signature 'v1,A'", {SIGNATURE_HEADER: "v1,A"}, None),
    ("the time 'soon'", {TIMESTAMP_HEADER: "soon"}, None),
    ("a body that is not UTF-8", {}, b"\xff\xfe"),
)
"""Unsigned requests, each with its headers and body; libraries raise different errors on them."""

_PATIENCE = 2
"""If this number of events at the beginning get no answer, no more events are sent."""


_Delivery = tuple[Sample, Answer]


async def examine(
    url: str,
    *,
    policy: AddressPolicy,
    catalog: SchemaCatalog,
    timeout_seconds: float,
    secret: str | None = None,
    resolve: Resolve = resolve_by_system,
    now: Callable[[], float] = time.time,
) -> Report:
    """Examine the receiver at *url* with at most ``MAX_REQUESTS`` requests of *timeout_seconds* each.

    Requests go one at a time, except two duplicates.

    *secret* is the receiver's secret; without it, answers to wrong signatures cannot be judged. *resolve* is
    as in ``Outbound``; *now* gives Unix seconds.
    """
    route = await path.explore(
        url,
        policy=policy,
        timeout_seconds=timeout_seconds,
        now=now(),
        resolve=resolve,
    )
    checks = [*route.checks]
    if route.url is not None:
        async with Outbound(
            policy,
            timeout_seconds=timeout_seconds,
            resolve=resolve,
            resends=False,  # so that the end of a kept connection is noticed
        ) as http:
            trials = Trials(route.url, http=http, secret=secret or throwaway_secret(), now=now)
            samples, is_known = Samples(catalog, now=now), secret is not None
            deliveries = await _deliver(trials, samples)
            answers = [answer for _, answer in deliveries]
            accepted = judgements.judge_delivery(answers, is_secret_known=is_known)
            latency = judgements.judge_latency(answers, timeout_seconds=timeout_seconds)
            answered = [delivery for delivery in deliveries if delivery[1].status is not None]
            if answered:
                # Further answers are compared with that to an accepted event, or to any answered one if none was accepted.
                genuine = next((each for each in answered if each[1].is_accepted), answered[0])
                redirect, size = judgements.judge_redirect(answers), judgements.judge_size(answers)
                checks += [accepted, redirect, latency, size, judgements.judge_keep_alive(answers)]
                checks += [check async for check in _try(trials, samples, genuine, is_secret_known=is_known)]
            else:
                checks += [accepted, latency]
    return Report(url=url, checks=tuple(checks), is_reachable=route.is_connected)


async def _deliver(trials: Trials, samples: Samples) -> list[_Delivery]:
    """Send correct events; stop early if the first get no answer."""
    deliveries: list[_Delivery] = []
    for _ in range(DELIVERIES):
        sample = samples.known()
        deliveries.append((sample, await trials.send(sample)))
        if len(deliveries) == _PATIENCE and all(answer.status is None for _, answer in deliveries):
            break
    return deliveries


async def _try(
    trials: Trials, samples: Samples, genuine: _Delivery, *, is_secret_known: bool
) -> AsyncGenerator[Check]:
    send, known, (delivered, answered) = trials.send, samples.known, genuine

    async def refused(name: str, sample: Sample, **how: Any) -> Check:
        answer = await send(sample, **how)
        return judgements.judge_refusal(name, answer, genuine=answered, is_secret_known=is_secret_known)

    again = await send(delivered, attempt=2)
    yield judgements.judge_duplicate(answered, again)
    sample = known()
    both = await asyncio.gather(send(sample), send(sample, attempt=2))
    yield judgements.judge_duplicates_at_once(both, genuine=answered)

    yield await refused("signature-wrong", known(), secret=throwaway_secret())
    yield await refused("signature-old", known(), age_seconds=OLD_SECONDS)
    yield await refused("signature-ahead", known(), age_seconds=-OLD_SECONDS)
    sample = known()
    yield await refused("signature-tampered", sample, altered_body=samples.altered(sample))
    sample = known()
    yield await refused("signature-rewritten", sample, altered_body=samples.rewritten(sample))
    yield await refused("signature-missing", known(), signs=False)
    answers = {
        what: await send(known(), altered_headers=headers, altered_body=body) for what, headers, body in JUNK
    }
    yield judgements.judge_junk(answers, genuine=answered)

    answer = await send(known(), headers={UNKNOWN_HEADER: "test"})
    what = "a header that it does not know"
    yield judgements.judge_tolerance("unknown-header", answer, what=what, genuine=answered)
    answer = await send(samples.unknown())
    what = "an event type that it does not know"
    yield judgements.judge_tolerance("unknown-type", answer, what=what, genuine=answered)
