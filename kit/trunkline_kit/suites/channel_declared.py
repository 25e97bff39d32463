"""Checks of a channel that declares its targets and connects to them itself.

They cover secrets, the connection check, TLS, and the company of each connection.
"""

import re
import ssl
from collections.abc import AsyncGenerator, Callable, Generator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any

import pytest

from trunkline.contract import Push, targets
from trunkline.model.deliveries import Outcome
from trunkline.outbound.streams import Network
from trunkline_kit.certificates import Authority
from trunkline_kit.checks import COMPLETE, DELIVERS, check, demand, not_applicable
from trunkline_kit.far_sides import FarSide
from trunkline_kit.relay import Relay
from trunkline_kit.suites.channel_apart import with_secrets
from trunkline_kit.suites.channel_safety import secrets_of
from trunkline_kit.suites.channel_subject import ChannelSubject, OpenTrial
from trunkline_kit.suites.channel_trial import NEIGHBOUR_ID, ChannelTrial
from trunkline_kit.suites.plugin_settings import SECRET_WORDS
from trunkline_kit.watching import SideEffect, Watch

WRONG = "wrong-secret-of-nobody"
_TLS = re.compile(r"(^|_)(tls|ssl|starttls)(_|$)")
_LOOKUPS = {"socket.getaddrinfo", "socket.gethostbyname"}


class DeclaredChecks(ChannelSubject):
    """Checks of declared targets: their secrets, encryption, and the connections to them."""

    @check("channel.declares-its-secrets", level=COMPLETE)
    async def test_declares_its_secrets(self, open_trial: OpenTrial) -> None:
        """A member of a target whose name says that it is a secret has the type SecretStr, unless it is a number."""
        model = (await open_trial(dispatch=False)).channel.target
        if model is None:
            not_applicable(f"the channel '{self.channel}' declares no targets")
        secret = targets.secret_names(model)
        for name, member in targets.schema_of(model)["properties"].items():
            demand(
                name in secret
                or member.get("type") != "string"
                or not any(word in name.lower() for word in SECRET_WORDS),
                f"the member '{name}' of a target is a secret by its name, but whoever sees the subscription sees it; give it the "
                "type pydantic.SecretStr",
            )

    @check("channel.retries-a-wrong-secret", level=DELIVERS)
    async def test_retries_a_wrong_secret(self, open_trial: OpenTrial) -> None:
        """A secret that a target refuses is tried again, as a person may correct it; result and log show no secret."""
        trial, wrong = await self._open_with_wrong_secret(open_trial)
        result = await trial.attempt(wrong)
        demand(
            result.outcome is Outcome.RETRY,
            f"{trial.name} took a wrong secret for '{result.outcome}'; it should be 'retry'",
        )
        _demand_clean(
            trial, wrong, f"{result!r} {result.error} {result.response_body} {trial.running.log.text}"
        )

    @check("channel.tries-a-connection-without-sending", level=COMPLETE)
    async def test_tries_a_connection_without_sending(self, open_trial: OpenTrial) -> None:
        """`check_connection` reports no fault of a working target, and sends no event to the target."""
        trial = await open_trial(dispatch=False)
        if trial.channel.check_connection is None:
            not_applicable(f"{trial.name} has no check_connection")
        push = trial.push()
        said = await trial.channel.check_connection(push.target)
        demand(said is None, f"check_connection of {trial.name} says '{said}' of a target that takes events")
        await trial.attempt(push)
        arrived = await trial.arrivals(1)
        demand(
            len(arrived) == 1 and arrived[0].is_of(push.event_id),
            f"check_connection of {trial.name} sent something that its target takes for an event; it should only sign in",
        )

    @check("channel.says-that-a-secret-is-wrong", level=COMPLETE)
    async def test_says_that_a_secret_is_wrong(self, open_trial: OpenTrial) -> None:
        """If a target refuses the secret, `check_connection` reports that in a sentence without secrets."""
        trial, wrong = await self._open_with_wrong_secret(open_trial)
        if trial.channel.check_connection is None:
            not_applicable(f"{trial.name} has no check_connection")
        said = await trial.channel.check_connection(wrong.target)
        demand(
            bool(said),
            f"check_connection of {trial.name} finds nothing wrong with a secret that the target refuses; return what it says",
        )
        _demand_clean(trial, wrong, f"{said} {trial.running.log.text}")

    async def _open_with_wrong_secret(self, open_trial: OpenTrial) -> tuple[ChannelTrial, Push[Any]]:
        """Open a trial, and make a push with a wrong secret. The check applies only if the far side refuses the secret."""
        trial = await open_trial(dispatch=False)
        wrong = trial.push(config=with_secrets(trial, WRONG))
        if (await trial.attempt(wrong)).outcome is Outcome.DELIVERED:
            not_applicable(f"the far side of {trial.name} takes any secret")
        return trial, wrong

    @check("channel.dials-for-the-company", level=DELIVERS)
    async def test_dials_for_the_company(self, open_trial: OpenTrial, trunkline_watch: Watch) -> None:
        """The channel resolves and dials a target's host only by `context.network`, for the event's company."""
        trial = await open_trial(dispatch=False)
        host = self._member(trial, 0)
        config = trial.push().target.config.model_copy(update={host: "localhost"})
        push = trial.push(company_id=NEIGHBOUR_ID, config=config)
        with trunkline_watch.watching() as effects, _dials(effects) as (companies, spans):
            await trial.attempt(push)
            if trial.channel.check_connection is not None:
                await trial.channel.check_connection(push.target)
        demand(
            set(companies) == {NEIGHBOUR_ID},
            f"{trial.name} dialled for company {', '.join(map(str, companies)) or 'none'} what a target of company {NEIGHBOUR_ID} "
            "names; call context.network with company_id=push.target.company_id, or limits of one company meet another",
        )
        own = [
            effect
            for number, effect in enumerate(effects)
            if effect.event in _LOOKUPS and "localhost" in effect.detail
            if not any(begin <= number < end for begin, end in spans)
        ]
        demand(
            not own,
            f"{trial.name} looked up the target's name by itself ({own[0] if own else ''}); dial what context.network gives: a second "
            "lookup may answer with an address that nobody has judged",
        )

    @check("channel.encrypts-where-asked", level=DELIVERS)
    async def test_encrypts_where_asked(
        self, open_trial: OpenTrial, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """If a target or a setting requires TLS, only TLS is used, and a declared target's certificate is verified."""
        for settings in self.encrypts_by:
            trial = await open_trial(settings=settings, dispatch=False)
            result = await trial.attempt()
            demand(
                result.outcome is Outcome.RETRY and not await trial.far_side.arrivals(0),
                f"{trial.name} took a server that speaks no TLS for '{result.outcome}' with the settings {settings}; it should be "
                "'retry', and nothing sent",
            )
        if self.encrypts_by:
            return
        authority = Authority()
        (tmp_path / "authority.pem").write_bytes(authority.pem)
        monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "authority.pem"))
        trial = await open_trial(dispatch=False)
        port = self._member(trial, 1)
        config = trial.push().target.config
        tls = next((name for name in type(config).model_fields if _TLS.search(name)), None)
        if tls is None or not isinstance(getattr(config, tls), bool):
            not_applicable(f"the targets of {trial.name} have no member that asks for TLS")
        host, _ = trial.far_side.dials or ("", 0)

        demand(
            type(config).model_fields[tls].default is not False,
            f"the targets of {trial.name} have no TLS unless a customer asks for it; let '{tls}' be true by default",
        )
        check_connection = trial.channel.check_connection

        async def attempt(certificate: tuple[bytes, bytes] | None) -> Outcome:
            """Call ``check_connection``, make an attempt, and assert that both agree; return the attempt's outcome."""
            async with _in_front(trial.far_side, certificate, tmp_path) as dialled:
                push = trial.push(config=config.model_copy(update={tls: True, port: dialled}))
                said = None if check_connection is None else await check_connection(push.target)
                outcome = (await trial.attempt(push)).outcome
            demand(
                check_connection is None or (said is None) == (outcome is Outcome.DELIVERED),
                f"check_connection of {trial.name} says '{said}' of a server with TLS where an attempt ends as '{outcome}'; both should "
                "verify the certificate alike",
            )
            return outcome

        servers = {
            "that speaks no TLS": None,
            "whose certificate is of an unknown issuer": Authority().issue(host),
            "whose certificate is for another name": authority.issue("another.example.com"),
        }
        for what, certificate in servers.items():
            outcome = await attempt(certificate)
            demand(
                outcome is Outcome.RETRY and not await trial.far_side.arrivals(0),
                f"{trial.name} took a server {what} for '{outcome}' where the target asks for TLS; it should be 'retry', and "
                "nothing sent: pass tls on to context.network, or verify the certificate and its name",
            )
        if await attempt(authority.issue(host)) is not Outcome.DELIVERED:
            not_applicable(
                f"{trial.name} does not begin with TLS at a server with a good certificate: its transport may agree on it later "
                "(FarSide.before_tls)"
            )

    def _member(self, trial: ChannelTrial, part: int) -> str:
        """Return the name of the target's member that has the far side's host (*part* 0) or port (*part* 1)."""
        return trial.dialled_member(part) or not_applicable(
            f"the targets of {trial.name} name no host and port"
        )


