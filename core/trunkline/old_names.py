"""What a plugin may still import from ``trunkline``, as it did before, and what it writes instead. It goes with 1.0."""

MOVED = {
    "trunkline.pages": (
        "Activity Attention AttentionKind Brand Bucket Condition Connector EventList Example Field "
        "FieldKind FragmentInvalid ItemList Kind ListedEvent Overview PortalContent PortalPage "
        "PortalRedirect PortalRequest Product ReadFile Reference ShownEvent SubscriptionActivity "
        "Wording all_conditions alternatives check_fragment conditions_of happening json_remarks plural "
        "sample_envelope singular those_of with_article wording_of"
    ),
    "trunkline.routes": (
        "AcceptedEvent Answered ApiKeys BadCursor BadQuery BearerRequest BreakerPolicy CALL_PREFIX "
        "COMPANY_SCOPES Caller ChangedSubscription CheckTarget Clock Command Companies CompanyName "
        "CreateSubscription CreatedSubscription CursorExpired Deliver Deliveries DeliveryLog "
        "DeliveryQuery Deployment Emit Envelope EventPage EventReader EventRejected ExtraMissing "
        "FinishedAttempt Gap Held HttpResponse IdempotencyKey Issuer IssuerUnavailable Names "
        "OpenOrigin Operations PluginDatabase Principal ProviderFailed ProviderRefused Quarantine "
        "QuarantinePage QuarantinedEvent QueryModel ReplayCount ReplayRequest ReplayView Replays "
        "RotateSecret RotatedSecret Routes Sealer Seconds StreamPage Strict StrictRoute "
        "SubscriptionList SubscriptionView Subscriptions TargetRefused Terms TestAttempt "
        "TrunklineError Unauthenticated UpdateSubscription body_model call_options "
        "check_idempotency_key company_number company_title definition_routes describe_scope "
        "environment_member environment_of in_environment is_group query_model query_reader read_body "
        "read_json require_extra requires responses rest_hook_channel rest_hook_routes takes_type "
        "type_groups"
    ),
}
"""Names that were in ``trunkline`` and are elsewhere now, by where."""
REPLACED = {
    "Action": "Operation",
    "Lookup": "Operation",
    "Search": "Operation",
    "OriginClient": "HttpClient",
}
"""Names of Hook API 1 whose place another one has taken."""

HOME_OF = {name: home for home, names in MOVED.items() for name in names.split()} | dict.fromkeys(
    REPLACED, "trunkline.contract"
)
"""The module that each of them is in now."""
INSTEAD = {name: f"from {home} import {name}" for name, home in HOME_OF.items()} | {
    old: f"from trunkline import {new}" for old, new in REPLACED.items()
}
"""What to write for each of them."""
