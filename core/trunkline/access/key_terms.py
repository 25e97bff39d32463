"""The terms of an API key: its expiry, and the networks from which it may be used."""

from collections.abc import Sequence
from datetime import datetime
from ipaddress import ip_network

from msgspec import Struct

from trunkline.errors import SHOWN, BodyInvalid, FieldError, Forbidden
from trunkline.model.principals import Principal
from trunkline.model.times import read_time, utc_text_of_ms

MAX_NETWORKS = 20
MAX_OVERLAP_SECONDS = 30 * 24 * 60 * 60
DEFAULT_OVERLAP_SECONDS = 24 * 60 * 60


class KeyTerms(Struct, frozen=True):
    """The limits of a key besides its scopes: None in *expires_ms* is no end; empty *networks* allow any network."""

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
    read: list[str] = []
    for index, text in enumerate(networks[:MAX_NETWORKS]):
        try:
            read.append(str(ip_network(text, strict=False)))
        except ValueError:
            message = f"is no address or network, such as 203.0.113.7 or 2001:db8::/48: '{text[:SHOWN]}'"
            faults.append(FieldError(f"/allowed_networks/{index}", message))
    if faults:
        raise BodyInvalid(faults)
    return KeyTerms(expires_ms, tuple(dict.fromkeys(read)))


def terms_of(maker: Principal | None) -> KeyTerms:
    """Return the terms that keys made by *maker* may not exceed: the terms of *maker*, if it is a key.

    The terms of a link do not apply, because a link may be used from other networks.
    """
    if maker is None or maker.kind not in {"key", "operator"}:
        return NO_TERMS
    return KeyTerms(maker.expires_ms, maker.networks)


def within(terms: KeyTerms, own: KeyTerms) -> KeyTerms:
    """Fill in missing *terms* of a new key from its maker's *own*. Raises BodyInvalid if *terms* exceed them."""
    outside = "lies outside the networks that your own key has"
    faults = [
        FieldError(f"/allowed_networks/{index}", f"{outside}: '{network}'")
        for index, network in enumerate(terms.networks)
        if not _is_within(network, own.networks)
    ]
    if terms.expires_ms is not None and own.expires_ms is not None and terms.expires_ms > own.expires_ms:
        end = utc_text_of_ms(own.expires_ms)
        faults.append(FieldError("/expires_utc", f"must not be after your own key's end, {end}"))
    if faults:
        raise BodyInvalid(faults)
    return KeyTerms(terms.expires_ms or own.expires_ms, terms.networks or own.networks)


def narrowed(terms: KeyTerms, own: KeyTerms) -> KeyTerms:
    """Return the intersection of *terms* and *own*. Raises Forbidden if no network is left."""
    ends = [end for end in (terms.expires_ms, own.expires_ms) if end is not None]
    networks = {
        *(network for network in terms.networks if _is_within(network, own.networks)),
        *(network for network in own.networks if _is_within(network, terms.networks)),
    }
    if terms.networks and own.networks and not networks:
        msg = "This key may be used from other networks than yours, so you cannot make its successor."
        raise Forbidden(msg)
    return KeyTerms(min(ends, default=None), tuple(sorted(networks)))


def _is_within(network: str, networks: Sequence[str]) -> bool:
    """Return whether *network* is within one of *networks*; True if there are none."""
    inner = ip_network(network)
    return not networks or any(
        inner.network_address in outer and inner.prefixlen >= outer.prefixlen
        for outer in map(ip_network, networks)
    )
