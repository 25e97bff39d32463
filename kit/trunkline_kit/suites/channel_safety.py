"""Checks of prohibitions: a channel must never bypass the guarded client, leak a secret, or report an error as success."""

import inspect
import socket
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from urllib.parse import urlsplit

import pytest
from pydantic import BaseModel, SecretBytes, SecretStr

from trunkline.contract import HttpResponse
from trunkline.contract.targets import SecretUrl
from trunkline.errors import AddressRefused
from trunkline.model.deliveries import Outcome
from trunkline.outbound import NoAnswer
from trunkline.outbound.client import HttpMethods
from trunkline_kit.checks import COMPLETE, DELIVERS, LOADS, check, demand, fail, not_applicable
from trunkline_kit.far_sides import HttpFarSide
from trunkline_kit.suites.channel_observed import CANARY, SECRET, observe
from trunkline_kit.suites.channel_subject import ChannelSubject, OpenTrial
from trunkline_kit.suites.channel_trial import ChannelTrial
from trunkline_kit.watching import Watch


@dataclass(slots=True)
class CannedClient(HttpMethods):
    """An HTTP client without a network: it returns a fixed answer or raises a fixed error, and records the requests."""

    reply: Callable[[], HttpResponse]
    calls: list[str] = field(default_factory=list[str])

    async def send(
        self,
        method: str,  # noqa: ARG002
        url: str,
        *,
        headers: Mapping[str, str],  # noqa: ARG002
        body: bytes = b"",  # noqa: ARG002
    ) -> HttpResponse:
        """Answer without sending anything."""
        self.calls.append(url)
        return self.reply()


def answering(status: int) -> CannedClient:
    """Make a client that answers everything with *status*."""
    return CannedClient(lambda: HttpResponse(status, {}, b""))


def raising(error: Exception) -> CannedClient:
    """Make a client that raises *error*."""

    def fail() -> HttpResponse:
        raise error

    return CannedClient(fail)


