"""Each lifespan is entered and left separately."""

import asyncio
from contextlib import asynccontextmanager

import pytest

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


for function in (raising, hanging, bare_generator):
    function.__name__ = "lifespan"

FAILURES = [
    (raising, "Plugin 'bad' raised in lifespan: OSError: port is taken"),
    (hanging, "Plugin 'bad' did not start its lifespan within 0.3 s"),
    (
        bare_generator,
        (
            "Plugin 'bad' returned a value of type async_generator from lifespan, "
            "which must return an async context manager"
        ),
    ),
]


async def test_each_is_entered_and_left(make_registry, make_context):
    log = []
    registry = make_registry(one=[living(log)], two=[living(log)])
    plugins.collect_with(registry, contexts=make_context)
    async with lifespans(registry):
        assert log == ["one in", "two in"]
    assert log[2:] == ["one out", "two out"]
    assert registry.active == ("one", "two")


@pytest.mark.parametrize(("bad", "sentence"), FAILURES)
async def test_one_that_does_not_start_fails_alone(make_registry, make_context, bad, sentence):
    log = []
    registry = make_registry(bad=[bad], good=[living(log)])
    plugins.collect_with(registry, contexts=make_context)
    async with lifespans(registry, limit_seconds=0.3):
        assert registry.active == ("good",)
    assert registry.records[0].error == sentence
    assert log == ["good in", "good out"]


@pytest.mark.parametrize(("bad", "sentence"), FAILURES)
async def test_one_asked_for_by_name_stops_the_start_and_the_others_are_left(
    make_registry, make_context, bad, sentence
):
    log = []
    registry = make_registry(required=True, bad=[bad], good=[living(log)])
    plugins.collect_with(registry, contexts=make_context)
    with pytest.raises(PluginFailed) as caught:
        async with lifespans(registry, limit_seconds=0.3):
            pytest.fail("must not start")
    assert str(caught.value) == sentence
    assert log == ["good in", "good out"]


async def test_a_fault_of_the_settings_stops_the_start_and_the_others_are_left(make_registry, make_context):
    log = []

    @asynccontextmanager
    async def lifespan(context):
        raise SettingsInvalid("Setting 'bad.port': is taken")
        yield

    registry = make_registry(bad=[lifespan], good=[living(log)])
    plugins.collect_with(registry, contexts=make_context)
    with pytest.raises(SettingsInvalid, match=r"^Setting 'bad\.port': is taken$"):
        async with lifespans(registry):
            pytest.fail("must not start")
    assert log == ["good in", "good out"]


async def test_an_error_on_leaving_is_logged_and_the_others_are_left(make_registry, make_context, caplog):
    log = []

    @asynccontextmanager
    async def lifespan(context):
        yield
        raise OSError("will not go")

    registry = make_registry(bad=[lifespan], good=[living(log)])
    plugins.collect_with(registry, contexts=make_context)
    async with lifespans(registry):
        pass
    assert log == ["good in", "good out"]
    assert [(line.name, line.getMessage()) for line in caplog.records] == [
        ("trunkline.plugins.bad", "Plugin 'bad' raised in lifespan: OSError: will not go")
    ]


async def test_one_that_hangs_on_leaving_is_cut_off(make_registry, caplog):
    @asynccontextmanager
    async def lifespan():
        yield
        await asyncio.Event().wait()

    async with lifespans(make_registry(bad=[lifespan]), limit_seconds=0.3):
        pass
    assert [line.getMessage() for line in caplog.records] == [
        "Plugin 'bad' did not leave its lifespan within 0.3 s"
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
        async with asyncio.timeout(60):
            while registry.is_active("acme"):
                await asyncio.sleep(0)
    assert registry.records[0].error.startswith("Plugin 'acme' raised in lifespan: ExceptionGroup: ")
