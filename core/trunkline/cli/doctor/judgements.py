"""Judges the answers of a receiver: pure functions from answers to checks."""

from collections.abc import Mapping, Sequence
from itertools import pairwise
from statistics import median

from trunkline.cli.doctor.checks import (
    Check,
    bad,
    duration_text,
    good,
    improve,
    printable,
    unknown,
)
from trunkline.cli.doctor.trials import Answer
from trunkline.outbound import MAX_BODY_BYTES

SLOW_SECONDS, VERY_SLOW_SECONDS = 1.0, 5.0
"""The median latencies above which a receiver is slow, or very slow."""

_REFUSALS = {400, 401, 403, 422}
"""The statuses with which a receiver refuses a wrong signature."""

_STATUS_ADVICE = {
    404: "nothing is at this path; check the path of the URL",
    405: "it takes no POST; check the path of the URL",
    410: "that disables a subscription for good; answer 2xx",
    413: "the event is too large for it; raise its limit to 256 KiB",
    415: "it takes no application/json; let it",
    429: "it takes too few requests; raise its limit, or the hub falls behind",
}
_ERROR_ADVICE = {
    "timeout": "it does not answer within the time limit; answer first, and work afterwards",
    "tls_failed": "the TLS handshake fails now and then; check every server behind the name",
    "connection_refused": "it refuses connections now and then; check every server behind the name",
    "connection_failed": "it closes the connection without an answer; look into its log",
    "invalid_answer": "what comes back is not HTTP; check which service is at this port",
}

_ANYONE = "anyone may send it events; verify before you answer 2xx"
_FORGERIES = {
    "signature-wrong": ("a wrong signature", _ANYONE),
    "signature-old": (
        "an event signed ten minutes ago",
        "whoever has recorded one may send it again; refuse what is more than 5 minutes off",
    ),
    "signature-ahead": (
        "an event signed ten minutes ahead",
        "one that somebody keeps back stays good for longer; refuse what is more than 5 minutes off",
    ),
    "signature-rewritten": (
        "a body with other white space than was signed",
        "it verifies what it has parsed and written anew; verify the raw body, before any parser",
    ),
    "signature-tampered": (
        "a body altered after signing",
        "anyone on the way may alter events; verify the raw body before you answer 2xx",
    ),
    "signature-missing": ("an event without a signature", _ANYONE),
}
"""For each check: the request that a receiver must refuse, and the risk if the receiver accepts it."""


def judge_delivery(answers: Sequence[Answer], *, is_secret_known: bool) -> Check:
    """Judge the answers to correctly signed events."""
    failed = [answer for answer in answers if not answer.is_accepted]
    if not failed:
        secret = "the secret" if is_secret_known else "a throwaway secret"
        return good("delivery", f"Answers {answers[0].status} to an event that is signed with {secret}.")
    if not is_secret_known and all(answer.status in _REFUSALS for answer in answers):
        sentence = f"Answers {failed[0].status} to a secret that it cannot know, as it should; give --secret to see how it answers its own."
        return unknown("delivery", sentence)
    share = "" if len(failed) == len(answers) else f" to {len(failed)} of {len(answers)} events"
    advice = _advice(failed[0], is_secret_known=is_secret_known)
    return bad("delivery", f"Answers {_word(failed[0])}{share}: {advice}.")


def judge_redirect(answers: Sequence[Answer]) -> Check:
    """Judge whether the receiver redirects."""
    for answer in answers:
        if answer.status is not None and 300 <= answer.status <= 399:
            location = answer.headers.get("location")
            where = f"; subscribe with '{printable(location)}'" if location else "; answer in place"
            return bad("redirect", f"Answers {answer.status}, and the hub follows no redirect{where}.")
    return good("redirect", "Answers in place, without a redirect.")


def judge_latency(answers: Sequence[Answer], *, timeout_seconds: float) -> Check:
    """Judge the receiver's latency: the median of the answers, and each answer that exceeds the timeout."""
    late = sum(answer.error == "timeout" for answer in answers)
    if late:
        limit = duration_text(timeout_seconds)
        sentence = (
            f"No answer within {limit} to {late} of {len(answers)} events; answer first, and work afterwards."
        )
        return bad("latency", sentence)
    answered = [answer.seconds for answer in answers if answer.status is not None]
    if not answered:
        return unknown("latency", "There was no answer to measure.")
    middle = median(answered)
    spoken = f"{duration_text(middle)} (median of {len(answered)})"
    if middle <= SLOW_SECONDS:
        return good("latency", f"Answers within {spoken}.")
    aim = duration_text(SLOW_SECONDS)
    sentence = f"Takes {spoken}; answer first and work afterwards, to stay below {aim}."
    return (bad if middle > VERY_SLOW_SECONDS else improve)("latency", sentence)


def judge_size(answers: Sequence[Answer]) -> Check:
    """Judge whether the answers are small enough to be read to their end."""
    largest = max(answer.size_bytes for answer in answers)
    if largest > MAX_BODY_BYTES:
        sentence = "Answers with more than 64 KiB, where the hub stops reading and closes the connection; answer with little or nothing."
        return improve("answer-size", sentence)
    return good("answer-size", f"Answers with {largest} bytes at most.")


