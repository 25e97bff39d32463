"""A target's last answer in one line, without the secrets of its subscription. Pure."""

from trunkline.model.subscriptions import Subscription

MAX_LENGTH = 200
"""The maximum number of characters of the line."""
SHORTEST_SECRET = 4
"""The minimum length of a value to mask; a shorter one would also match parts of ordinary words."""
_MASK = "••••"


def first_line(body: str, subscription: Subscription) -> str | None:
    """Return the first line of *body*, or the whole text in one line if the first line has no word.

    Returns None if the result is empty. Header values and secrets of *subscription* are masked, because a target may
    echo its request.
    """
    secrets = (
        *(secret.text for secret in subscription.secrets),
        *subscription.headers.values(),
        *subscription.target_secrets.values(),
    )
    for secret in sorted(secrets, key=len, reverse=True):
        if len(secret) >= SHORTEST_SECRET:
            body = body.replace(secret, _MASK)
    return one_line(body)


def one_line(body: str) -> str | None:
    """Return the same line as ``first_line``, without masking; None if the result is empty."""
    line = body.strip().partition("\n")[0]
    shown = " ".join((line if any(map(str.isalnum, line)) else body).split())
    shown = "".join(filter(str.isprintable, shown))
    return f"{shown[: MAX_LENGTH - 1]}…" if len(shown) > MAX_LENGTH else shown or None
