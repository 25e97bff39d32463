"""Checks of a channel that posts to a URL: the outcome of each answer.

The attempts are made here, not by the dispatcher, through the hub's guarded client to a real socket.
"""

from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

from trunkline.dispatch.attempts.results import KEPT_TEXT
from trunkline.model.deliveries import Outcome, Result
from trunkline_kit.checks import COMPLETE, DELIVERS, check, demand, not_applicable
from trunkline_kit.far_sides import HttpFarSide
from trunkline_kit.receiver import Answer, Garbage, HugeBody, Redirect, Reset
from trunkline_kit.suites.channel_subject import ChannelSubject, OpenTrial
from trunkline_kit.suites.channel_trial import ChannelTrial

SUCCESSES = (200, 201, 202, 203, 204, 205, 206, 207, 226)
REDIRECTS = (300, 301, 302, 303, 304, 307, 308)
CALLERS_FAULTS = (400, 401, 402, 403, 404, 405, 406, 408, 409, 411,
                  413, 415, 418, 422, 423, 424, 425, 426, 431, 451)  # fmt: skip
SERVERS_FAULTS = (500, 501, 502, 504, 505, 506, 507, 508, 511, 520, 599)
ODD_WAITS = ("soon", "-5", "", "1e9", "9" * 400, "٣", "Wed, 99 Foo 2026 99:99:99 GMT", "1;2", "NaN", "inf")
ODD_BODIES = (
    b"\xff\xfe\x00\xd8",
    b"\x00" * 100,
    b"\xed\xa0\x80",
    "é".encode("latin-1") * 600,
    b"{",
    b"[" * 5000,
)


