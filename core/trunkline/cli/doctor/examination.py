"""An examination, step by step: the connection, correct events, then events that a receiver must refuse or tolerate."""

import asyncio
import ssl
import time
from collections.abc import AsyncGenerator, Callable, Mapping, Sequence

from msgspec import Struct

from trunkline.cli.doctor import judgements, path
from trunkline.cli.doctor.checks import Check, Report, Thresholds
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


class _Delivery(Struct, frozen=True):
    sample: Sample
    answer: Answer


async def examine(
    url: str,
    *,
    policy: AddressPolicy,
    catalog: SchemaCatalog,
    timeout_seconds: float,
    secret: str | None = None,
    thresholds: Thresholds | None = None,
    resolve: Resolve = resolve_by_system,
    ssl_context: ssl.SSLContext | None = None,
    now: Callable[[], float] = time.time,
) -> Report:
    """Examine the receiver at *url* with at most ``MAX_REQUESTS`` requests of *timeout_seconds* each.

    Requests go one at a time, except two duplicates.

    *secret* is the receiver's secret; without it, answers to wrong signatures cannot be judged. *resolve* and *ssl_context*
    are as in ``Outbound``; *now* gives Unix seconds.
    """
    route = await path.explore(
        url,
        policy=policy,
        timeout_seconds=timeout_seconds,
        now=now(),
        resolve=resolve,
        ssl_context=ssl_context,
    )
    checks = [*route.checks]
    if route.url is not None:
        async with Outbound(
            policy,
            timeout_seconds=timeout_seconds,
            resolve=resolve,
            ssl_context=ssl_context,
            resends=False,  # so that the end of a kept connection is noticed
        ) as http:
            trials = Trials(route.url, http=http, secret=secret or throwaway_secret(), now=now)
            samples = Samples(catalog, now=now)
            examination = _Examination(trials, samples, is_secret_known=secret is not None)
            limits = thresholds or Thresholds()
            checks += await examination.run(timeout_seconds=timeout_seconds, thresholds=limits)
    return Report(url=url, checks=tuple(checks), is_reachable=route.is_connected)


class _Examination:
    """An examination of one receiver: sends the requests, and checks the answers."""

    def __init__(self, trials: Trials, samples: Samples, *, is_secret_known: bool) -> None:
        self._trials = trials
        self._samples = samples
        self._is_secret_known = is_secret_known

    async def run(self, *, timeout_seconds: float, thresholds: Thresholds) -> list[Check]:
        """Make every check, or, if no request was answered, only the first two."""
        deliveries = await self._deliver()
        answers = [delivery.answer for delivery in deliveries]
        accepted = judgements.judge_delivery(answers, is_secret_known=self._is_secret_known)
        latency = judgements.judge_latency(answers, timeout_seconds=timeout_seconds, thresholds=thresholds)
        answered = [delivery for delivery in deliveries if delivery.answer.status is not None]
        if not answered:
            return [accepted, latency]
        return [
            accepted,
            judgements.judge_redirect(answers),
            latency,
            judgements.judge_size(answers),
            judgements.judge_keep_alive(answers),
            *[check async for check in self._try(_best(answered))],
        ]

    async def _deliver(self) -> list[_Delivery]:
        """Send correct events; stop early if the first get no answer."""
        deliveries: list[_Delivery] = []
        for _ in range(DELIVERIES):
            sample = self._samples.known()
            deliveries.append(_Delivery(sample, await self._trials.send(sample)))
            if len(deliveries) == _PATIENCE and all(d.answer.status is None for d in deliveries):
                break
        return deliveries

    async def _try(self, genuine: _Delivery) -> AsyncGenerator[Check]:
        send, known = self._trials.send, self._samples.known
        again = await send(genuine.sample, attempt=2)
        yield judgements.judge_duplicate(genuine.answer, again)
        sample = known()
        both = await asyncio.gather(send(sample), send(sample, attempt=2))
        yield judgements.judge_duplicates_at_once(both, genuine=genuine.answer)

        answer = await send(known(), secret=throwaway_secret())
        yield self._refusal("signature-wrong", answer, genuine)
        answer = await send(known(), age_seconds=OLD_SECONDS)
        yield self._refusal("signature-old", answer, genuine)
        answer = await send(known(), age_seconds=-OLD_SECONDS)
        yield self._refusal("signature-ahead", answer, genuine)
        sample = known()
        answer = await send(sample, altered_body=self._samples.altered(sample))
        yield self._refusal("signature-tampered", answer, genuine)
        sample = known()
        answer = await send(sample, altered_body=self._samples.rewritten(sample))
        yield self._refusal("signature-rewritten", answer, genuine)
        answer = await send(known(), signs=False)
        yield self._refusal("signature-missing", answer, genuine)
        answers = {
            what: await send(known(), altered_headers=headers, altered_body=body)
            for what, headers, body in JUNK
        }
        yield judgements.judge_junk(answers, genuine=genuine.answer)

        answer = await send(known(), headers={UNKNOWN_HEADER: "test"})
        yield _tolerance("unknown-header", answer, genuine, what="a header that it does not know")
        answer = await send(self._samples.unknown())
        yield _tolerance("unknown-type", answer, genuine, what="an event type that it does not know")

    def _refusal(self, name: str, answer: Answer, genuine: _Delivery) -> Check:
        known = self._is_secret_known
        return judgements.judge_refusal(name, answer, genuine=genuine.answer, is_secret_known=known)


def _tolerance(name: str, answer: Answer, genuine: _Delivery, *, what: str) -> Check:
    return judgements.judge_tolerance(name, answer, what=what, genuine=genuine.answer)


def _best(answered: list[_Delivery]) -> _Delivery:
    """Choose an accepted event to compare with, or any answered one if none was accepted."""
    return next((delivery for delivery in answered if delivery.answer.is_accepted), answered[0])