class SafetyChecks(ChannelSubject):
    """Checks of a channel's prohibitions."""

    @check("channel.can-be-called", level=LOADS)
    async def test_can_be_called(self, open_trial: OpenTrial) -> None:
        """The function that makes an attempt takes the push and the client."""
        trial = await open_trial(dispatch=False)
        try:
            inspect.signature(trial.deliver).bind(object(), object())
        except TypeError as error:
            fail(f"{trial.name} has a 'deliver' that does not take (push, http): {error}")

    @check("channel.sends-only-through-the-client", level=DELIVERS)
    async def test_sends_only_through_the_client(self, open_trial: OpenTrial, trunkline_watch: Watch) -> None:
        """The channel sends only through the client of the attempt or to `own_addresses`, and starts no process."""
        with trunkline_watch.watching() as effects:
            trial = await open_trial(dispatch=False)
            if isinstance(trial.far_side, HttpFarSide):
                failing = raising(NoAnswer("dns_failed", "no such name"))
                for client in (answering(200), answering(500), failing):
                    await trial.attempt(http=client)
            else:
                await trial.attempt()
        named = () if trial.far_side.dials is None else (trial.far_side.dials,)
        allowed = set(_written([*self.own_addresses, *named]))
        stray = [
            effect
            for effect in effects
            if effect.kind in {"process", "network"} and not trial.far_side.is_own(effect.detail)
            if effect.kind == "process" or not any(address in effect.detail for address in allowed)
        ]
        demand(
            not stray,
            f"{trial.name} did {'; '.join(map(str, stray[:3]))} on its own; it should send through the client it is handed, or "
            "name the address in 'own_addresses' where the operator's settings do",
        )

    @check("channel.reaches-no-private-address", level=DELIVERS)
    async def test_reaches_no_private_address(self, open_trial: OpenTrial, trunkline_watch: Watch) -> None:
        """If private addresses are forbidden, a target with one gets nothing, and the attempt will be retried."""
        trial = await open_trial(settings={"delivery.allow_private_networks": "false"}, dispatch=False)
        address = trial.far_side.dials or trial.http_side.address
        with trunkline_watch.watching() as effects:
            result = await trial.attempt()
        demand(
            not any(written in effect.detail for effect in effects for written in _written([address]))
            and not await trial.far_side.arrivals(0),
            f"{trial.name} reached an address that the deployment forbids; it should send only through the client it is handed",
        )
        demand(
            result.outcome is Outcome.RETRY,
            f"{trial.name} took a refused address for '{result.outcome}'; it should be 'retry'",
        )

    @check("channel.takes-no-raise-for-success", level=DELIVERS, only="http")
    async def test_takes_no_raise_for_success(self, open_trial: OpenTrial) -> None:
        """If the client raises, the attempt has failed and is tried again."""
        trial = await open_trial(dispatch=False)
        for error in _failures():
            result = await trial.attempt(http=raising(error))
            demand(
                result.outcome is Outcome.RETRY,
                f"{trial.name} took {type(error).__name__} for '{result.outcome}'; whatever is raised should be 'retry'",
            )

    @check("channel.names-what-went-wrong", level=COMPLETE, only="http")
    async def test_names_what_went_wrong(self, open_trial: OpenTrial) -> None:
        """If there is no answer, the result of the attempt names the fault in a word or a line."""
        trial = await open_trial(dispatch=False)
        for error in (TimeoutError("late"), NoAnswer("tls_failed", "no certificate")):
            text = (await trial.attempt(http=raising(error))).error or ""
            demand(
                0 < len(text) <= 200 and "\n" not in text,
                f"{trial.name} gave the error '{text[:60]}' where the target did not answer; it should name the reason on one line",
            )

    @check("channel.tells-no-secret-in-errors", level=DELIVERS)
    async def test_tells_no_secret_in_errors(
        self, open_trial: OpenTrial, capfd: pytest.CaptureFixture[str]
    ) -> None:
        """No result shows a signing secret, a subscription's own header, a secret setting, or the text of an exception."""
        observed = await observe(open_trial, capfd)
        trial, results = observed.trial, list(observed.results.values())
        if isinstance(trial.far_side, HttpFarSide):
            push = observed.tried["accept"].push
            results += [await trial.attempt(push, http=raising(error)) for error in _failures()]
        for result in results:
            seen = f"{result.error} {result.response_body} {result!r}"
            self._demand_clean(trial, seen, "showed {} in the result of an attempt")

    @check("channel.logs-no-secret", level=DELIVERS)
    async def test_logs_no_secret(self, open_trial: OpenTrial, capfd: pytest.CaptureFixture[str]) -> None:
        """No log line, even at debug level, shows a signing secret, a subscription's own header or a secret setting."""
        trial = (await observe(open_trial, capfd)).trial
        self._demand_clean(trial, trial.running.log.text, "wrote {} to the log")

    @check("channel.shows-no-secret-in-a-repr", level=COMPLETE)
    async def test_shows_no_secret_in_a_repr(self, open_trial: OpenTrial) -> None:
        """The channel's repr, which tracebacks show, contains no secret setting."""
        trial = await open_trial(dispatch=False)
        if not self._secret_settings(trial):
            not_applicable(f"{trial.name} has no secret settings")
        deliver = trial.channel.deliver
        deliver = getattr(deliver, "__wrapped__", deliver)  # the function inside the hub's wrapper
        parts = [trial.channel, deliver, getattr(deliver, "__self__", None), getattr(deliver, "args", None)]
        self._demand_clean(trial, " ".join(map(repr, parts)), "shows {} in its repr")

    def _secret_settings(self, trial: ChannelTrial) -> list[str]:
        return list(secrets_of(trial.hub.registry.contributions_of(self.name).settings))

    def all_secrets(self, trial: ChannelTrial) -> list[str]:
        """List the secrets of the plugin's settings and of the far side's target."""
        return [*self._secret_settings(trial), *secrets_of(trial.push().target.config)]

    def _demand_clean(self, trial: ChannelTrial, text: str, sentence: str) -> None:
        hidden = {SECRET: "a signing secret", CANARY: "a header or an exception's text"}
        hidden |= dict.fromkeys(self._secret_settings(trial), "a secret setting")
        hidden |= dict.fromkeys(secrets_of(trial.push().target.config), "a secret of the target")
        for secret, what in hidden.items():
            demand(secret not in text, f"{trial.name} {sentence.format(what)}; it should leave it out")


def secrets_of(model: BaseModel | None) -> Iterable[str]:
    """List the secrets in *model* and its nested models."""
    for name in type(model).model_fields if model is not None else ():
        value = getattr(model, name)
        if isinstance(value, SecretStr):
            yield value.get_secret_value()
            if isinstance(model, SecretUrl) and len(path := urlsplit(value.get_secret_value()).path) > 1:
                yield path
        elif isinstance(value, SecretBytes):
            yield value.get_secret_value().decode("latin-1")
        elif isinstance(value, BaseModel):
            yield from secrets_of(value)


def _failures() -> list[Exception]:
    return [
        TimeoutError(CANARY),
        OSError(CANARY),
        NoAnswer("connection_failed", CANARY),
        AddressRefused(CANARY, "is private"),
        ValueError(CANARY),
        RuntimeError(CANARY),
    ]


def _written(addresses: Iterable[tuple[str, int]]) -> Iterable[str]:
    """Format *addresses*, and the IP addresses that their hosts resolve to, as audit events show them."""
    for host, port in addresses:
        resolved = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        yield from (f"'{name}', {port}" for name in {host, *(str(address[0]) for *_, address in resolved)})
