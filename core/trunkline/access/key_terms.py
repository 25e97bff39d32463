"""The terms of an API key: until when it is valid, and from which networks it may be used."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from ipaddress import ip_network

from trunkline.errors import SHOWN, BodyInvalid, FieldError
from trunkline.model.times import read_time

MAX_NETWORKS = 20
MAX_OVERLAP_SECONDS = 30 * 24 * 60 * 60
DEFAULT_OVERLAP_SECONDS = 24 * 60 * 60


@dataclass(frozen=True, slots=True)
class KeyTerms:
    """What limits a key beside its scopes: *expires_ms* is None for never, no *networks* mean any."""

    expires_ms: int | None = None
    networks: tuple[str, ...] = ()


NO_TERMS = KeyTerms()


def read_terms(*, expires_utc: str | None, networks: Sequence[str], now_ms: int) -> KeyTerms:
    """Read the terms of a new key. Raises BodyInvalid."""
    faults: list[FieldError] = []
    expires_ms = None
    if expires_utc is not None:
        time = read_time(expires_utc)
        expires_ms = None if time is None else int(datetime.fromisoformat(time).timestamp() * 1000)
        if expires_ms is None:
            text = f"must be an ISO 8601 time with an offset, such as 2026-01-28T10:30:00Z, not '{expires_utc[:SHOWN]}'"
            faults.append(FieldError("/expires_utc", text))
        elif expires_ms <= now_ms:
            faults.append(FieldError("/expires_utc", f"must be in the future, not {expires_utc[:SHOWN]}"))
    if len(networks) > MAX_NETWORKS:
        faults.append(FieldError("/allowed_networks", f"must be at most {MAX_NETWORKS} networks"))
    read = [_network(text) for text in networks[:MAX_NETWORKS]]
    faults += [
        FieldError(
            f"/allowed_networks/{index}",
            f"is no address or network, such as 203.0.113.7 or 2001:db8::/48: '{networks[index][:SHOWN]}'",
        )
        for index, network in enumerate(read)
        if network is None
    ]
    if faults:
        raise BodyInvalid(faults)
    return KeyTerms(expires_ms, tuple(dict.fromkeys(network for network in read if network)))


def _network(text: str) -> str | None:
    try:
        return str(ip_network(text, strict=False))
    except ValueError:
        return None
