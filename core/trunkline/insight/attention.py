"""Problems that need a company's attention, as sentences that say what to do."""

from urllib.parse import urlsplit

from trunkline.contract import Attention, AttentionKind
from trunkline.model.deliveries import Status
from trunkline.model.subscriptions import DISCONNECTED, GONE, UNREADABLE
from trunkline.model.subscriptions import Status as SubscriptionStatus
from trunkline.model.times import utc_text_of_ms
from trunkline.store import activity as store
from trunkline.store import quarantine
from trunkline.store.connection import Connection

COUNT_LIMIT = 10_000
"""The limit up to which deliveries are counted."""
UNUSED_MS = 7 * 24 * 60 * 60 * 1000
"""The age from which an unused key is reported."""
_EACH = 20
"""The maximum number of entries of one kind."""
_NAME = 60
"""The maximum number of characters that are shown of a description."""


async def gather(connection: Connection, company_id: int, *, after: int) -> list[Attention]:
    """List the problems of a company, most urgent first.

    Ended deliveries count if the positions of their events are above *after*; held deliveries always count.
    """
    troubled = [_of_subscription(row) for row in await store.troubled(connection, company_id, limit=_EACH)]
    stuck = [
        _of_deliveries(group)
        for status, since in ((Status.EXHAUSTED, after), (Status.REJECTED, after), (Status.HELD, 0))
        for group in await store.stuck(
            connection, company_id, status, after=since, count_limit=COUNT_LIMIT, limit=_EACH
        )
    ]
    waiting = await quarantine.count_by_type(connection, company_id, limit=COUNT_LIMIT)
    replays = await store.replaying(connection, company_id, limit=_EACH)
    keys = await store.unused_keys(connection, company_id, older_than_ms=UNUSED_MS, limit=_EACH)
    return [
        *(entry for entry in troubled if entry.kind != "paused"),
        *stuck,
        *map(_of_quarantine, waiting[:_EACH]),
        *(entry for entry in troubled if entry.kind == "paused"),
        *map(_of_replay, replays),
        *map(_of_key, keys),
    ]


def _of_subscription(row: store.Troubled) -> Attention:
    at = "" if row.since_ms is None else f" {utc_text_of_ms(row.since_ms)}"
    name = _name(row)
    match row.status, row.disabled_reason:
        case SubscriptionStatus.PAUSED, _:
            sentence = f"The subscription to {name} was paused{at}; resume it to go on."
            return Attention("paused", sentence, subscription_id=row.id, target_url=row.target_url)
        case SubscriptionStatus.ACTIVE, _:
            times = "attempt" if row.failures == 1 else f"{row.failures:,} attempts"
            sentence = (
                f"The last {times} to reach {name} failed{f', the first{at}' if at else ''}; "
                "look at the answers and fix the target."
            )
            return Attention(
                "failing", sentence, row.failures, subscription_id=row.id, target_url=row.target_url
            )
        case _, reason if reason == GONE:
            what = "the target said that it is gone; delete the subscription, or fix the target and resume it"
        case _, reason if reason == UNREADABLE:
            what = "its secrets do not open; rotate its secret, give it its headers again, then resume it"
        case _, reason if reason == DISCONNECTED:
            what = "who made it was disconnected; delete it, or resume it if somebody else needs it"
        case _, reason:
            what = f"reason: {reason}; fix the target, then resume it"
    sentence = f"The subscription to {name} was disabled{at}: {what}."
    return Attention(
        "disabled", sentence, max(row.failures, 1), subscription_id=row.id, target_url=row.target_url
    )


def _of_deliveries(group: store.Stuck) -> Attention:
    more = " or more" if group.count == COUNT_LIMIT else ""
    subject = "1 delivery" if group.count == 1 else f"{group.count:,}{more} deliveries"
    subject = f"{subject} to {_name(group)} {'has' if group.count == 1 else 'have'}"
    kind: AttentionKind
    match group.status:
        case Status.EXHAUSTED:
            kind, what = "exhausted", "failed at every attempt; fix the target, then replay what failed"
        case Status.REJECTED:
            kind, what = "rejected", "been rejected for good; look at the answers"
        case _:
            kind, what = "held", f"been held back until the channel '{group.channel}' is enabled"
    return Attention(
        kind,
        f"{subject} {what}.",
        group.count,
        subscription_id=group.subscription_id,
        event_id=group.position,
        target_url=group.target_url,
    )


def _of_quarantine(events: quarantine.Waiting) -> Attention:
    more = " or more" if events.count == COUNT_LIMIT else ""
    subject = "1 event waits" if events.count == 1 else f"{events.count:,}{more} events wait"
    what = "correct and release the ones that can be fixed, and delete the rest"
    sentence = f"{subject} in quarantine, for breaking the schema of {events.type}; {what}."
    return Attention("quarantined", sentence, events.count)


def _of_replay(replay: store.Replaying) -> Attention:
    left, of = replay.remaining, replay.subscription_id
    sentence = f"A replay to {_name(replay)} is running, with {left:,} positions of the log to go."
    return Attention(
        "replay", sentence, left, subscription_id=of, replay_id=replay.id, target_url=replay.target_url
    )


def _of_key(key: store.UnusedKey) -> Attention:
    sentence = (
        f"The API key '{key.name}', made at {utc_text_of_ms(key.created_ms)}, has never been used; "
        "revoke it if nobody needs it."
    )
    return Attention("unused_key", sentence, key_id=key.id)


def _name(row: store.Troubled | store.Stuck | store.Replaying) -> str:
    """Name a subscription by its description, or else by its target's host, because the rest of a URL may be secret."""
    if row.description:
        return f"“{row.description[:_NAME]}{'…' if len(row.description) > _NAME else ''}”"
    return urlsplit(row.target_url).hostname or row.target_url
