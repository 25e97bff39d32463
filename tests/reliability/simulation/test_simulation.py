"""Thousands of worlds: whatever is killed, frozen or cut off, what must always hold holds."""

import os
import time

import pytest

from .world import World, explain, simulated

HERE = "tests/reliability/simulation/test_simulation.py"


@pytest.fixture(scope="module")
def patch():
    with simulated() as patch:
        yield patch


def live(seed):
    world = World(seed)
    try:
        world.run()
    except Exception as error:
        command = f"SIMULATION_SEED={seed} pytest {HERE} -k one_seed"
        pytest.fail(f"{type(error).__name__}: {error}\nrepeat with: {command}\n{explain(world)}")
    return world


def test_one_seed(patch):
    live(int(os.environ.get("SIMULATION_SEED", "1")))
