"""Checks that a crash loses no event: hubs in separate processes are killed at the worst moments of an attempt."""

import asyncio
import os
import signal
import sys
import warnings
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NoReturn

from sqlalchemy import text

from trunkline.contract import AcceptedEvent
from trunkline.outbound import Outbound
from trunkline.runtime import faults
from trunkline.store.engines import EngineDatabase
from trunkline_kit.checks import COMPLETE, check, demand, fail, not_applicable
from trunkline_kit.far_sides import HttpFarSide
from trunkline_kit.hubs import start_hub
from trunkline_kit.suites.channel_subject import ChannelSubject, OpenTrial
from trunkline_kit.suites.channel_trial import PATIENCE_SECONDS, SETTINGS, ChannelTrial, Subscribed

BEFORE, AFTER = "before the request is sent", "after the answer came"
HUBS_POINTS = ("deliver.before_attempt", "deliver.after_attempt", "deliver.after_result")
CLIENTS_POINTS = (BEFORE, AFTER)
EVENTS_OF_A_BATCH = 6


class CrashChecks(ChannelSubject):
    """Checks that no event is lost when a hub is killed."""

    @check("channel.loses-nothing-in-a-crash", level=COMPLETE)
    async def test_loses_nothing_in_a_crash(self, open_trial: OpenTrial) -> None:
        """If a hub is killed at any point of an attempt, the event reaches its target after a restart."""
        await self._crash_everywhere(open_trial)

    @check("channel.loses-nothing-of-a-batch-in-a-crash", level=COMPLETE, only="batches")
    async def test_loses_nothing_of_a_batch_in_a_crash(self, open_trial: OpenTrial) -> None:
        """If a hub is killed at any point of a batch, every event of the batch reaches its target after a restart."""
        await self._crash_everywhere(open_trial, events_each=EVENTS_OF_A_BATCH)

    async def _crash_everywhere(self, open_trial: OpenTrial, *, events_each: int = 1) -> None:
        """Kill a hub with *events_each* events at each point of an attempt, and assert that the next hub delivers them."""
        if not hasattr(os, "fork"):
            not_applicable("this system has no fork, which the check needs")
        prepared: list[tuple[str, ChannelTrial, Subscribed, Sequence[AcceptedEvent]]] = []
        is_http = isinstance(open_trial.far_side, HttpFarSide)
        for number, point in enumerate((*CLIENTS_POINTS, *HUBS_POINTS[1:]) if is_http else HUBS_POINTS):
            trial = await open_trial(dispatch=False)
            subscription = await trial.subscribe()
            for _ in range(number * events_each):  # so that the ids of the events differ at each point
                await trial.emit(company_id=93)
            events = [await trial.emit() for _ in range(events_each)]
            await trial.running.stop()
            prepared.append((point, trial, subscription, events))
        await asyncio.gather(*(self._crash(trial, point) for point, trial, _, _ in prepared))
        await asyncio.gather(*(self._go_on(open_trial, *case) for case in prepared))

    async def _go_on(
        self,
        open_trial: OpenTrial,
        point: str,
        trial: ChannelTrial,
        subscription: Subscribed,
        events: Sequence[AcceptedEvent],
    ) -> None:
        await _expire_leases(trial.running.url)
        again = await open_trial(url=trial.running.url)
        for event in events:
            await again.until_ended(event, subscription)
        await again.running.stop()
        arrived = await trial.arrivals(0)
        demand(
            all(any(arrival.is_of(str(event.event_id)) for arrival in arrived) for event in events),
            f"{trial.name} lost an event whose hub was killed at '{point}'; nothing may be noted as sent before it is",
        )

    async def _crash(self, trial: ChannelTrial, point: str) -> None:
        """Run a hub that is killed at *point*; try twice, because a fork may copy a lock that is held."""
        chosen = {**SETTINGS, **self.settings, "plugins.enabled": self.name}
        for _ in range(2):
            process = _fork(lambda: _run_until_killed(point, trial.running.url, chosen))
            ended = asyncio.ensure_future(asyncio.to_thread(os.waitpid, process, 0))
            if (await asyncio.wait({ended}, timeout=trial.patience_seconds))[0]:
                break
            os.kill(process, signal.SIGKILL)
            await ended
            await _expire_leases(trial.running.url)
        else:
            fail(
                f"{trial.name} did not come to '{point}' within {trial.patience_seconds:g} s in a hub of its own, twice; it should "
                "attempt the event"
            )
        _, status = await ended
        demand(
            os.WIFSIGNALED(status),
            f"the plugin '{self.name}' does not start in a process of its own; it should start wherever a hub does",
        )


async def _expire_leases(url: str) -> None:
    """Expire the leases of the killed hub at once."""
    async with EngineDatabase(url) as database, database.write() as connection:
        await connection.execute(text("UPDATE workers SET heartbeat_ms = 0"))


def _fork(live: Callable[[], None]) -> int:
    """Fork a process that calls *live* and exits."""
    with warnings.catch_warnings():  # from 3.12 on: a fork does not copy the other threads
        warnings.simplefilter("ignore", DeprecationWarning)
        process = os.fork()
    if process:
        return process
    try:
        live()
    finally:
        os._exit(1)


def _run_until_killed(point: str, url: str, chosen: Mapping[str, str]) -> None:
    """Run a hub on the database *url* until it reaches *point*, and kill the process there."""
    send: Callable[..., Any] = Outbound.send

    async def post_and_die(client: Outbound, method: str, *arguments: Any, **named: Any) -> Any:
        if method != "POST":
            return await send(client, method, *arguments, **named)
        if point == AFTER:
            await send(client, method, *arguments, **named)
        _die()

    def die_at_point(event: str, arguments: Sequence[object]) -> None:
        if event == faults.EVENT and arguments[0] == point:
            _die()

    if point in CLIENTS_POINTS:
        setattr(Outbound, "send", post_and_die)  # noqa: B010 - this process is only here to be killed
    else:
        sys.addaudithook(die_at_point)

    async def run() -> None:
        await start_hub(url, chosen)
        await asyncio.sleep(2 * PATIENCE_SECONDS)

    asyncio.run(run())


def _die() -> NoReturn:
    os.kill(os.getpid(), signal.SIGKILL)
    raise SystemExit
