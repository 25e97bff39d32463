"""Channels with a defect in their timing."""

from tests.kit.broken.breaking import breaks
from tests.kit.broken.channel import acme, with_outcome


@breaks("channel.ends-a-hang-in-time")
def takes_silence_for_consent():
    return with_outcome("result.error == 'timeout'", "DELIVERED")


@breaks("channel.waits-for-the-answer")
def sends_in_the_background():
    return acme(
        "tasks = set()\n\n"
        "async def deliver(push, http):\n"
        "    tasks.add(asyncio.create_task(post(push, http)))\n"
        "    return Result(Outcome.DELIVERED, 202)\n"
    )


@breaks("channel.ends-when-cancelled")
def goes_on_when_cancelled():
    return acme(
        "async def deliver(push, http):\n"
        "    try:\n"
        "        return await post(push, http)\n"
        "    except asyncio.CancelledError:\n"
        "        await asyncio.sleep(5)\n"
    )


@breaks("channel.gives-up-on-endless-answers")
def never_gives_up():
    return acme(
        "async def deliver(push, http):\n"
        "    while (result := await post(push, http)).error == 'timeout':\n"
        "        pass\n"
        "    return result\n"
    )


@breaks("channel.leaves-no-task-behind")
def leaves_a_task_running():
    return acme(
        "tasks = set()\n\n"
        "async def deliver(push, http):\n"
        "    tasks.add(asyncio.create_task(asyncio.sleep(30)))\n"
        "    return await post(push, http)\n"
    )


@breaks("channel.does-not-block-the-loop")
def sleeps_without_await():
    return acme("async def deliver(push, http):\n    time.sleep(0.6)\n    return await post(push, http)\n")


@breaks("channel.lets-other-targets-go-on")
def sends_one_at_a_time():
    return acme(
        "lock = asyncio.Lock()\n\n"
        "async def deliver(push, http):\n"
        "    async with lock:\n"
        "        return await post(push, http)\n"
    )


@breaks("channel.lets-other-channels-go-on")
def blocks_the_hub():
    return acme("async def deliver(push, http):\n    time.sleep(2.5)\n    return await post(push, http)\n")
