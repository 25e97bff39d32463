"""Each lifespan is entered and left separately."""

import asyncio
from contextlib import asynccontextmanager

import pytest
from tests.waiting import until

from trunkline import plugins
from trunkline.errors import PluginFailed, SettingsInvalid
from trunkline.plugins import lifespans


def living(log):
    @asynccontextmanager
    async def lifespan(context):
        log.append(f"{context.name} in")
        async with asyncio.TaskGroup():  # must be left in the task that entered it
            yield
        log.append(f"{context.name} out")

    return lifespan


@asynccontextmanager
async def raising(context):
    raise OSError("port is taken")
    yield


@asynccontextmanager
async def hanging(context):
    await asyncio.Event().wait()
    yield


async def bare_generator(context):
    yield


@asynccontextmanager
async def misconfigured(context):
    raise SettingsInvalid("Setting 'bad.port': is taken")
    yield


NO_MANAGER = (
    "returned a value of type async_generator from lifespan, which must return an async context manager"
)
FAILURES = [
    (raising, "Plugin 'bad' raised in lifespan: OSError: port is taken"),
    (hanging, "Plugin 'bad' did not start its lifespan within 0.3 s"),
    (bare_generator, f"Plugin 'bad' {NO_MANAGER}"),
]


@pytest.fixture
def log():
    """Give the list of what the well-behaved plugins do."""
    return []


@pytest.fixture
def collected(make_registry, make_context):
    """Make a registry of plugins with these lifespans, with everything collected."""

    def make(*, required=False, **functions):
        for function in functions.values():
            function.__name__ = "lifespan"
        registry = make_registry(required=required, **{name: [each] for name, each in functions.items()})
        plugins.collect_with(registry, contexts=make_context)
        return registry

    return make


async def test_each_is_entered_and_left(collected, log):
    registry = collected(one=living(log), two=living(log))
    async with lifespans(registry):
        assert log == ["one in", "two in"]
    assert log[2:] == ["one out", "two out"]
    assert registry.active == ("one", "two")


@pytest.mark.parametrize(("bad", "sentence"), FAILURES)
async def test_one_that_does_not_start_fails_alone(collected, log, bad, sentence):
    registry = collected(bad=bad, good=living(log))
    async with lifespans(registry, limit_seconds=0.3):
        assert registry.active == ("good",)
    assert registry.records[0].error == sentence
    assert log == ["good in", "good out"]


@pytest.mark.parametrize(
    ("bad", "is_required", "sentence"),
    [
        *((bad, True, sentence) for bad, sentence in FAILURES),
        (misconfigured, False, "Setting 'bad.port': is taken"),
    ],
)
async def test_one_asked_for_by_name_or_with_a_fault_of_the_settings_stops_the_start_and_the_others_are_left(
    collected, log, bad, is_required, sentence
):
    registry = collected(required=is_required, bad=bad, good=living(log))
    with pytest.raises((PluginFailed, SettingsInvalid)) as caught:
        async with lifespans(registry, limit_seconds=0.3):
            pytest.fail("must not start")
    assert str(caught.value) == sentence
    assert log == ["good in", "good out"]


@asynccontextmanager
async def breaking(context):
    yield
    raise OSError("will not go")


@asynccontextmanager
async def staying(context):
    yield
    await asyncio.Event().wait()


@pytest.mark.parametrize(
    ("bad", "sentence"),
    [
        (breaking, "Plugin 'bad' raised in lifespan: OSError: will not go"),
        (staying, "Plugin 'bad' did not leave its lifespan within 0.3 s"),
    ],
)
async def test_one_that_does_not_leave_is_logged_and_the_others_are_left(
    collected, log, caplog, bad, sentence
):
    async with lifespans(collected(bad=bad, good=living(log)), limit_seconds=0.3):
        pass
    assert log == ["good in", "good out"]
    assert [(line.name, line.getMessage()) for line in caplog.records] == [
        ("trunkline.plugins.bad", sentence)
    ]


async def test_one_that_breaks_down_while_the_hub_runs_is_recorded(make_registry):
    broken = asyncio.Event()

    @asynccontextmanager
    async def lifespan():
        async def work():
            await broken.wait()
            raise OSError("line is dead")

        async with asyncio.TaskGroup() as group:
            group.create_task(work())
            yield

    registry = make_registry(acme=[lifespan])
    async with lifespans(registry):
        broken.set()
        await until(lambda: not registry.is_active("acme"))
    assert registry.records[0].error.startswith("Plugin 'acme' raised in lifespan: ExceptionGroup: ")
