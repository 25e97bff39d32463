"""A line for each call of a plugin's function, with its time and outcome, without private data."""

import asyncio
import io
import re
from contextlib import asynccontextmanager, nullcontext

import pytest
from pydantic import BaseModel, SecretStr

from trunkline import plugins
from trunkline.contract import AcceptedEvent, Channel, Push, Target
from trunkline.model.deliveries import Outcome, Result
from trunkline.plugins import Notifier, Tracer, lifespans

EVENT = AcceptedEvent(event_id=1, company_id=92, type="parcel.sent", body=b'{"secret": "in the body"}')
URL = "https://chat.example/T024/hunter2hunter2?key=abcdefgh"
TARGET = Target("sub_1", 92, URL, ("whsec_c2VjcmV0",), {"X-Api": "tok-9"})
PUSH = Push("1", "parcel.sent", "dlv_1_1", 2, 1_760_000_000, b"body of the event", TARGET, cursor="c_1")


class Settings(BaseModel):
    room: str = "general"
    token: SecretStr = SecretStr("xoxb-very-secret")


@pytest.fixture
def stream():
    return io.StringIO()


@pytest.fixture
def trace(make_registry, make_context, stream):
    """Make a registry of plugins that are traced, with everything collected."""

    def make(**functions):
        registry = make_registry(**functions)
        registry.tracer = Tracer(stream)
        plugins.collect_static(registry, sections={})
        plugins.collect_with(registry, contexts=make_context)
        return registry

    return make


def lines(stream):
    """Give the lines with their milliseconds replaced by ``T``."""
    return [re.sub(r"\b\d+\.\d\d ms", "T ms", line) for line in stream.getvalue().splitlines()]


def fax(deliver):
    def register_channels(context):
        return [Channel("fax", "Fax", "By fax.", deliver)]

    return register_channels


def register_settings():
    return Settings


def test_a_hook_at_start_is_a_line_with_what_it_gave(trace, stream):
    trace(acme=[register_settings, fax(None)])
    assert lines(stream) == [
        "trace acme.register_settings() T ms returned Settings",
        "trace acme.register_channels(context) T ms returned [Channel(name='fax')]",
    ]


def test_one_that_raises_is_a_line_with_the_error_and_no_secret(trace, stream):
    def register_channels(context):
        msg = f"no luck with {context.settings.token.get_secret_value()} and wlcro_live_92_{'x' * 43}"
        raise ValueError(msg)

    trace(acme=[register_settings, register_channels])
    assert lines(stream)[1] == (
        "trace acme.register_channels(context) T ms raised ValueError: no luck with … and wlcro_live_92_…"
    )


async def test_what_is_told_while_the_hub_runs_is_a_line_each_async_or_not(trace, stream):
    async def event_accepted(context, events):
        return None

    def attempt_finished(attempts):
        raise OSError

    async with Notifier(trace(acme=[event_accepted, attempt_finished])) as notifier:
        notifier.event_accepted([EVENT] * 5)
        notifier.attempt_finished([])
    first, second = lines(stream)
    event = "AcceptedEvent(event_id=1, company_id=92, type='parcel.sent')"
    assert first == (
        f"trace acme.event_accepted(context, events=[{event}, {event}, {event}, … 5 in all]) T ms returned None"
    )
    assert second == "trace acme.attempt_finished(attempts=[]) T ms raised OSError"


async def test_a_lifespan_is_a_line_for_its_making_its_entering_and_its_leaving(trace, stream):
    @asynccontextmanager
    async def lifespan(context):
        yield

    async with lifespans(trace(acme=[lifespan])):
        assert lines(stream)[-1] == "trace acme.lifespan(context) entered: T ms returned None"
    assert lines(stream)[0].startswith("trace acme.lifespan(context) T ms returned ")
    assert lines(stream)[-1] == "trace acme.lifespan(context) left: T ms returned False"


async def test_a_delivery_is_a_line_with_its_outcome(trace, stream):
    async def deliver(push, http):
        return Result(Outcome.RETRY, status_code=503, response_body="down for repair")

    channel = trace(acme=[fax(deliver)]).collected.channels["fax"][1]
    assert await channel.deliver(PUSH, None) == Result(Outcome.RETRY, 503, "down for repair")
    assert lines(stream)[-1] == (
        "trace acme.fax.deliver(Push(event_id='1', event_type='parcel.sent', delivery_id='dlv_1_1', attempt=2)) "
        "T ms returned retry 503"
    )


@pytest.mark.parametrize(
    ("how", "raises"), [("raised", pytest.raises(ConnectionError)), ("returned", nullcontext())]
)
async def test_no_secret_of_a_target_or_of_the_settings_is_in_a_line(trace, stream, how, raises):
    async def deliver(push, http):
        said = (
            f"{push.target.url} {push.target.secrets} {push.target.headers} {push.body} xoxb-very-secret "
            "path /T024/hunter2hunter2"
        )
        if how == "raised":
            raise ConnectionError(said.replace(str(push.body), ""))
        return Result(Outcome.REJECTED, response_body=said, error=said.replace(str(push.body), ""))

    channel = trace(acme=[register_settings, fax(deliver)]).collected.channels["fax"][1]
    with raises:
        await channel.deliver(PUSH, None)
    line = lines(stream)[-1]
    assert how in line
    for secret in ("hunter2", "whsec_c2", "tok-9", "abcdefgh", "very-secret", "body of"):
        assert secret not in line


def test_a_line_is_one_line_and_not_too_long(trace, stream):
    def register_channels():
        raise ValueError("first\nsecond" + "!" * 5000)

    trace(acme=[register_channels])
    (line,) = lines(stream)
    assert len(line) < 400


@pytest.mark.parametrize(("value", "is_on"), [(None, False), ("", False), ("0", False), ("1", True)])
def test_the_environment_turns_it_on(value, is_on):
    environment = {} if value is None else {"TRUNKLINE_TRACE_PLUGINS": value}
    assert isinstance(Tracer.from_environment(environment), Tracer) == is_on


def test_where_it_is_off_a_plugins_own_functions_are_called(make_registry, make_context):
    async def deliver(push, http):
        return Result(Outcome.DELIVERED)

    register_channels = fax(deliver)
    registry = make_registry(acme=[register_channels])
    [(_, channel)] = plugins.collect_with(registry, contexts=make_context).channels.values()
    assert channel.deliver.__wrapped__ is deliver
    assert registry.implementation("register_channels", plugin="acme").function is register_channels


async def test_a_running_hub_traces_its_deliveries(
    sqlite_database_url, make_hub, receiver, monkeypatch, capsys
):
    monkeypatch.setenv("TRUNKLINE_TRACE_PLUGINS", "1")
    running = await make_hub(sqlite_database_url)
    await running.subscribe(f"{receiver.url}/private-part")
    await running.send_test_event()
    await receiver.wait_for(1)
    seen = ""
    async with asyncio.timeout(60):
        while "deliver(" not in seen:
            await asyncio.sleep(0.05)
            seen += capsys.readouterr().err
    (line,) = [line for line in seen.splitlines() if "deliver(" in line]
    assert line.startswith("trace webhooks.webhooks.deliver(Push(event_id='")
    assert line.endswith(" returned delivered 200")
    assert "private-part" not in seen
