"""Channels that take several deliveries at once, with a defect that shows only in batches."""

from tests.kit.broken.breaking import Broken
from tests.kit.broken.channel import ATTRIBUTES, HEAD

from trunkline_kit import Source

CHANNEL = """
@hookimpl
def register_channels(context):
    batch = Batch(most=8, wait_seconds=0.05)
    return [Channel("acme", "Acme", "Posts each event to a room.", deliver_batch=deliver_batch, batch=batch)]
"""
GOOD = """
async def deliver_batch(pushes, http):
    return [await post(push, http) for push in pushes]
"""


def batching(deliver_batch: str = GOOD, **attributes) -> Broken:
    text = f"{HEAD}\nfrom trunkline import Batch\n\n\n{deliver_batch}\n\n{CHANNEL}"
    return Broken(Source("acme", text), {**ATTRIBUTES, **attributes})


def delivering_batches(statements: str) -> Broken:
    return batching(f"async def deliver_batch(pushes, http):\n{statements}")


def giving(expression: str) -> Broken:
    """Make a channel that posts each event, and gives *expression* of the ``results`` for ``pushes``."""
    return batching(f"{GOOD.replace('return', 'results =')}    return {expression}\n")


def sending(expression: str) -> Broken:
    return batching(GOOD.replace("post(push,", f"post({expression},"))


good = batching(patience_seconds=20.0)

brings_only_the_last = delivering_batches("    return [await post(pushes[-1], http)] * len(pushes)\n").breaks(
    "channel.brings-each-event-of-a-batch"
)

brings_the_first_twice = batching(
    GOOD.replace("    return", "    await post(pushes[0], http)\n    return")
).breaks("channel.brings-each-event-of-a-batch")

drops_what_finds_no_room = delivering_batches(
    "    room, results = 65536, []\n"
    "    for push in pushes:\n"
    "        room -= len(push.body)\n"
    "        results.append(await post(push, http) if room > 0 else Result(Outcome.DELIVERED))\n"
    "    return results\n"
).breaks("channel.takes-the-largest-batch")

asks_for_more_than_it_can_do_in_time = batching(
    GOOD.replace("    return", "    await asyncio.sleep(1.5 * len(pushes))\n    return")
).breaks("channel.takes-the-largest-batch")

waits_until_three_are_there = batching(
    "waiting = []\n\n"
    "async def deliver_batch(pushes, http):\n"
    "    waiting.extend(pushes)\n"
    "    while len(waiting) < 3:\n"
    "        await asyncio.sleep(0.01)\n"
    "    return [await post(push, http) for push in pushes]\n"
).breaks("channel.keeps-no-event-waiting-for-others")

sends_what_it_held_back_behind_the_next = batching(
    "held = []\n\n"
    "async def deliver_batch(pushes, http):\n"
    "    if held:\n"
    "        for push in [*pushes, *held]:\n"
    "            await post(push, http)\n"
    "        held.clear()\n"
    "    else:\n"
    "        held.extend(pushes)\n"
    "    return [Result(Outcome.DELIVERED)] * len(pushes)\n"
).breaks("channel.brings-batches-in-order-where-asked")

calls_all_by_the_first = giving("results[:1] * len(pushes)").breaks(
    "channel.says-what-became-of-each-of-a-batch"
)

gives_results_in_another_order = giving("results[::-1]").breaks("channel.says-what-became-of-each-of-a-batch")

gives_up_all_for_one = giving(
    "next(([one] * len(pushes) for one in results if one.outcome is Outcome.REJECTED), results)"
).breaks("channel.says-what-became-of-each-of-a-batch")

retries_all_for_one = giving(
    "results if {one.outcome for one in results} == {Outcome.DELIVERED} else [Result(Outcome.RETRY)] * len(pushes)"
).breaks("channel.says-what-became-of-each-of-a-batch")

tries_what_was_refused_before_all_else = batching(
    "refused = {}\n\n"
    "async def deliver_batch(pushes, http):\n"
    "    first, again = refused.get(pushes[0].target.url), Result(Outcome.RETRY, error='behind another')\n"
    "    if first and (await post(first, http)).outcome is not Outcome.DELIVERED:\n"
    "        return [again] * len(pushes)\n"
    "    results = []\n"
    "    for push in pushes:\n"
    "        results.append(await post(push, http) if push.target.url not in refused else again)\n"
    "        if results[-1].outcome is not Outcome.DELIVERED:\n"
    "            refused.setdefault(push.target.url, push)\n"
    "    return results\n"
).breaks("channel.lets-one-bad-event-hold-up-no-other")

names_each_event_anew_on_each_attempt = sending(
    "replace(push, event_id=f'{push.event_id}-{push.attempt}')"
).breaks("channel.retries-a-refused-batch-with-the-same-ids")

keeps_a_refused_batch_in_memory = giving(
    "[Result(Outcome.DELIVERED) if one.outcome is Outcome.RETRY else one for one in results]"
).breaks("channel.retries-a-refused-batch-with-the-same-ids")

adds_what_waits_for_others = batching(
    "waiting = []\n\n"
    "async def deliver_batch(pushes, http):\n"
    "    waiting.extend(pushes)\n"
    "    await asyncio.sleep(0.01)\n"
    "    together, waiting[:] = list(waiting), []\n"
    "    for push in together:\n"
    "        await post(replace(push, target=pushes[0].target), http)\n"
    "    return [Result(Outcome.DELIVERED)] * len(pushes)\n"
).breaks("channel.keeps-batches-apart")

keeps_headers_and_secrets_by_url = batching(
    "kept = {}\n\n"
    "async def deliver_batch(pushes, http):\n"
    "    target = kept.setdefault(pushes[0].target.url, pushes[0].target)\n"
    "    return [await post(replace(push, target=target), http) for push in pushes]\n"
).breaks("channel.keeps-batches-apart")

sends_the_cursor_of_the_last = sending("replace(push, cursor=pushes[-1].cursor)").breaks(
    "channel.gives-each-of-a-batch-its-own-headers"
)

signs_for_the_first_alone = delivering_batches(
    "    first = []\n\n"
    "    def headers(own):\n"
    "        first.append(own['webhook-signature'])\n"
    "        return {**own, 'webhook-signature': first[0]}\n\n"
    "    client = Client(http, headers=headers)\n"
    "    return [await post(push, client) for push in pushes]\n"
).breaks("channel.gives-each-of-a-batch-its-own-headers")

gives_one_result_for_all = giving("results[:1]").breaks("channel.logs-each-of-a-batch")

notes_a_batch_as_sent_before_it_is = delivering_batches(
    "    notes = [Path(__file__).parent / f'{push.target.subscription_id}-{push.event_id}' for push in pushes]\n"
    "    known = [note.exists() for note in notes]\n"
    "    for note in notes:\n"
    "        note.touch()\n"
    "    return [\n"
    "        Result(Outcome.DELIVERED, 200) if sent else await post(push, http)\n"
    "        for push, sent in zip(pushes, known, strict=True)\n"
    "    ]\n"
).breaks("channel.loses-nothing-of-a-batch-in-a-crash")
