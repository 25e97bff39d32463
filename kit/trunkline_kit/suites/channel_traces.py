"""Checks of a channel's leftovers: in memory, in the log, on the terminal, and in open connections."""

import contextlib
import gc
import itertools
import tracemalloc
from collections.abc import Sequence
from pathlib import Path

import pytest

from trunkline_kit.checks import COMPLETE, DELIVERS, check, demand, not_applicable
from trunkline_kit.far_sides import HttpFarSide
from trunkline_kit.holding import count_held
from trunkline_kit.suites.channel_observed import CANARY, SAID, SECRET, observe
from trunkline_kit.suites.channel_safety import SafetyChecks, answering
from trunkline_kit.suites.channel_subject import OpenTrial
from trunkline_kit.suites.channel_trial import ChannelTrial

LEAK_BYTES = 1024
"""Memory that one attempt may leave behind, on average."""
WARMING_ATTEMPTS = 50
ATTEMPTS = 150
WARMING_COUNTED_ATTEMPTS = 20
COUNTED_ATTEMPTS = 30
GRACE_SECONDS = 3.0
COMPANIES = 100
DESCRIPTORS = Path("/proc/self/fd")


class TraceChecks(SafetyChecks):
    """Checks of leftovers of an ended attempt."""

    @check("channel.prints-nothing", level=COMPLETE)
    async def test_prints_nothing(self, open_trial: OpenTrial, capfd: pytest.CaptureFixture[str]) -> None:
        """An attempt writes nothing to the terminal, whatever its outcome."""
        observed = await observe(open_trial, capfd)
        demand(
            not observed.printed,
            f"{observed.trial.name} printed '{observed.printed[:60].strip()}' in an attempt; what a hub has to say goes through "
            "context.log",
        )

    @check("channel.logs-no-event", level=DELIVERS)
    async def test_logs_no_event(self, open_trial: OpenTrial, capfd: pytest.CaptureFixture[str]) -> None:
        """No line of the log and no result's error contains the content of an event, which may be about people.

        Debug lines of libraries are ignored, because the far side may log in the same process.
        """
        observed = await observe(open_trial, capfd)
        trial = observed.trial
        if not any(SAID.encode() in tried.push.body for tried in observed.tried.values()):
            not_applicable("no event type of this hub has a field for any text")
        where = ""
        if SAID in trial.running.log.text_for("trunkline", _package(trial, self.name)):
            where = "the log"
        elif any(SAID in f"{result.error}" for result in observed.results.values()):
            where = "the error of a result"
        demand(not where, f"{trial.name} wrote what an event says to {where}; name the event by its id alone")

    @check("channel.raises-no-secret", level=DELIVERS)
    async def test_raises_no_secret(self, open_trial: OpenTrial, capfd: pytest.CaptureFixture[str]) -> None:
        """The text of an exception that an attempt raises contains no secret and no content of the event."""
        observed = await observe(open_trial, capfd)
        trial = observed.trial
        bodies = [tried.push.body.decode() for tried in observed.tried.values()]
        hidden = [CANARY, SECRET, SAID, *self.all_secrets(trial), *bodies]
        texts = [text for error in observed.raised for text in _texts_of(error)]
        demand(
            not any(secret in text for secret in hidden for text in texts),
            f"{trial.name} raised an exception whose text has a secret or the event in it; whoever logs it shows it",
        )

    @check("channel.keeps-no-memory-of-events", level=COMPLETE)
    async def test_keeps_no_memory_of_events(self, open_trial: OpenTrial) -> None:
        """Ended attempts leave nothing in memory."""
        trial = await open_trial(dispatch=False)
        over_http = isinstance(trial.far_side, HttpFarSide)
        kept = await (_grown_bytes(trial) if over_http else self._grown_objects(trial))
        demand(
            not kept,
            f"{trial.name} kept {kept} in memory for each event that it had delivered; it should keep nothing",
        )

    async def _grown_objects(self, trial: ChannelTrial) -> str:
        """Measure the growth of the plugin's objects; memory is no measure, as a real server may run in this process."""
        package = _package(trial, self.name)
        roots = [trial.channel.deliver, trial.channel.deliver_batch, trial.channel.check_connection]

        async def held_after(attempts: int) -> int:
            for _ in range(attempts):
                await trial.attempt()
            gc.collect()
            return count_held(package, roots)

        rounds = (WARMING_COUNTED_ATTEMPTS, COUNTED_ATTEMPTS, COUNTED_ATTEMPTS)
        grown = _steady_growth([await held_after(attempts) for attempts in rounds])
        return f"{grown / COUNTED_ATTEMPTS:.1f} objects" if grown >= COUNTED_ATTEMPTS / 2 else ""

    @check("channel.bounds-its-connections", level=COMPLETE)
    async def test_bounds_its_connections(self, open_trial: OpenTrial) -> None:
        """However many companies a channel has delivered for, it keeps a bounded number of connections."""
        trial = await open_trial(dispatch=False)
        if isinstance(trial.far_side, HttpFarSide):
            not_applicable(f"{trial.name} sends by the hub's own connections")
        await trial.attempt()
        before = len(_open_sockets())
        for number in range(COMPANIES):
            await trial.attempt(trial.push(company_id=1000 + number, subscription_id=f"sub_{number}"))
        await trial.until(
            lambda: len(_open_sockets()) - before < COMPANIES,
            otherwise=f"{trial.name} keeps a connection for each of {COMPANIES} companies; close the oldest of a pool",
            seconds=GRACE_SECONDS,
        )

    @check("channel.leaves-nothing-open", level=COMPLETE)
    async def test_leaves_nothing_open(self, open_trial: OpenTrial) -> None:
        """After the hub has stopped, no connection of its deliveries, delivered or failed, is open."""
        before = _open_sockets()
        trial = await open_trial()
        if trial.channel.check_connection is not None:
            await trial.channel.check_connection(trial.push().target)
        for misbehave in (trial.far_side.refuse_for_now, trial.far_side.reset):
            if await misbehave():
                await trial.attempt()
        await trial.far_side.accept()
        await trial.delivered()
        await trial.running.stop()
        await trial.until(
            lambda: not (_open_sockets() - before),
            otherwise=f"{trial.name} left a connection open when the hub had stopped; close a pool where lifespan ends",
            seconds=GRACE_SECONDS,
        )


