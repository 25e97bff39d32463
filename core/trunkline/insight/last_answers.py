"""A target's last answer in one line, without the secrets of its subscription. Pure."""

from trunkline.model.subscriptions import Subscription

MAX_LENGTH = 200
"""Characters of the line that are shown."""
SHORTEST_SECRET = 4
"""Characters of a value that is masked; one of fewer would be found in every other word."""
_MASK = "••••"


def first_line(body: str, subscription: Subscription) -> str | None:
    """Give the first line of *body*, or all of it in one line if the first has no word; None if it is empty.

    A target may answer with what it was sent: values of headers and secrets of *subscription* are masked.
    """
    secrets = (
        *(secret.text for secret in subscription.secrets),
        *subscription.headers.values(),
        *subscription.target_secrets.values(),
    )
    for secret in sorted(secrets, key=len, reverse=True):
        if len(secret) >= SHORTEST_SECRET:
            body = body.replace(secret, _MASK)
    line = body.strip().partition("\n")[0]
    shown = " ".join((line if any(map(str.isalnum, line)) else body).split())
    shown = "".join(filter(str.isprintable, shown))
    return f"{shown[: MAX_LENGTH - 1]}…" if len(shown) > MAX_LENGTH else shown or None