class OutcomeChecks(ChannelSubject):
    """Checks of the outcome that a channel derives from an HTTP answer."""

    async def _result_of(self, trial: ChannelTrial, status: int, **headers: str) -> Result:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        body = b"" if status in {204, 205, 304} else b"answer"
        trial.http_side.play(Answer(status, named, body))
        return await trial.attempt()

    async def _expect(self, trial: ChannelTrial, statuses: tuple[int, ...], usual: Outcome) -> None:
        """Assert that each of *statuses* gives the outcome *usual*, except those in ``rejects`` and ``gone``."""
        for status in statuses:
            documented = {Outcome.REJECTED: self.rejects, Outcome.GONE: self.gone}
            outcome = next((outcome for outcome, named in documented.items() if status in named), usual)
            await self._expect_outcome(trial, status, outcome)

    async def _expect_outcome(self, trial: ChannelTrial, status: int, outcome: Outcome) -> None:
        result = await self._result_of(trial, status)
        demand(
            result.outcome is outcome,
            f"{trial.name} took status {status} for '{result.outcome}'; it should be '{outcome}'",
        )

    @check("channel.takes-every-2xx-as-delivered", level=DELIVERS, only="http")
    async def test_takes_every_2xx_as_delivered(self, open_trial: OpenTrial) -> None:
        """Every answer of the class 2xx means delivered."""
        await self._expect(await open_trial(dispatch=False), SUCCESSES, Outcome.DELIVERED)

    @check("channel.retries-redirects", level=DELIVERS, only="http")
    async def test_retries_redirects(self, open_trial: OpenTrial) -> None:
        """Every answer of the class 3xx is a failed attempt that is tried again."""
        await self._expect(await open_trial(dispatch=False), REDIRECTS, Outcome.RETRY)

    @check("channel.follows-no-redirect", level=DELIVERS, only="http")
    async def test_follows_no_redirect(self, open_trial: OpenTrial) -> None:
        """A redirect is not followed: the address that it names gets nothing."""
        trial = await open_trial(dispatch=False)
        elsewhere = await trial.http_side.another()
        for status in (301, 302, 303, 307, 308):
            trial.http_side.play(Redirect(elsewhere.url, status))
            await trial.attempt()
            demand(
                not elsewhere.requests(),
                f"{trial.name} followed a redirect ({status}); it should end the attempt as failed",
            )

    @check("channel.retries-client-errors", level=DELIVERS, only="http")
    async def test_retries_client_errors(self, open_trial: OpenTrial) -> None:
        """Every 4xx is tried again, except the statuses in the suite's `rejects` and `gone`."""
        await self._expect(await open_trial(dispatch=False), CALLERS_FAULTS, Outcome.RETRY)

    @check("channel.retries-server-errors", level=DELIVERS, only="http")
    async def test_retries_server_errors(self, open_trial: OpenTrial) -> None:
        """Every answer of the class 5xx is tried again."""
        await self._expect(await open_trial(dispatch=False), SERVERS_FAULTS, Outcome.RETRY)

    @check("channel.ends-on-410", level=DELIVERS, only="http")
    async def test_ends_on_410(self, open_trial: OpenTrial) -> None:
        """An answer with a status of the suite's `gone`, 410 by default, ends the subscription."""
        trial = await open_trial(dispatch=False)
        for status in self.gone:
            await self._expect_outcome(trial, status, Outcome.GONE)

    async def _expect_wait(self, trial: ChannelTrial, status: int, text: str, seconds: float) -> None:
        result = await self._result_of(trial, status, retry_after=text)
        wait = result.retry_after_seconds
        demand(
            result.outcome is Outcome.RETRY and wait is not None and abs(wait - seconds) <= 30,
            f"{trial.name} answered status {status} with 'Retry-After: {text}' by '{result.outcome}' and a wait of {wait} s; "
            f"it should be 'retry' with retry_after_seconds={seconds:g}",
        )

    @check("channel.waits-as-long-as-429-says", level=COMPLETE, only="http")
    async def test_waits_as_long_as_429_says(self, open_trial: OpenTrial) -> None:
        """The `Retry-After` of a 429, in seconds, is passed to the hub."""
        await self._expect_wait(await open_trial(dispatch=False), 429, "120", 120)

    @check("channel.waits-as-long-as-503-says", level=COMPLETE, only="http")
    async def test_waits_as_long_as_503_says(self, open_trial: OpenTrial) -> None:
        """The `Retry-After` of a 503, in seconds, is passed to the hub."""
        await self._expect_wait(await open_trial(dispatch=False), 503, "3600", 3600)

    @check("channel.reads-retry-after-dates", level=COMPLETE, only="http")
    async def test_reads_retry_after_dates(self, open_trial: OpenTrial) -> None:
        """A `Retry-After` with a date is converted to seconds from now."""
        date = format_datetime(datetime.now(UTC) + timedelta(minutes=10), usegmt=True)
        await self._expect_wait(await open_trial(dispatch=False), 429, date, 600)

    @check("channel.survives-odd-retry-after", level=DELIVERS, only="http")
    async def test_survives_odd_retry_after(self, open_trial: OpenTrial) -> None:
        """After an unreadable `Retry-After` the attempt is retried, and its result has the answer's status."""
        trial = await open_trial(dispatch=False)
        for text in ODD_WAITS:
            result = await self._result_of(trial, 429, retry_after=text.encode().decode("latin-1"))
            demand(
                result.outcome is Outcome.RETRY and result.status_code == 429,
                f"{trial.name} made {result.outcome} with {result.error or result.status_code} of a 429 with 'Retry-After: "
                f"{text[:20]}'; it should be a retry with status 429",
            )

    @check("channel.leaves-waiting-to-the-hub", level=DELIVERS, only="http")
    async def test_leaves_waiting_to_the_hub(self, open_trial: OpenTrial) -> None:
        """An attempt ends without waiting, even if the target asks to wait."""
        trial = await open_trial(dispatch=False)
        trial.http_side.play(Answer(429, {"retry-after": "600"}))
        await trial.attempt()

    @check("channel.makes-one-request-per-attempt", level=DELIVERS, only="http")
    async def test_makes_one_request_per_attempt(self, open_trial: OpenTrial) -> None:
        """An attempt is one request, whatever the answer; only the hub retries.

        If a target closes a kept connection without an answer, the client may repeat the request on a new connection.
        So the check tries the reset first, before any connection is kept.
        """
        trial = await open_trial(dispatch=False)
        for reply in (Reset(), Answer(200), Answer(500), Answer(429)):
            before = len(trial.http_side.requests())
            trial.http_side.play(reply)
            await trial.attempt()
            count = len(trial.http_side.requests()) - before
            demand(
                count == 1,
                f"{trial.name} made {count} requests in one attempt ({reply}); it should make one and leave trying again to the hub",
            )

    @check("channel.retries-when-nobody-listens", level=DELIVERS)
    async def test_retries_when_nobody_listens(self, open_trial: OpenTrial, free_port: int) -> None:
        """An attempt at a closed port fails and is tried again, and `check_connection` reports the closed port."""
        moved = {
            name: text.replace(str(port), str(free_port))
            for name, text in self.settings.items()
            for _, port in self.own_addresses
            if str(port) in text
        }
        trial = await open_trial(settings=moved, dispatch=False)
        port = trial.dialled_member(1)
        if isinstance(trial.far_side, HttpFarSide):
            push = trial.push(url=f"http://127.0.0.1:{free_port}/")
        elif port is not None:
            push = trial.push(config=trial.push().target.config.model_copy(update={port: free_port}))
        elif moved:
            push = trial.push()
        else:
            not_applicable(f"neither targets nor settings of {trial.name} name a port")
        result = await trial.attempt(push)
        demand(
            result.outcome is Outcome.RETRY,
            f"{trial.name} took a target that nobody listens at for '{result.outcome}'; it should be 'retry'",
        )
        if trial.channel.check_connection is not None:
            demand(
                await trial.channel.check_connection(push.target),
                f"check_connection of {trial.name} finds nothing wrong with a target that nobody listens at; return what is wrong",
            )

    @check("channel.retries-what-is-not-http", level=DELIVERS, only="http")
    async def test_retries_what_is_not_http(self, open_trial: OpenTrial) -> None:
        """An answer that is not HTTP is a failed attempt that is tried again."""
        trial = await open_trial(dispatch=False)
        replies = (Garbage(), Garbage(b"HTTP/9.9 two hundred\r\n\r\n"), Garbage(b""))
        await trial.demand_retries(replies, what="an answer that is not HTTP")

    @check("channel.survives-odd-answers", level=DELIVERS, only="http")
    async def test_survives_odd_answers(self, open_trial: OpenTrial) -> None:
        """A 2xx counts as delivered, whatever bytes are in its body."""
        trial = await open_trial(dispatch=False)
        for body in ODD_BODIES:
            trial.http_side.play(Answer(200, {"content-type": "application/json"}, body))
            result = await trial.attempt()
            demand(
                result.outcome is Outcome.DELIVERED,
                f"{trial.name} made {result.outcome} ({result.error}) of a 200 with the body {body[:12]!r}; it should be delivered, "
                "or the target gets the event again",
            )

    @check("channel.survives-a-huge-answer", level=DELIVERS, only="http")
    async def test_survives_a_huge_answer(self, open_trial: OpenTrial) -> None:
        """A 200 with a body of a hundred megabytes counts as delivered, and only the part for the log is kept."""
        trial = await open_trial(dispatch=False)
        trial.http_side.play(HugeBody())
        result = await trial.attempt()
        demand(
            result.outcome is Outcome.DELIVERED and len(result.response_body or "") <= KEPT_TEXT,
            f"{trial.name} made {result.outcome} of a 200 with a huge body; it should be delivered",
        )

    @check("channel.reports-the-status", level=COMPLETE, only="http")
    async def test_reports_the_status(self, open_trial: OpenTrial) -> None:
        """A result contains the status of the target's answer, for the delivery log."""
        trial = await open_trial(dispatch=False)
        for status in (202, 404, 503):
            result = await self._result_of(trial, status)
            demand(
                result.status_code == status,
                f"{trial.name} reported the status {result.status_code} for an answer of {status}; it should give the target's own",
            )

    @check("channel.keeps-what-the-target-said", level=COMPLETE, only="http")
    async def test_keeps_what_the_target_said(self, open_trial: OpenTrial) -> None:
        """A refusal's text is in the delivery log, cut to the first KiB."""
        trial = await open_trial(dispatch=False)
        trial.http_side.play(Answer(500, {}, b"the-reason-why " * 1000))
        body = (await trial.deliver(trial.push(), trial.hub.http)).response_body or ""
        demand(
            body.startswith("the-reason-why") and len(body) <= KEPT_TEXT,
            f"{trial.name} kept {len(body)} characters of what a refusing target said; it should keep the first {KEPT_TEXT}",
        )
