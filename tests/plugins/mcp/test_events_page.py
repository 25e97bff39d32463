"""The proposed checks of MCP Events: each has a test, or is on the page as one that the plugin does not meet."""

import re
from pathlib import Path

HERE = Path(__file__).parent
PAGE = HERE.parents[2] / "docs" / "reference" / "mcp-events.md"
CHECKS = 131
TESTS = {
    "capability-events-object capability-list-changed-flag list-changed-notification": "test_events.test_both_places_say_that_there_are_events",
    "list-implemented list-pagination descriptor-name descriptor-description descriptor-delivery-subset descriptor-input-schema descriptor-payload-schema descriptor-meta": "test_events_checklist.test_discovery test_events.test_each_event_type_is_listed_with_its_payload_and_what_it_may_be_chosen_by",
    "schema-evolution-additive breaking-change-new-name removal-additive-no-terminate": "test_versions.test_what_is_listed_and_what_is_polled_are_of_one_version",
    "removal-poll-not-found error-not-found error-server-range": "test_events.test_errors_have_the_numbers_that_are_set",
    "removal-terminates-subscriptions removal-error-not-found removal-error-schema-changed": "",
    "error-invalid-params": "test_event_subscriptions.test_what_cannot_be_is_refused_by_name_before_anything_is_sent",
    "error-forbidden error-unsupported": "test_event_subscriptions.test_other_modes_types_and_scopes_are_refused",
    "error-resource-exhausted": "test_event_subscriptions.test_challenges_are_few_and_a_host_that_fails_them_gets_no_more",
    "error-callback-endpoint-error": "test_event_subscriptions.test_a_challenge_that_is_not_answered_makes_nothing",
    "poll-implemented poll-one-subscription-per-request poll-bootstraps-subscription poll-stateless-request poll-events-array poll-response-cursor cursor-opaque cursor-null-starts-from-now cursor-consistency": "test_events_checklist.test_poll test_events.test_a_poll_begins_now_and_goes_on_from_its_cursor",
    "cursor-absent-equals-null cursor-advances-when-quiet": "test_events.test_a_poll_begins_now_and_goes_on_from_its_cursor test_event_streams.test_it_beats_and_ends_when_the_key_is_revoked",
    "poll-next-poll-ms poll-next-poll-ms-ignored-when-has-more poll-has-more poll-max-events-cap": "test_events.test_polling_page_by_page_gives_each_event_once_and_in_order",
    "poll-errors-are-jsonrpc poll-invalid-arguments": "test_events.test_what_cannot_be_is_invalid_and_named",
    "poll-mode-unsupported": "",
    "occurrence-event-id occurrence-name occurrence-timestamp occurrence-data occurrence-cursor-optional occurrence-meta-ungoverned": "test_events_checklist.test_poll",
    "occurrence-event-id-from-upstream": "test_event_clients.test_webhook_stream_and_poll_agree_over_kill_a_lapse_and_renewals",
    "max-age-ms-floor max-age-ms-sets-truncated max-age-ms-ignored-when-cursor-null": "test_events.test_old_events_are_left_out_and_that_is_told",
    "truncated-returns-fresh-cursor truncated-poll-never-an-error": "test_events.test_a_cursor_from_before_what_is_kept_goes_on_with_the_oldest_and_says_so",
    "replay-ceiling-sets-truncated truncated-false-when-no-replay": "",
    "stream-implemented stream-active-confirmation stream-subscription-id-meta stream-event-notification stream-carries-only-event-notifications": "test_events_checklist.test_push test_event_streams.test_it_says_that_it_is_open_and_gives_what_a_poll_gives",
    "stream-error-before-open": "test_event_streams.test_what_is_wrong_is_told_before_it_opens",
    "stream-error-is-recoverable": "test_event_streams.test_a_database_that_is_away_is_told_and_the_stream_goes_on",
    "stream-gap-resends-active": "test_event_streams.test_what_is_gone_while_it_is_open_is_told_as_a_gap_and_it_goes_on",
    "stream-terminated-ends-subscription stream-final-result-shape stream-final-result-timing stream-heartbeat-required stream-heartbeat-carries-cursor stream-heartbeat-interval stream-heartbeat-not-sse-comment": "test_event_streams.test_it_beats_and_ends_when_the_key_is_revoked test_event_stream_client.test_it_opens_a_stream_gets_each_event_and_leaves",
    "stream-cancel-stops-delivery stream-exempt-from-concurrency-cap": "test_event_streams.test_a_caller_has_so_many_open_and_closing_one_makes_room",
    "subscribe-webhook-only subscribe-secret-required subscribe-secret-format subscribe-secret-rejected": "test_event_subscriptions.test_what_cannot_be_is_refused_by_name_before_anything_is_sent test_event_subscriptions.test_other_modes_types_and_scopes_are_refused",
    "subscribe-url-https-required subscribe-url-non-https-rejected": "test_callback_addresses.test_no_notation_of_a_place_within_is_taken",
    "subscribe-auth-required": "test_messages.test_without_a_valid_key_nothing_is_read",
    "subscribe-key-composition subscribe-key-immutable subscribe-idempotent-upsert subscribe-id-derived subscribe-id-not-an-input subscribe-cross-tenant-isolation": "test_event_subscriptions.test_its_id_is_the_key_s_digest_and_the_same_again_renews_it",
    "subscribe-refresh-replaces-secret delivery-dual-sign-on-rotation": "test_event_subscriptions.test_a_new_secret_signs_beside_the_one_before",
    "subscribe-refresh-reactivates": "test_event_gaps.test_one_that_only_fails_is_suspended_until_it_is_renewed_and_then_gets_all",
    "subscribe-response-cursor": "test_event_subscriptions.test_what_is_open_holds_the_cursor_back_until_it_is_settled",
    "subscribe-response-truncated": "test_event_subscriptions.test_a_new_one_catches_up_from_a_cursor_but_not_what_is_too_old test_event_gaps.test_whoever_renews_is_told_of_a_gap_that_nobody_took",
    "ttl-refresh-before-lte-suggestion ttl-no-rejection-path ttl-omitted-means-default": "test_event_subscriptions.test_a_time_to_live_is_granted_within_bounds",
    "ttl-null-only-when-requested ttl-no-expiry-persisted verification-persisted-for-no-expiry": "test_event_subscriptions.test_without_an_end_it_lasts_and_needs_no_second_challenge",
    "ttl-long-grant-retained": "test_event_clients.test_webhook_stream_and_poll_agree_over_kill_a_lapse_and_renewals",
    "ttl-no-expiry-gc-terminated": "test_event_gaps.test_one_that_only_fails_is_suspended_until_it_is_renewed_and_then_gets_all",
    "unsubscribe-by-key unsubscribe-unknown-not-found": "test_event_subscriptions.test_unsubscribing_ends_it_and_again_does_no_harm test_event_subscriptions.test_settings_choose_what_the_sources_disagree_about",
    "authz-subscribe-time authz-delivery-time-reverify": "test_event_subscriptions.test_other_modes_types_and_scopes_are_refused test_event_subscriptions.test_one_whose_key_is_revoked_is_told_so_and_ends",
    "delivery-post-json delivery-standard-webhooks-headers delivery-subscription-id-header delivery-signature-formula": "test_events_checklist.test_webhook_delivery test_event_subscriptions.test_a_subscription_is_challenged_and_gets_its_events_signed",
    "delivery-retry-regenerates-signature delivery-retries-bounded": "test_event_subscriptions.test_what_is_open_holds_the_cursor_back_until_it_is_settled",
    "delivery-410-non-retryable delivery-413-non-retryable": "test_event_subscriptions.test_some_statuses_end_one_event_and_not_the_subscription",
    "delivery-body-size payload-minimality": "test_event_subscriptions.test_a_body_over_the_protocol_s_limit_is_never_sent",
    "delivery-status-last-error-category verification-no-raw-endpoint-responses": "test_event_subscriptions.test_a_failure_is_told_when_it_is_renewed_in_one_of_few_words",
    "verification-required-before-delivery verification-challenge-echo": "test_event_subscriptions.test_a_subscription_is_challenged_and_gets_its_events_signed",
    "verification-failure-error": "test_event_subscriptions.test_a_challenge_that_is_not_answered_makes_nothing test_event_subscriptions.test_a_challenge_that_is_never_answered_ends_in_time",
    "verification-cached-per-principal-url": "test_event_subscriptions.test_its_id_is_the_key_s_digest_and_the_same_again_renews_it",
    "verification-uses-ssrf-hardened-path ssrf-validate-callback-url ssrf-reject-non-routable": "test_callback_addresses.test_no_notation_of_a_place_within_is_taken",
    "ssrf-validate-at-delivery-time ssrf-no-redirects": "test_event_subscriptions.test_a_challenge_that_is_not_answered_makes_nothing",
    "server-identity-key-discovery": "",
    "envelope-type-discriminator envelope-signed-like-deliveries envelope-webhook-id-format": "test_event_gaps.test_a_gap_that_is_not_taken_is_told_again_under_the_same_id",
    "envelope-gap": "test_event_gaps.test_what_is_removed_during_a_pause_is_told_as_a_gap_and_the_rest_is_sent",
    "envelope-terminated": "test_event_subscriptions.test_one_whose_key_is_revoked_is_told_so_and_ends",
}
"""The checks of the proposed suite, with the tests that show what the plugin does; no test for what it does not do."""


def test_every_check_is_named_once_and_its_tests_are_there():
    named = [check for checks in TESTS for check in checks.split()]
    assert len(named) == len(set(named)) == CHECKS
    shown_by = [reference.split(".") for tests in TESTS.values() for reference in tests.split()]
    missing = [
        f"{module}.{test}"
        for module, test in shown_by
        if f"def {test}(" not in (HERE / f"{module}.py").read_text()
    ]
    assert missing == []


def test_the_page_names_checks_that_there_are_and_each_that_is_not_met():
    known = {check for checks in TESTS for check in checks.split()}
    page = PAGE.read_text()
    on_page = set(re.findall(r"`([a-z0-9]+(?:-[a-z0-9]+)+)`", page))
    assert on_page <= known
    not_met = set(re.findall(r"`([a-z0-9]+(?:-[a-z0-9]+)+)`", page.partition("## Not met")[2]))
    assert not_met == {check for checks, tests in TESTS.items() if not tests for check in checks.split()}
