"""What a person of a company should look at, in sentences that say what to do."""

from urllib.parse import urlsplit

from sqlalchemy.ext.asyncio import AsyncConnection

from trunkline.contract import Attention, AttentionKind
from trunkline.model.deliveries import Status
from trunkline.model.subscriptions import GONE
from trunkline.model.subscriptions import Status as SubscriptionStatus
from trunkline.model.times import utc_text_of_ms
from trunkline.store import activity as store
from trunkline.store import quarantine

COUNT_LIMIT = 10_000
"""Deliveries are counted up to here."""
UNUSED_MS = 7 * 24 * 60 * 60 * 1000
"""A key that is younger need not have been used yet."""
_EACH = 20
"""Entries of one kind."""


async def gather(connection: AsyncConnection, company_id: int, *, after: int) -> list[Attention]:
    """Gather it, the most urgent first.

    Deliveries that have ended count if their events came after position *after*; those that are held, always.
    """
    troubled = [_of_subscription(one) for one in await store.troubled(connection, company_id, limit=_EACH)]
    stuck = [
        _of_deliveries(one)
        for status, since in ((Status.EXHAUSTED, after), (Status.REJECTED, after), (Status.HELD, 0))
        for one in await store.stuck(
            connection, company_id, status, after=since, count_limit=COUNT_LIMIT, limit=_EACH
        )
    ]
    waiting = await quarantine.count_by_type(connection, company_id, limit=COUNT_LIMIT)
    replays = await store.replaying(connection, company_id, limit=_EACH)
    keys = await store.unused_keys(connection, company_id, older_than_ms=UNUSED_MS, limit=_EACH)
    return [
        *(one for one in troubled if one.kind != "paused"),
        *stuck,
        *(_of_quarantine(one) for one in waiting[:_EACH]),
        *(one for one in troubled if one.kind == "paused"),
        *(_of_replay(one) for one in replays),
        *(_of_key(one) for one in keys),
    ]


def _of_subscription(one: store.Troubled) -> Attention:
    since = "" if one.since_ms is None else f" since {utc_text_of_ms(one.since_ms)}"
    host = _host(one.target_url)
    match one.status, one.disabled_reason:
        case SubscriptionStatus.PAUSED, _:
            sentence = f"The subscription to {host} has been paused{since}; resume it to go on."
            return Attention("paused", sentence, subscription_id=one.id)
        case SubscriptionStatus.ACTIVE, _:
            times = "attempt" if one.failures == 1 else f"{one.failures:,} attempts"
            sentence = (
                f"The last {times} to reach {host} failed{since}; look at the answers and mend the target."
            )
            return Attention("failing", sentence, one.failures, subscription_id=one.id)
        case _, reason if reason == GONE:
            what = "the target said that it is gone (410); delete the subscription, or mend the target and resume it"
        case _, reason:
            what = f"reason: {reason}; mend the target, then resume it"
    sentence = f"The subscription to {host} has been disabled{since}: {what}."
    return Attention("disabled", sentence, max(one.failures, 1), subscription_id=one.id)


def _of_deliveries(one: store.Stuck) -> Attention:
    more = " or more" if one.count == COUNT_LIMIT else ""
    subject = "1 delivery" if one.count == 1 else f"{one.count:,}{more} deliveries"
    subject = f"{subject} to {_host(one.target_url)} {'has' if one.count == 1 else 'have'}"
    kind: AttentionKind
    match one.status:
        case Status.EXHAUSTED:
            kind, what = "exhausted", "failed at every attempt; mend the target, then replay what failed"
        case Status.REJECTED:
            kind, what = "rejected", "been rejected for good; look at the answers"
        case _:
            kind, what = "held", f"been held back until the channel '{one.channel}' is enabled"
    return Attention(
        kind, f"{subject} {what}.", one.count, subscription_id=one.subscription_id, event_id=one.position
    )


def _of_quarantine(one: quarantine.Waiting) -> Attention:
    more = " or more" if one.count == COUNT_LIMIT else ""
    subject = "1 event waits" if one.count == 1 else f"{one.count:,}{more} events wait"
    what = "correct and release what can be mended, and delete the rest"
    sentence = f"{subject} in quarantine, for breaking the schema of {one.type}; {what}."
    return Attention("quarantined", sentence, one.count)


def _of_replay(one: store.Replaying) -> Attention:
    sentence = (
        f"A replay to {_host(one.target_url)} is running, with {one.remaining:,} positions of the log to go."
    )
    return Attention("replay", sentence, one.remaining, subscription_id=one.subscription_id, replay_id=one.id)


def _of_key(one: store.UnusedKey) -> Attention:
    sentence = (
        f"The API key '{one.name}', made at {utc_text_of_ms(one.created_ms)}, has never been used; "
        "revoke it if nobody needs it."
    )
    return Attention("unused_key", sentence, key_id=one.id)


def _host(url: str) -> str:
    return urlsplit(url).hostname or url
