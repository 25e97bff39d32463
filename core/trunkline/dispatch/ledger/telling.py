"""Reports failing and recovered subscriptions by operational events, in the transaction that settles the results.

Failed deliveries of operational events are not reported, so no operational event causes another.
"""

from collections.abc import Sequence

from msgspec import Struct

from trunkline.dispatch.ledger.batch import Batch
from trunkline.model.health import UNTOLD
from trunkline.model.subscriptions import Subscription
from trunkline.model.times import utc_or_none, utc_text_of_ms
from trunkline.store import operational, streaks
from trunkline.store.connection import Connection
from trunkline.store.operational import News
from trunkline.store.streaks import Recorded
from trunkline.store.subscriptions import Row

TELL_AGAIN_MS = 60 * 60 * 1000
"""Shortest time between two reports of a subscription that alternates between failing and recovering."""


class FailingPolicy(Struct, frozen=True):
    """Defines when a subscription is failing, and which threshold is reached.

    Threshold 1 needs *failures* failures in a row; also, these must span ``spans_seconds[0]``, or a delivery must be
    exhausted. Each further span in *spans_seconds* is the next threshold.
    """

    failures: int
    spans_seconds: tuple[float, ...]

    def threshold(self, *, failures: int, failing_ms: int, is_exhausted: bool) -> int:
        """Return the number of the highest threshold that is reached; 0 if none is reached."""
        if failures < self.failures:
            return 0
        reached = sum(failing_ms >= span * 1000 for span in self.spans_seconds)
        return max(reached, int(is_exhausted))


async def tell(
    connection: Connection,
    batch: Batch,
    recorded: Recorded,
    *,
    policy: FailingPolicy,
    disabled: Sequence[Row],
) -> None:
    """Report the subscriptions that reached a failing threshold or recovered in *batch*.

    The *disabled* ones were reported already.
    """
    if not recorded.failing and not recorded.recovered:
        return
    news: list[News] = []
    levels: dict[int, int] = {}
    told: set[int] = set()
    exhausted = batch.exhausted()
    ended = {row.no for row in disabled}
    for each in recorded.failing:
        last = batch.told_of.get(each.no)
        if last is None or each.no in ended:
            continue
        threshold = policy.threshold(
            failures=each.failures, failing_ms=each.failing_ms, is_exhausted=each.no in exhausted
        )
        level = next_level(each.failing_level, threshold=threshold, told_ms=each.told_ms, now_ms=each.now_ms)
        if level is None or level == each.failing_level:
            continue
        levels[each.no] = level
        if level > UNTOLD:
            told.add(each.no)
            subscription = last.job.route.subscription
            facts = {
                "subscription": _name(subscription),
                "failures": each.failures,
                "failing_since_utc": utc_text_of_ms(each.failing_since_ms),
                "threshold": threshold,
                "last_status_code": last.result.status_code,
                "last_error": last.result.error,
            }
            news.append(News("subscription.failing", subscription.company_id, facts))
    if recorded.recovered:
        subscriptions = {s.no: s for s in (ended.job.route.subscription for ended in batch.ended)}
        for no, since_ms in recorded.recovered.items():
            facts = {"subscription": _name(subscriptions[no]), "failing_since_utc": utc_or_none(since_ms)}
            news.append(News("subscription.recovered", subscriptions[no].company_id, facts))
    await streaks.set_levels(connection, levels, told=told)
    await operational.tell(connection, news)


def _name(subscription: Subscription) -> dict[str, str]:
    return operational.subscription(subscription.id, subscription.channel, subscription.target_url)


def next_level(level: int | None, *, threshold: int, told_ms: int | None, now_ms: int) -> int | None:
    """Return the next ``failing_level`` at *threshold*. A report is sent if the level changes and is above ``UNTOLD``.

    If the last report was sent less than ``TELL_AGAIN_MS`` ago (at *told_ms*), the failure stays unreported.
    """
    if not threshold or (level or 0) > threshold:
        return level
    if (level or UNTOLD) == UNTOLD and told_ms is not None and now_ms - told_ms < TELL_AGAIN_MS:
        return UNTOLD
    return threshold + 1
