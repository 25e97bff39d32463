"""Functions of plugins behind the guard: none of their exceptions bypasses the error handlers."""

import asyncio
import functools
from collections import Counter

import pytest

from trunkline import Channel, Url, deliver_by_http
from trunkline.errors import AddressRefused
from trunkline.plugins.guard import TriedToExit, guarded

EXITS = Counter[str]()


def raising(error):
    async def deliver(push, http):
        raise error

    return deliver


def behind(**functions):
    [channel] = guarded("acme", [Channel("fax", "Fax", "By fax.", target=Url, **functions)], exits=EXITS)
    return channel


@pytest.mark.parametrize("error", [SystemExit(3), KeyboardInterrupt(), BaseException("odd")])
async def test_what_would_end_the_process_is_an_error_and_is_logged(caplog, error):
    EXITS.clear()
    with pytest.raises(TriedToExit, match=f"Plugin 'acme' raised {type(error).__name__} in 'deliver'"):
        await behind(deliver=raising(error)).deliver(None, None)
    with pytest.raises(TriedToExit):
        await behind(deliver=functools.partial(raising(error), http=None)).deliver(None)
    assert f"raised {type(error).__name__} in 'deliver': that call has failed" in caplog.text
    assert EXITS == {"acme": 2}


def test_a_plain_function_is_guarded_too():
    def exits(url):
        raise SystemExit

    with pytest.raises(TriedToExit):
        behind(deliver=deliver_by_http, check_target=exits).check_target("https://example.com")
    assert behind(deliver=deliver_by_http, check_target=str.upper).check_target("a") == "A"


@pytest.mark.parametrize("error", [ValueError("no"), asyncio.CancelledError()])
async def test_other_errors_pass_as_they_are(error):
    with pytest.raises(type(error)):
        await behind(deliver=raising(error)).deliver(None, None)


async def test_the_place_of_an_error_of_an_attempt_is_logged_once_a_minute_without_its_text(caplog):
    channel = behind(deliver=raising(ValueError("the password is s3cret")))
    for _ in range(3):
        with pytest.raises(ValueError, match="s3cret"):
            await channel.deliver(None, None)
    (record,) = caplog.records
    assert f"Plugin 'acme' raised ValueError in 'deliver', at {__file__}:" in record.getMessage()
    assert "s3cret" not in caplog.text


@pytest.mark.parametrize(
    "error", [ConnectionRefusedError(), TimeoutError(), AddressRefused("10.0.0.1", "is private")]
)
async def test_what_a_target_or_its_network_does_is_not_logged_as_a_plugins_error(caplog, error):
    with pytest.raises(type(error)):
        await behind(deliver=raising(error)).deliver(None, None)
    assert not caplog.records


def test_the_hubs_own_functions_and_classes_stay_what_they_are():
    assert behind(deliver=deliver_by_http).deliver is deliver_by_http
    assert behind(deliver=deliver_by_http).target is Url