def _package(trial: ChannelTrial, plugin: str) -> str:
    module = trial.hub.registry.module(plugin)
    assert module is not None
    return module.__name__.partition(".")[0]


async def _grown_bytes(trial: ChannelTrial) -> str:
    """Measure the growth of memory per attempt."""
    padding = b" " * 4096

    async def traced_after(attempts: int) -> int:
        for _ in range(attempts):
            push = trial.push()
            padded = trial.push(event_id=push.event_id, body=push.body + padding)
            await trial.attempt(padded, http=answering(200))
        gc.collect()
        return tracemalloc.get_traced_memory()[0]

    tracemalloc.start()
    try:
        traced = [await traced_after(attempts) for attempts in (WARMING_ATTEMPTS, ATTEMPTS, ATTEMPTS)]
    finally:
        tracemalloc.stop()
    grown = _steady_growth(traced)
    return f"{grown // ATTEMPTS} bytes" if grown >= ATTEMPTS * LEAK_BYTES else ""


def _steady_growth(measured: Sequence[int]) -> int:
    """Return the smallest growth between two consecutive measurements: a leak grows every time, a cache only once."""
    return min(after - before for before, after in itertools.pairwise(measured))


def _texts_of(error: BaseException | None) -> list[str]:
    """Return the texts of *error* and its causes."""
    texts: list[str] = []
    while error is not None and len(texts) < 20:
        texts.append(f"{error!s} {error!r}")
        error = error.__cause__ or error.__context__
    return texts


def _open_sockets() -> set[str]:
    """List the open sockets of this process, including sockets without a Python object."""
    if not DESCRIPTORS.is_dir():
        not_applicable("this system does not list what a process has open")
    names: set[str] = set()
    for descriptor in DESCRIPTORS.iterdir():
        with contextlib.suppress(OSError):  # the descriptor used for listing is closed again
            names.add(str(descriptor.readlink()))
    return {name for name in names if name.startswith("socket:")}
