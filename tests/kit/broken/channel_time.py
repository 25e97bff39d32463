"""Channels with a defect in their timing."""

from tests.kit.broken.channel import acme, delivering, with_outcome

takes_silence_for_consent = with_outcome("result.error == 'timeout'", "DELIVERED").breaks(
    "channel.ends-a-hang-in-time"
)

sends_in_the_background = acme(
    "tasks = set()\n\n"
    "async def deliver(push, http):\n"
    "    tasks.add(asyncio.create_task(post(push, http)))\n"
    "    return Result(Outcome.DELIVERED, 202)\n"
).breaks("channel.waits-for-the-answer")

goes_on_when_cancelled = delivering(
    "    try:\n"
    "        return await post(push, http)\n"
    "    except asyncio.CancelledError:\n"
    "        await asyncio.sleep(5)\n"
).breaks("channel.ends-when-cancelled")

never_gives_up = delivering(
    "    while (result := await post(push, http)).error == 'timeout':\n        pass\n    return result\n"
).breaks("channel.gives-up-on-endless-answers")

leaves_a_task_running = acme(
    "tasks = set()\n\n"
    "async def deliver(push, http):\n"
    "    tasks.add(asyncio.create_task(asyncio.sleep(30)))\n"
    "    return await post(push, http)\n"
).breaks("channel.leaves-no-task-behind")

sleeps_without_await = delivering("    time.sleep(0.6)\n    return await post(push, http)\n").breaks(
    "channel.does-not-block-the-loop"
)

sends_one_at_a_time = acme(
    "lock = asyncio.Lock()\n\n"
    "async def deliver(push, http):\n"
    "    async with lock:\n"
    "        return await post(push, http)\n"
).breaks("channel.lets-other-targets-go-on")

blocks_the_hub = delivering("    time.sleep(2.5)\n    return await post(push, http)\n").breaks(
    "channel.lets-other-channels-go-on"
)
