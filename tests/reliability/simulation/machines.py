"""Simulated machines: processes with their own event loops on one virtual clock, and the seeded scheduler over them.

Each machine runs real coroutines and tasks, first in, first out, as asyncio does; the seed chooses the next machine.
Time does not advance while any machine can run, and then jumps to the next timer. A killed machine never runs again: no
``finally`` and no cancellation, as with kill -9. A frozen machine misses its timers, which are all due when it wakes.
"""

import asyncio
import contextlib
import heapq
from collections import deque

START = 1_700_000_000.0


class Machine(asyncio.AbstractEventLoop):
    """One process."""

    def __init__(self, clock, name):
        self.clock = clock
        self.name = name
        self.chance = clock.chance
        self.ready = deque()
        self.is_frozen = False
        self.is_dead = False
        self.tasks = []

    def time(self):
        return self.clock.now

    def get_debug(self):
        return False

    def is_running(self):
        return True

    def is_closed(self):
        return False

    def call_exception_handler(self, context):
        self.clock.failures.append((self.name, context))

    def call_soon(self, callback, *args, context=None):
        handle = asyncio.Handle(callback, args, self, context)
        if not self.ready:
            self.clock.wake(self)
        self.ready.append(handle)
        return handle

    def call_later(self, delay, callback, *args, context=None):
        return self.call_at(self.clock.now + delay, callback, *args, context=context)

    def call_at(self, when, callback, *args, context=None):
        handle = asyncio.TimerHandle(when, callback, args, self, context)
        self.clock.push(when, self, handle)
        return handle

    def _timer_handle_cancelled(self, handle):
        pass

    def create_future(self):
        return asyncio.Future(loop=self)

    def create_task(self, coro, *, name=None, context=None):
        task = asyncio.Task(coro, loop=self, name=name, context=context)
        if len(self.tasks) > 400:
            self.tasks = [kept for kept in self.tasks if not kept.done()]
        self.tasks.append(task)
        return task


class Clock:
    """Virtual time, and the choice of the next machine."""

    def __init__(self, chance):
        self.chance = chance
        self.now = START
        self.failures = []
        self._timers = []
        self._number = 0
        self._awake = []

    @property
    def now_ms(self):
        return int(self.now * 1000)

    def wake(self, machine):
        if not machine.is_dead and not machine.is_frozen and machine not in self._awake:
            self._awake.append(machine)

    def push(self, when, machine, handle):
        self._number += 1
        heapq.heappush(self._timers, (when, self._number, machine, handle))

    def after(self, delay, act, *args):
        """Schedule a function of the world, outside of any machine."""
        self.push(self.now + delay, None, (act, args))

    def kill(self, machine):
        machine.is_dead = True
        machine.ready.clear()
        if machine in self._awake:
            self._awake.remove(machine)

    def freeze(self, machine):
        machine.is_frozen = True
        if machine in self._awake:
            self._awake.remove(machine)

    def thaw(self, machine):
        machine.is_frozen = False
        if machine.ready:
            self.wake(machine)

    def run(self, *, until, limit):
        """Run everything until *until* is true, checked whenever time advances; return False after *limit* seconds."""
        end = self.now + limit
        before = asyncio._get_running_loop()
        asyncio._set_running_loop(None)
        try:
            while True:
                self._run_ready()
                if until():
                    return True
                if not self._timers or self.now >= end:
                    return False
                self._move_on()
        finally:
            asyncio._set_running_loop(before)

    def _run_ready(self):
        awake, pick = self._awake, self.chance.random
        while awake:
            machine = awake[int(pick() * len(awake))] if len(awake) > 1 else awake[0]
            ready = machine.ready
            asyncio._set_running_loop(machine)
            handle = ready.popleft()
            if not handle._cancelled:
                handle._run()
            if not ready and machine in awake:
                awake.remove(machine)
        asyncio._set_running_loop(None)

    def _move_on(self):
        timers = self._timers
        when, _, machine, handle = heapq.heappop(timers)
        self.now = max(self.now, when)
        while True:
            self._fire(machine, handle)
            if not timers or timers[0][0] > self.now:
                return
            _, _, machine, handle = heapq.heappop(timers)

    def _fire(self, machine, handle):
        if machine is None:
            act, args = handle
            act(*args)
        elif not machine.is_dead and not handle._cancelled:
            if not machine.ready:
                self.wake(machine)
            machine.ready.append(handle)

    def bury(self, machines):
        """Close running coroutines, so that nothing leaks into the next world."""
        for machine in machines:
            asyncio._set_running_loop(machine)
            for task in machine.tasks:
                if not task.done():
                    task._log_destroy_pending = False
                    with contextlib.suppress(BaseExceptionGroup):  # raised by a task group that is closed
                        task.get_coro().close()
        asyncio._set_running_loop(None)