def _demand_clean(trial: ChannelTrial, push: Push[Any], text: str) -> None:
    shown = [secret for secret in secrets_of(push.target.config) if secret in text]
    demand(
        not shown,
        f"{trial.name} showed the secret that a target refuses; say that it is wrong, and not what it is",
    )


@contextmanager
def _dials(effects: list[SideEffect]) -> Generator[tuple[list[int], list[tuple[int, int]]]]:
    """Record the company of each call of ``context.network`` in the block, and the range of its side effects in *effects*."""
    companies: list[int] = []
    spans: list[tuple[int, int]] = []
    asked: dict[str, Callable[..., Any]] = {name: getattr(Network, name) for name in ("connect", "addresses")}

    def watched(name: str) -> Callable[..., Any]:
        async def ask(network: Network, host: str, port: int, *, company_id: int, **more: Any) -> Any:
            companies.append(company_id)
            begin = len(effects)
            try:
                return await asked[name](network, host, port, company_id=company_id, **more)
            finally:
                spans.append((begin, len(effects)))

        return ask

    with pytest.MonkeyPatch.context() as patch:
        for name in asked:
            patch.setattr(Network, name, watched(name))
        yield companies, spans


@asynccontextmanager
async def _in_front(
    side: FarSide, certificate: tuple[bytes, bytes] | None, folder: Path
) -> AsyncGenerator[int]:
    """Open a port that forwards to the server of *side*, with TLS and *certificate*, or without TLS if it is None."""
    context = None
    if certificate is not None:
        (folder / "certificate.pem").write_bytes(b"".join(certificate))
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(folder / "certificate.pem")
    host, port = side.dials or ("", 0)
    async with Relay(host, port, tls=context, before_tls=side.before_tls) as relay:
        yield relay.port