def judge_keep_alive(answers: Sequence[Answer]) -> Check:
    """Judge whether one connection takes several events. *answers* are in the order of sending."""
    if any(a.error == "connection_failed" and not a.is_first_on_connection for a in answers):
        sentence = "Closes a kept connection when the next event comes; keep idle ones open for 5 s, or answer 'connection: close'."
        return bad("keep-alive", sentence)
    followed = [
        after
        for before, after in pairwise(answers)
        if before.status is not None and before.size_bytes <= MAX_BODY_BYTES
    ]
    if not followed:
        return unknown("keep-alive", "No connection could have been kept.")
    if any(not answer.is_first_on_connection for answer in followed):
        return good("keep-alive", "Keeps the connection open for the next event.")
    sentence = "Closes the connection after each answer; keep it open for 5 s or longer, to spare a handshake for each event."
    return improve("keep-alive", sentence)


def judge_duplicate(first: Answer, again: Answer) -> Check:
    """Judge the answer to the same event sent *again*."""
    if not first.is_accepted:
        return unknown("duplicates", "It did not accept the event the first time.")
    if again.is_accepted:
        sentence = (
            f"Answers {again.status} to an event that it has seen; see that it does not act on it twice."
        )
        return good("duplicates", sentence)
    sentence = f"Answers {_word(again)} to an event that it has seen, so the hub sends it again and again; answer 2xx."
    return bad("duplicates", sentence)


def judge_duplicates_at_once(answers: Sequence[Answer], *, genuine: Answer) -> Check:
    """Judge the answers to the same event sent twice at once, as after a broken connection."""
    name = "duplicates-at-once"
    refused = [answer for answer in answers if not answer.is_accepted]
    if not genuine.is_accepted:
        return unknown(name, "It did not accept the correct event.")
    if not refused:
        return good(name, "Accepts an event that comes twice at once; see that it does not act on it twice.")
    advice = "store its id first, under a unique key, and answer 2xx if it is there"
    sentence = f"Answers {_word(refused[0])} to one of two deliveries of an event at once; {advice}."
    return (bad if _is_broken(refused[0]) else improve)(name, sentence)


def judge_junk(answers: Mapping[str, Answer], *, genuine: Answer) -> Check:
    """Judge the answers to junk requests, by the kind of junk; junk must be refused even if the secret is unknown."""
    name = "signature-junk"
    for what, answer in answers.items():
        if answer.is_accepted:
            return bad(name, f"Accepts {what}, so {_ANYONE}.")
    if _is_broken(genuine):
        return unknown(name, "It answers no event well, so this shows nothing.")
    for what, answer in answers.items():
        if _is_broken(answer):
            advice = "catch every error of the verification, and answer 401"
            return bad(name, f"Answers {_word(answer)} to {what}, so anyone may make it fail; {advice}.")
    for what, answer in answers.items():
        if not 400 <= (answer.status or 0) <= 499:
            return improve(name, f"Answers {answer.status} to {what}; refuse it with 401.")
    return good(name, f"Refuses {', '.join(answers)}.")


def judge_refusal(name: str, answer: Answer, *, genuine: Answer, is_secret_known: bool) -> Check:
    """Judge the answer to a push that a receiver must refuse. *genuine* is the answer to a correct push."""
    what, risk = _FORGERIES[name]
    is_judged = is_secret_known or name == "signature-missing"  # a missing signature is wrong with any secret
    if answer.is_accepted and is_judged:
        return bad(name, f"Accepts {what}, so {risk}.")
    if not is_secret_known:
        seen = "Accepts" if answer.is_accepted else f"Answers {_word(answer)} to"
        hint = ", so it seems to verify nothing" if answer.is_accepted else ""
        return unknown(name, f"{seen} {what}{hint}; give --secret to judge that.")
    if not genuine.is_accepted:
        return unknown(name, f"Refuses {what}, but the correct event as well.")
    if answer.status == 429 or answer.status is None:
        return unknown(name, f"Answers {_word(answer)} to {what}; try again later.")
    if 400 <= answer.status <= 499:
        return good(name, f"Refuses {what} with {answer.status}.")
    return improve(name, f"Answers {answer.status} to {what}; refuse it with 401.")


def judge_tolerance(name: str, answer: Answer, *, what: str, genuine: Answer) -> Check:
    """Judge whether the receiver accepts an event with an unknown part, *what*; *genuine* is its answer to a known event."""
    if _is_broken(genuine):
        return unknown(name, "It answers no event well, so this shows nothing.")
    if answer.status is not None and 300 <= answer.status <= 399:
        return unknown(name, f"Answers {answer.status} to {what}; see redirect.")
    if _is_broken(answer):
        return bad(name, f"Answers {_word(answer)} to {what}; ignore what you do not know, and answer 2xx.")
    if genuine.is_accepted and not answer.is_accepted:
        return good(name, f"Answers {answer.status} to {what}; 2xx would spare the retries.")
    return good(name, f"Answers {answer.status} to {what}.")


def _is_broken(answer: Answer) -> bool:
    return answer.status is None or answer.status >= 500


def _word(answer: Answer) -> str:
    return f"{answer.status}" if answer.status is not None else f"nothing ({answer.error})"


def _advice(answer: Answer, *, is_secret_known: bool) -> str:
    status = answer.status
    if status is None:
        return _ERROR_ADVICE.get((answer.error or "").partition(":")[0], "look into its log")
    if status in _STATUS_ADVICE:
        return _STATUS_ADVICE[status]
    if status >= 500:
        return "it fails; look into its log"
    if 300 <= status <= 399:
        return "the hub follows no redirect"
    if status in _REFUSALS and is_secret_known:
        return "check that this is the subscription's secret, that it verifies the raw body, and its clock"
    return "only 2xx counts as delivered; look into its log"
