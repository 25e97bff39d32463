"""A provider over HTTP: a product in any language carries out the operations that the schemas define.

Each call is one ``POST {provider_url}/{actions|searches|lookups}/{name}``, signed as webhooks are
(docs/reference/http-provider.md has the protocol). Nothing is retried here: the caller may retry, and the idempotency key
shows the product that a repeated call is the same call.
"""

from collections.abc import Mapping, Sequence
from string import punctuation
from typing import Self
from urllib.parse import quote

import orjson
from msgspec import Struct

from trunkline import AddressRefused, Answer, Call, HttpClient, PluginContext, Signer
from trunkline.pages import Kind
from trunkline.routes import (
    HttpResponse,
    ProviderFailed,
    ProviderRefused,
    SettingsInvalid,
    company_number,
    environment_of,
)
from trunkline_actions import answers
from trunkline_actions.settings import Settings

_CONFLICT = 409
_PRINTED = f"{punctuation} "
"""The characters of an idempotency key, beside letters and digits, that ``webhook-id`` holds as they are."""
FOLDERS: Mapping[Kind, str] = {"action": "actions", "search": "searches", "lookup": "lookups"}


_Place = tuple[str, HttpClient]
"""The target of calls: a base URL without a trailing slash, and the client for it."""


class _Product(Struct, frozen=True):
    """Everything that a call of the product needs."""

    context: PluginContext
    place: _Place
    test_place: _Place | None
    signer: Signer
    timeout_seconds: float


class Provider(Struct, frozen=True):
    """Carries out *operations* by calls of *product*; if *product* is None, the provider has no operations."""

    operations: Mapping[Kind, Sequence[str]]
    product: _Product | None

    @classmethod
    def of(cls, context: PluginContext) -> Self:
        """Make the provider from the settings.

        Raises:
            SettingsInvalid: the settings have a URL that cannot be called, or an operation that is not defined.
        """
        settings = context.settings
        assert isinstance(settings, Settings)
        if settings.provider_url is None or settings.provider_secret is None:
            return cls({}, None)
        timeout, test_url = settings.provider_timeout_seconds, settings.provider_test_url
        product = _Product(
            context,
            place=_place_at(context, settings.provider_url, timeout_seconds=timeout),
            test_place=_place_at(context, test_url, timeout_seconds=timeout) if test_url else None,
            signer=Signer("standard", secrets=(settings.provider_secret.get_secret_value(),)),
            timeout_seconds=timeout,
        )
        defined: dict[Kind, list[str]] = {
            kind: [definition.name for definition in context.operations.defined(kind)] for kind in FOLDERS
        }
        return cls(_chosen(defined, settings.provider_operations), product)

    def names(self, kind: Kind) -> Sequence[str]:
        """List the operations of *kind* that the product carries out."""
        return self.operations.get(kind, ())

    async def run(self, call: Call) -> Answer:
        """Send *call* to the product, and return its answer.

        Raises:
            ProviderRefused: the product answered with a 4xx and a sentence, or the settings have no address for a test environment's
            call.
            ProviderFailed: the product did not answer in time, or answered with a 5xx or an unreadable body.
        """
        assert self.product is not None
        response = await _post(self.product, call)
        return answers.read(response, call)


def _place_at(context: PluginContext, url: str, *, timeout_seconds: float) -> _Place:
    try:
        return url.rstrip("/"), context.open_origin(url, timeout_seconds=timeout_seconds)
    except ValueError as error:
        msg = f"Setting 'actions': {error}"
        raise SettingsInvalid(msg) from None


def _chosen(
    defined: Mapping[Kind, Sequence[str]], chosen: Sequence[str] | None
) -> Mapping[Kind, Sequence[str]]:
    if chosen is None:
        return defined
    known = [name for names in defined.values() for name in names]
    if unknown := sorted(set(chosen).difference(known)):
        named = f"names '{unknown[0]}', which is not defined; defined are {', '.join(known)}"
        msg = f"Setting 'actions.provider_operations': {named}"
        raise SettingsInvalid(msg)
    return {kind: [name for name in names if name in chosen] for kind, names in defined.items()}


async def _post(product: _Product, call: Call) -> HttpResponse:
    definition, context = call.definition, product.context
    place = product.test_place if environment_of(call.company_id) == "test" else product.place
    if place is None:  # a call of a test environment is never sent to the live address
        msg = (
            f"'{definition.name}' is carried out for live data only here; use a key of the live environment, "
            "or have the operator set 'actions.provider_test_url'."
        )
        raise ProviderRefused(_CONFLICT, msg)
    company_ref = await context.companies.reference_of(call.company_id)
    body = orjson.dumps(
        {
            "kind": definition.kind,
            "name": definition.name,
            "principal": {
                "company_id": company_number(call.company_id),
                "company_ref": company_ref,
                "environment": environment_of(call.company_id),
                "key_id": call.key_id,
            },
            "idempotency_key": call.idempotency_key,
            "deadline_seconds": product.timeout_seconds,
            "input": orjson.Fragment(call.input_json),
        }
    )
    timestamp = context.clock.now_ms() // 1000
    # A server may read a header beyond ASCII in another encoding, and then take the signature for wrong.
    message_id = quote(str(call.idempotency_key), safe=_PRINTED)
    signed = product.signer.headers(message_id, timestamp=timestamp, body=body)
    base_url, http = place
    url = f"{base_url}/{FOLDERS[definition.kind]}/{definition.name}"
    try:
        return await http.post(url, body=body, headers={**signed, "content-type": "application/json"})
    except (OSError, AddressRefused) as error:  # TimeoutError is an OSError
        context.log.warning("'%s' got no answer from %s: %s", definition.name, url, error or "time is over")
        reason = "the provider could not be reached"
        if isinstance(error, TimeoutError):
            reason = f"the provider did not answer within {product.timeout_seconds:g} s"
        raise ProviderFailed(definition.name, reason) from error
