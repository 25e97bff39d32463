/** The calls of the API and their bodies. Made by `clients/typescript/generate.py` from the OpenAPI document. */

export type AcceptedBatch = { events: Envelope[]; quarantined?: QuarantinedItem[] };
export type ActionList = { actions: ShownDefinition[]; count: number; next_cursor: string | null };
export type AlertPreview = { event_type: string; severity: "info" | "warning" | "error" | "critical"; subject: string; body: string };
export type AlertPreviews = { alerts: AlertPreview[]; count: number };
export type AlertTest = { outcome: "delivered" | "retry"; error: string | null; answer: string | null };
export type AlertsView = { alert_recipients: string[]; digest: boolean; has_mail_server: boolean };
export type AppList = { apps: AppView[]; count: number; next_cursor: string | null };
export type AppRequest = { name: string; redirect_uris: string[]; scopes?: string[]; public?: boolean; jwks?: Record<string, any>; jwks_uri?: string };
export type AppSecret = { client_secret: string };
export type AppView = { client_id: string; name: string; redirect_uris: string[]; scopes: string[]; public: boolean; jwks_uri?: string; created_utc: string | null };
export type AttemptView = { number: number; started_utc: string; duration_ms: number; outcome: "delivered" | "retry" | "rejected" | "gone"; status_code: number | null; response_body: string | null; error: string | null; sent_twice?: boolean };
export type AuditEntry = { id: number; at_utc: string; actor: string; action: string; target: string; company_id: number | null; environment?: "test"; from_address: string | null; before: Record<string, any> | null; after: Record<string, any> | null; request_id: string | null };
export type AuditEntryList = { entries: AuditEntry[]; next_cursor: string | null };
export type BatchRequest = { events: EventRequest[] };
export type ChangeAlerts = { alert_recipients?: string[] | null; digest?: boolean | null };
export type ChangeApp = { name?: string; redirect_uris?: string[]; jwks?: Record<string, any>; jwks_uri?: string };
export type ChangeSubscription = { target?: Record<string, any> | null; target_url?: string | null; event_types?: string[] | null; description?: string | null; headers?: Record<string, string> | null; filter?: Record<string, any> | null; versions?: Record<string, number> | null; status?: "active" | "paused" | null; catch_up?: boolean; ordering?: Ordering; timeout_seconds?: number | null; retry?: Retry | null; max_in_flight?: number | null; rate?: string | null };
export type ChannelList = { channels: ChannelView[]; count: number; next_cursor: string | null };
export type ChannelView = { name: string; title: string; description: string; target_schema?: Record<string, any>; target_example?: Record<string, any>; instructions?: string; icon?: string };
export type CompanyList = { companies: CompanyView[]; next_cursor: string | null };
export type CompanyRequest = { reference?: string | null; name?: string | null; limits?: Record<string, number | null> | null; delivery?: DeliveryDefaults | null; test?: TestEnvironmentRequest | null; time_zone?: string | null; metadata?: Record<string, any> | null; alert_recipients?: string[] | null };
export type CompanyView = { id: number; reference: string | null; name: string | null; limits: Record<string, number>; own_limits: Record<string, number>; delivery: DeliveryDefaults; test: TestEnvironmentView; time_zone: string | null; metadata: Record<string, any>; alert_recipients: string[]; created_utc: string | null; updated_utc: string | null };
export type ConnectionList = { connections: ConnectionView[]; count: number; next_cursor: string | null };
export type ConnectionView = { id: string; client_id: string; app: string; company_id: number; environment?: "test"; scopes: string[]; granted_by: string; created_by: Maker | null; belongs_to_company: boolean; allowed_networks: string[]; created_utc: string; last_used_utc: string | null; expires_utc: string | null };
export type ConsumerCommit = { cursor: string; lease?: string };
export type ConsumerList = { consumers: ConsumerView[]; next_cursor: string | null };
export type ConsumerRequest = { event_types?: string[] | null; filter?: Record<string, any> | null; start?: string | null };
export type ConsumerSeek = { cursor?: string; time?: string };
export type ConsumerView = { name: string; cursor: string; lag: number; lag_is_least: boolean; leases: number; is_expired: boolean; event_types: string[]; filter: Record<string, any> | null; created_utc: string; updated_utc: string; committed_utc: string | null };
export type CreateSubscription = { channel: string; target?: Record<string, any>; target_url?: string; event_types: string[]; description?: string; secret?: string; headers?: Record<string, string>; filter?: Record<string, any>; versions?: Record<string, number>; start?: string; signature?: "standard" | "github" | "stripe" | "ed25519"; ordering?: Ordering; timeout_seconds?: number; retry?: Retry; max_in_flight?: number; rate?: string };
export type CreateWebhookSubscription = { target_url: string; event_types: string[]; description?: string; secret?: string; headers?: Record<string, string>; filter?: Record<string, any>; versions?: Record<string, number>; start?: string; signature?: "standard" | "github" | "stripe" | "ed25519"; ordering?: Ordering; timeout_seconds?: number; retry?: Retry; max_in_flight?: number; rate?: string };
export type CreatedSubscription = { id: string; channel: string; health?: SubscriptionHealth; failing_since?: string | null; success_rate_24h?: number | null; p95_ms_24h?: number | null; target_url: string; event_types: string[]; description: string | null; filter: Record<string, any> | null; versions: Record<string, number>; headers: Record<string, string>; signature: string; ordering: Ordering; timeout_seconds: number | null; retry: Retry | null; max_in_flight: number | null; rate: string | null; status: "active" | "paused" | "disabled"; disabled_reason: string | null; disabled_utc: string | null; created_utc: string; updated_utc: string; public_key?: string | null; target?: Record<string, any>; name?: string; holder?: string; expires_utc?: string | null; created_by: Maker | null; secret?: string; warnings?: string[] };
export type DeliveryDefaults = { timeout_seconds?: number | null; retry?: Retry | null; max_in_flight?: number | null; rate?: string | null };
export type DeliveryDetail = { id: string; event_id: number; event_type: string; status: "pending" | "held" | "delivered" | "exhausted" | "rejected" | "gone" | "skipped"; attempts: AttemptView[]; last_status_code: number | null; next_attempt_utc: string | null; next_attempt_by?: "schedule" | "retry_after"; updated_utc: string; held_by?: string; subscription_id: string };
export type DeliveryList = { deliveries: DeliverySummary[]; next_cursor: string | null };
export type DeliverySummary = { id: string; event_id: number; event_type: string; status: "pending" | "held" | "delivered" | "exhausted" | "rejected" | "gone" | "skipped"; attempts: number; last_status_code: number | null; next_attempt_utc: string | null; next_attempt_by?: "schedule" | "retry_after"; updated_utc: string; held_by?: string };
export type DigestRange = { from: string; to: string; after_id: number; last_id: number; count: number; digest: string };
export type DisabledSubscriptions = { subscriptions_disabled: number };
export type DisconnectedView = { subscriptions_disabled: number; keys_revoked: number };
export type Envelope = { id: number; type: string; createdUtc: string; companyId: number; payload: Record<string, any>; metadata?: Record<string, any>; companyRef?: string; environment?: "test" };
export type ErasureReceipt = { id: string; company_id: number; environment?: "test"; status: string; removed: Record<string, number>; remaining?: Record<string, number>; estimated_seconds?: number | null; created_utc: string; completed_utc: string | null };
export type EventDigest = { from: string; to: string; after_id: number; last_id: number; count: number; digest: string; more: boolean; ranges?: DigestRange[] };
export type EventExplanation = { event_id: number; subscriptions: SubscriptionExplanation[]; consumers: ReadBy[] };
export type EventPage = { events: Envelope[]; next_cursor: string };
export type EventRequest = { type: string; payload: Record<string, any>; metadata?: Record<string, any>; companyId?: number | string; createdUtc?: string; version?: number };
export type EventTypeChange = { schema: Record<string, any> };
export type EventTypeDetail = { type: string; title: string; description: string; version: number; versions?: number[]; schema_url: string; deprecated: boolean; operational: boolean; example: Record<string, any>; schema: Record<string, any> };
export type EventTypeList = { event_types: EventTypeSummary[]; next_cursor: string | null };
export type EventTypeRequest = { schema: Record<string, any>; type: string };
export type EventTypeSummary = { type: string; title: string; description: string; version: number; versions?: number[]; schema_url: string; deprecated: boolean; operational: boolean; example: Record<string, any> };
export type Hook = { id: string; target_url: string; event_types: string[]; filter: Record<string, any> | null; channel: string; status: "active" | "paused" | "disabled"; created_utc: string };
export type HookList = { hooks: Hook[]; count: number; next_cursor: string | null };
export type HookRequest = { target_url?: string; hookUrl?: string; url?: string; event_type?: string; event_types?: string[]; filter?: Record<string, any>; versions?: Record<string, number>; ordering?: Ordering; timeout_seconds?: number; retry?: Retry; max_in_flight?: number; rate?: string };
export type InterestView = { type: string; is_wanted: boolean; subscriptions: number; consumers: number };
export type KeyList = { keys: KeyView[]; count: number; next_cursor: string | null };
export type KeyRequest = { company_id: number | string; name: string; environment?: "live" | "test"; scopes: string[]; expires_utc?: string; allowed_networks?: string[] };
export type KeyRotation = { overlap_seconds?: number };
export type KeyView = { id: string; company_id: number | null; environment?: "test"; name: string; scopes: string[]; last4: string; created_utc: string; created_by: Maker | null; last_used_utc: string | null; revoked_utc: string | null; expires_utc: string | null; allowed_networks: string[] };
export type LeasedEvents = { events: Envelope[]; cursor: string; lease: string | null };
export type LinkRequest = { company_id: number | string; name?: string; scopes?: string[]; minutes?: number };
export type LinkView = { url: string; expires_utc: string; created_by: Maker };
export type LookupList = { lookups: ShownDefinition[]; count: number; next_cursor: string | null };
export type Maker = { kind: string; id: string | null };
export type Me = { company_id: number | null; environment?: "test"; key_name: string; scopes: string[] };
export type NewApp = { client_id: string; name: string; redirect_uris: string[]; scopes: string[]; public: boolean; jwks_uri?: string; created_utc: string | null; client_secret: string | null };
export type NewKey = { id: string; company_id: number | null; environment?: "test"; name: string; scopes: string[]; last4: string; created_utc: string; created_by: Maker | null; last_used_utc: string | null; revoked_utc: string | null; expires_utc: string | null; allowed_networks: string[]; key: string };
export type Ordering = "subscription" | OrderingKey | null;
export type OrderingKey = { key: string };
export type PluginList = { plugins: PluginView[]; count: number; next_cursor: string | null };
export type PluginView = { name: string; version: string | null; state: "active" | "disabled" | "failed"; error: string | null };
export type ProblemField = { path: string; message: string };
export type PublicKeys = { keys: Record<string, string>[] };
export type QuarantineReceipt = { id: string; type: string; company_id: number; environment?: "test"; errors: ProblemField[]; created_utc: string };
export type QuarantinedAnswer = { quarantined: QuarantineReceipt };
export type QuarantinedEventDetail = { id: string; type: string; company_id: number; environment?: "test"; errors: ProblemField[]; created_utc: string; version: number | null; received_utc: string; updated_utc: string; payload: Record<string, any>; metadata?: Record<string, any> };
export type QuarantinedEventList = { quarantined: QuarantinedEventView[]; next_cursor: string | null };
export type QuarantinedEventView = { id: string; type: string; company_id: number; environment?: "test"; errors: ProblemField[]; created_utc: string; version: number | null; received_utc: string; updated_utc: string };
export type QuarantinedItem = { id: string; type: string; company_id: number; environment?: "test"; errors: ProblemField[]; created_utc: string; index: number };
export type ReadBy = { name: string; state: "committed" | "leased" | "unread" };
export type RegisteredType = { type: string; revision: number; title: string };
export type ReleaseCounts = { released: number; invalid: number; next_cursor: string | null };
export type ReleaseRequest = { type: string; cursor?: string };
export type ReplayCount = { matched: number; complete?: boolean };
export type ReplayRequest = { from?: string; to?: string; event_types?: string[]; versions?: Record<string, number>; only_failed?: boolean; dry_run?: boolean };
export type ReplayView = { id: string; matched: number; delivered: number; status: "running" | "completed" | "cancelled" | "failed"; created_utc: string; updated_utc: string };
export type Retry = { schedule_seconds?: number[]; for_seconds?: number };
export type RotateSecret = { overlap_seconds?: number; secret?: string };
export type RotatedSecret = { secret?: string; public_key?: string };
export type SearchList = { searches: ShownDefinition[]; count: number; next_cursor: string | null };
export type ShownDefinition = { name: string; title: string; description: string; method: string; path: string; input_schema: Record<string, any>; output_schema: Record<string, any>; items?: string; single?: boolean };
export type SubscribedHook = { id: string; target_url: string; event_types: string[]; filter: Record<string, any> | null; channel: string; status: "active" | "paused" | "disabled"; created_utc: string; secret: string; warnings?: string[] };
export type SubscriptionExplanation = { subscription_id: string; channel: string; created_by: Maker | null; matched: boolean; reason: string; state: string | null; attempts: number; next_attempt_utc: string | null; next_attempt_by?: "schedule" | "retry_after"; delivery_id: string | null; held_by?: string; last_status_code?: number | null; last_response?: string | null; last_error?: string | null; last_sent_twice?: boolean; disabled_reason?: string; disabled_utc?: string };
export type SubscriptionHealth = "delivering" | "retrying" | "failing" | "idle" | "paused" | "disabled";
export type SubscriptionList = { subscriptions: SubscriptionView[]; count: number; next_cursor: string | null };
export type SubscriptionView = { id: string; channel: string; health?: SubscriptionHealth; failing_since?: string | null; success_rate_24h?: number | null; p95_ms_24h?: number | null; target_url: string; event_types: string[]; description: string | null; filter: Record<string, any> | null; versions: Record<string, number>; headers: Record<string, string>; signature: string; ordering: Ordering; timeout_seconds: number | null; retry: Retry | null; max_in_flight: number | null; rate: string | null; status: "active" | "paused" | "disabled"; disabled_reason: string | null; disabled_utc: string | null; created_utc: string; updated_utc: string; public_key?: string | null; target?: Record<string, any>; name?: string; holder?: string; expires_utc?: string | null; created_by: Maker | null };
export type TestAttempt = { outcome: "delivered" | "retry" | "rejected" | "gone"; status_code: number | null; duration_ms: number; response_body: string | null; error: string | null; sent_twice?: boolean };
export type TestEnvironmentRequest = { limits: Record<string, number | null> };
export type TestEnvironmentView = { limits: Record<string, number>; own_limits: Record<string, number> };
export type TestEventRequest = { type: string };
export type UpdateSubscription = { target_url?: string | null; event_types?: string[] | null; description?: string | null; headers?: Record<string, string> | null; filter?: Record<string, any> | null; versions?: Record<string, number> | null; status?: "active" | "paused" | null; catch_up?: boolean; ordering?: Ordering; timeout_seconds?: number | null; retry?: Retry | null; max_in_flight?: number | null; rate?: string | null };
export type UpdatedSubscription = { id: string; channel: string; health?: SubscriptionHealth; failing_since?: string | null; success_rate_24h?: number | null; p95_ms_24h?: number | null; target_url: string; event_types: string[]; description: string | null; filter: Record<string, any> | null; versions: Record<string, number>; headers: Record<string, string>; signature: string; ordering: Ordering; timeout_seconds: number | null; retry: Retry | null; max_in_flight: number | null; rate: string | null; status: "active" | "paused" | "disabled"; disabled_reason: string | null; disabled_utc: string | null; created_utc: string; updated_utc: string; public_key?: string | null; target?: Record<string, any>; name?: string; holder?: string; expires_utc?: string | null; created_by: Maker | null; warnings?: string[] };

export interface Operations {
  /** Read events in order. */
  listEvents: { input: { types?: string; cursor?: string; since?: string; versions?: string; filter?: string; limit?: number; wait?: number }; output: EventPage };
  /** Accept an event. */
  emitEvent: { input: { idempotencyKey?: string; body: EventRequest }; output: Envelope | QuarantinedAnswer };
  /** Accept up to 1,000 events, all or none. */
  emitEvents: { input: { idempotencyKey?: string; body: BatchRequest }; output: AcceptedBatch };
  /** Emit an example event. */
  emitTestEvent: { input: { idempotencyKey?: string; body: TestEventRequest }; output: Envelope };
  /** Why an event was delivered, or was not. */
  explainEvent: { input: { event_id: number }; output: EventExplanation };
  /** List consumers. */
  listConsumers: { input: { cursor?: string; limit?: number }; output: ConsumerList };
  /** Show a consumer. */
  getConsumer: { input: { name: string }; output: ConsumerView };
  /** Make or change a consumer. */
  putConsumer: { input: { name: string; body?: ConsumerRequest }; output: ConsumerView };
  /** Delete a consumer. */
  deleteConsumer: { input: { name: string }; output: undefined };
  /** Lease the next events of a consumer. */
  leaseEvents: { input: { name: string; limit?: number; wait?: number; lease_seconds?: number }; output: LeasedEvents };
  /** Commit a leased page. */
  commitEvents: { input: { name: string; idempotencyKey?: string; body: ConsumerCommit }; output: undefined };
  /** Move a consumer. */
  seekConsumer: { input: { name: string; idempotencyKey?: string; body: ConsumerSeek }; output: ConsumerView };
  /** Count and digest events. */
  digestEvents: { input: { from?: string; to?: string; types?: string; filter?: string; subscription?: string; ranges?: number }; output: EventDigest };
  /** Whether anybody takes an event type. */
  getInterest: { input: { name: string; company?: string }; output: InterestView };
  /** List event types. */
  listEventTypes: { input: { limit?: number; cursor?: string }; output: EventTypeList };
  /** Register an event type. */
  createEventType: { input: { idempotencyKey?: string; body: EventTypeRequest }; output: RegisteredType };
  /** Show an event type with its schema. */
  getEventType: { input: { name: string }; output: EventTypeDetail };
  /** Change a registered event type. */
  updateEventType: { input: { name: string; body: EventTypeChange }; output: RegisteredType };
  /** The JSON Schema of an event type's payload. */
  getEventTypeSchema: { input: { name: string; strict?: boolean }; output: Record<string, any> };
  /** List quarantined events. */
  listQuarantinedEvents: { input: { type?: string; cursor?: string; limit?: number }; output: QuarantinedEventList };
  /** Release all that are valid by now. */
  releaseQuarantinedEvents: { input: { idempotencyKey?: string; body: ReleaseRequest }; output: ReleaseCounts };
  /** Show a quarantined event. */
  getQuarantinedEvent: { input: { quarantine_id: string }; output: QuarantinedEventDetail };
  /** Correct a quarantined event. */
  updateQuarantinedEvent: { input: { quarantine_id: string; body: { payload: Record<string, any> } }; output: QuarantinedEventDetail };
  /** Delete a quarantined event. */
  deleteQuarantinedEvent: { input: { quarantine_id: string }; output: undefined };
  /** Release a quarantined event. */
  releaseQuarantinedEvent: { input: { quarantine_id: string; idempotencyKey?: string; body?: { payload: Record<string, any> } }; output: Envelope };
  /** List subscriptions. */
  listSubscriptions: { input: { limit?: number; cursor?: string; channel?: string; target_url?: string }; output: SubscriptionList };
  /** Subscribe on a channel. */
  createSubscription: { input: { idempotencyKey?: string; body: CreateSubscription }; output: CreatedSubscription };
  /** List channels. */
  listChannels: { input: { limit?: number; cursor?: string }; output: ChannelList };
  /** Show a subscription. */
  getSubscription: { input: { subscription_id: string }; output: SubscriptionView };
  /** Change a subscription. */
  updateSubscription: { input: { subscription_id: string; ifMatch?: string; body: ChangeSubscription }; output: UpdatedSubscription };
  /** Delete a subscription. */
  deleteSubscription: { input: { subscription_id: string; ifMatch?: string }; output: undefined };
  /** Give a subscription a new signing secret. */
  rotateSubscriptionSecret: { input: { subscription_id: string; idempotencyKey?: string; body?: RotateSecret }; output: RotatedSecret };
  /** Try a subscription. */
  testSubscription: { input: { subscription_id: string; idempotencyKey?: string }; output: TestAttempt };
  /** The delivery log of a subscription. */
  listDeliveries: { input: { subscription_id: string; status?: "pending" | "held" | "delivered" | "exhausted" | "rejected" | "gone" | "skipped"; cursor?: string; limit?: number }; output: DeliveryList };
  /** Show a delivery with its attempts. */
  getDelivery: { input: { delivery_id: string }; output: DeliveryDetail };
  /** Try a delivery again now. */
  retryDelivery: { input: { delivery_id: string; idempotencyKey?: string }; output: DeliverySummary };
  /** Skip a delivery. */
  skipDelivery: { input: { delivery_id: string; idempotencyKey?: string }; output: DeliverySummary };
  /** Send events of the past again. */
  startReplay: { input: { subscription_id: string; idempotencyKey?: string; body: ReplayRequest }; output: ReplayCount | ReplayView };
  /** Show a replay's progress. */
  getReplay: { input: { replay_id: string }; output: ReplayView };
  /** Cancel a replay. */
  cancelReplay: { input: { replay_id: string }; output: undefined };
  /** Show whose key this is. */
  getMe: { input: {}; output: Me };
  /** List keys. */
  listKeys: { input: { limit?: number; cursor?: string }; output: KeyList };
  /** Make a key. */
  createKey: { input: { idempotencyKey?: string; body: KeyRequest }; output: NewKey };
  /** Replace a key, with an overlap. */
  rotateKey: { input: { key_id: string; idempotencyKey?: string; body?: KeyRotation }; output: NewKey };
  /** Revoke a key. */
  revokeKey: { input: { key_id: string; with?: "subscriptions" }; output: DisabledSubscriptions | undefined };
  /** List companies. */
  listCompanies: { input: { reference?: string; cursor?: string; limit?: number }; output: CompanyList };
  /** Make a company. */
  createCompany: { input: { idempotencyKey?: string; body: CompanyRequest }; output: CompanyView };
  /** Show a company. */
  getCompany: { input: { company_id: string }; output: CompanyView };
  /** Change a company. */
  updateCompany: { input: { company_id: string; ifMatch?: string; body: CompanyRequest }; output: CompanyView };
  /** Delete a company and everything of it. */
  deleteCompany: { input: { company_id: string }; output: ErasureReceipt };
  /** Show the receipt of a deletion. */
  getErasure: { input: { erasure_id: string }; output: ErasureReceipt };
  /** List changes. */
  listAuditEntries: { input: { actor?: string; action?: string; target?: string; request_id?: string; cursor?: string; limit?: number }; output: AuditEntryList };
  /** Whether the process answers. */
  getHealth: { input: {}; output: Record<string, string> };
  /** Whether the hub can do its work. */
  getReadiness: { input: {}; output: Record<string, string> };
  /** Metrics for Prometheus. */
  getMetrics: { input: {}; output: string };
  /** List plugins. */
  listPlugins: { input: { limit?: number; cursor?: string }; output: PluginList };
  /** Public keys of signatures. */
  listPublicKeys: { input: { company?: string; environment?: "live" | "test"; subscription?: string }; output: PublicKeys };
  /** List actions. */
  listActions: { input: { limit?: number; cursor?: string }; output: ActionList };
  /** The JSON Schemas of one of the actions. */
  getActionSchemas: { input: { name: string }; output: Record<string, any> };
  /** Show who is told of failures. */
  getAlerts: { input: {}; output: AlertsView };
  /** Change who is told of failures. */
  updateAlerts: { input: { body: ChangeAlerts }; output: AlertsView };
  /** Preview alerts. */
  previewAlerts: { input: {}; output: AlertPreviews };
  /** Mail a test message. */
  testAlerts: { input: { idempotencyKey?: string }; output: AlertTest };
  /** List the hooks of Make. */
  listMakeHooks: { input: { limit?: number; cursor?: string; target_url?: string }; output: HookList };
  /** Subscribe from Make. */
  createMakeHook: { input: { idempotencyKey?: string; body: HookRequest }; output: SubscribedHook };
  /** Unsubscribe from Make. */
  deleteMakeHook: { input: { hook_id: string }; output: undefined };
  /** List the hooks of n8n. */
  listN8nHooks: { input: { limit?: number; cursor?: string; target_url?: string }; output: HookList };
  /** Subscribe from n8n. */
  createN8nHook: { input: { idempotencyKey?: string; body: HookRequest }; output: SubscribedHook };
  /** Unsubscribe from n8n. */
  deleteN8nHook: { input: { hook_id: string }; output: undefined };
  /** List registered apps. */
  listApps: { input: { limit?: number; cursor?: string }; output: AppList };
  /** Register an app. */
  createApp: { input: { idempotencyKey?: string; body: AppRequest }; output: NewApp };
  /** Change an app. */
  updateApp: { input: { app_id: string; body: ChangeApp }; output: AppView };
  /** Remove an app. */
  deleteApp: { input: { app_id: string }; output: undefined };
  /** Replace an app's secret. */
  rotateAppSecret: { input: { app_id: string; idempotencyKey?: string; body?: RotateSecret }; output: AppSecret };
  /** List connected apps. */
  listConnections: { input: { limit?: number; cursor?: string }; output: ConnectionList };
  /** Disconnect an app. */
  deleteConnection: { input: { connection_id: string }; output: DisconnectedView };
  /** Show sample events. */
  sampleEvents: { input: { type?: string; versions?: string; filter?: string; limit?: number }; output: Envelope[] };
  /** Read one event. */
  getEvent: { input: { event_id: number; versions?: string }; output: Envelope };
  /** Make a sign-in link. */
  createPortalLink: { input: { idempotencyKey?: string; body: LinkRequest }; output: LinkView };
  /** List searches. */
  listSearches: { input: { limit?: number; cursor?: string }; output: SearchList };
  /** The JSON Schemas of one of the searches. */
  getSearchSchemas: { input: { name: string }; output: Record<string, any> };
  /** List lookups. */
  listLookups: { input: { limit?: number; cursor?: string }; output: LookupList };
  /** The JSON Schemas of one of the lookups. */
  getLookupSchemas: { input: { name: string }; output: Record<string, any> };
  /** List webhook subscriptions. */
  listWebhookSubscriptions: { input: { limit?: number; cursor?: string; target_url?: string }; output: SubscriptionList };
  /** Create a webhook subscription. */
  createWebhookSubscription: { input: { idempotencyKey?: string; body: CreateWebhookSubscription }; output: CreatedSubscription };
  /** Show a webhook subscription. */
  getWebhookSubscription: { input: { subscription_id: string }; output: SubscriptionView };
  /** Change a webhook subscription. */
  updateWebhookSubscription: { input: { subscription_id: string; ifMatch?: string; body: UpdateSubscription }; output: UpdatedSubscription };
  /** Delete a webhook subscription. */
  deleteWebhookSubscription: { input: { subscription_id: string; ifMatch?: string }; output: undefined };
  /** Give a subscription a new secret. */
  rotateWebhookSubscriptionSecret: { input: { subscription_id: string; idempotencyKey?: string; body?: RotateSecret }; output: RotatedSecret };
  /** Send a test delivery. */
  testWebhookSubscription: { input: { subscription_id: string; idempotencyKey?: string }; output: TestAttempt };
  /** The delivery log of a webhook subscription. */
  listWebhookDeliveries: { input: { subscription_id: string; status?: "pending" | "held" | "delivered" | "exhausted" | "rejected" | "gone" | "skipped"; cursor?: string; limit?: number }; output: DeliveryList };
  /** Send events of the past again. */
  startWebhookReplay: { input: { subscription_id: string; idempotencyKey?: string; body: ReplayRequest }; output: ReplayCount | ReplayView };
  /** List the hooks of Zapier. */
  listZapierHooks: { input: { limit?: number; cursor?: string; target_url?: string }; output: HookList };
  /** Subscribe from Zapier. */
  createZapierHook: { input: { idempotencyKey?: string; body: HookRequest }; output: SubscribedHook };
  /** Unsubscribe from Zapier. */
  deleteZapierHook: { input: { hook_id: string }; output: undefined };
}

/** Method and path of each call, and whether it takes an idempotency key. */
export const ROUTES = {
  listEvents: "GET /api/v1/events",
  emitEvent: "POST /api/v1/events key",
  emitEvents: "POST /api/v1/events/batch key",
  emitTestEvent: "POST /api/v1/events/test key",
  explainEvent: "GET /api/v1/events/{event_id}/explain",
  listConsumers: "GET /api/v1/consumers",
  getConsumer: "GET /api/v1/consumers/{name}",
  putConsumer: "PUT /api/v1/consumers/{name}",
  deleteConsumer: "DELETE /api/v1/consumers/{name}",
  leaseEvents: "GET /api/v1/consumers/{name}/events",
  commitEvents: "POST /api/v1/consumers/{name}/commit key",
  seekConsumer: "POST /api/v1/consumers/{name}/seek key",
  digestEvents: "GET /api/v1/events/digest",
  getInterest: "GET /api/v1/event-types/{name}/interest",
  listEventTypes: "GET /api/v1/event-types",
  createEventType: "POST /api/v1/event-types key",
  getEventType: "GET /api/v1/event-types/{name}",
  updateEventType: "PATCH /api/v1/event-types/{name}",
  getEventTypeSchema: "GET /schemas/events/{name}.json",
  listQuarantinedEvents: "GET /api/v1/quarantine",
  releaseQuarantinedEvents: "POST /api/v1/quarantine/release key",
  getQuarantinedEvent: "GET /api/v1/quarantine/{quarantine_id}",
  updateQuarantinedEvent: "PATCH /api/v1/quarantine/{quarantine_id}",
  deleteQuarantinedEvent: "DELETE /api/v1/quarantine/{quarantine_id}",
  releaseQuarantinedEvent: "POST /api/v1/quarantine/{quarantine_id}/release key",
  listSubscriptions: "GET /api/v1/subscriptions",
  createSubscription: "POST /api/v1/subscriptions key",
  listChannels: "GET /api/v1/channels",
  getSubscription: "GET /api/v1/subscriptions/{subscription_id}",
  updateSubscription: "PATCH /api/v1/subscriptions/{subscription_id}",
  deleteSubscription: "DELETE /api/v1/subscriptions/{subscription_id}",
  rotateSubscriptionSecret: "POST /api/v1/subscriptions/{subscription_id}/rotate-secret key",
  testSubscription: "POST /api/v1/subscriptions/{subscription_id}/test key",
  listDeliveries: "GET /api/v1/subscriptions/{subscription_id}/deliveries",
  getDelivery: "GET /api/v1/deliveries/{delivery_id}",
  retryDelivery: "POST /api/v1/deliveries/{delivery_id}/retry key",
  skipDelivery: "POST /api/v1/deliveries/{delivery_id}/skip key",
  startReplay: "POST /api/v1/subscriptions/{subscription_id}/replay key",
  getReplay: "GET /api/v1/replays/{replay_id}",
  cancelReplay: "DELETE /api/v1/replays/{replay_id}",
  getMe: "GET /api/v1/me",
  listKeys: "GET /api/v1/keys",
  createKey: "POST /api/v1/keys key",
  rotateKey: "POST /api/v1/keys/{key_id}/rotate key",
  revokeKey: "DELETE /api/v1/keys/{key_id}",
  listCompanies: "GET /api/v1/companies",
  createCompany: "POST /api/v1/companies key",
  getCompany: "GET /api/v1/companies/{company_id}",
  updateCompany: "PATCH /api/v1/companies/{company_id}",
  deleteCompany: "DELETE /api/v1/companies/{company_id}",
  getErasure: "GET /api/v1/erasures/{erasure_id}",
  listAuditEntries: "GET /api/v1/audit",
  getHealth: "GET /healthz",
  getReadiness: "GET /readyz",
  getMetrics: "GET /metrics",
  listPlugins: "GET /api/v1/plugins",
  listPublicKeys: "GET /.well-known/jwks.json",
  listActions: "GET /api/v1/actions",
  getActionSchemas: "GET /schemas/actions/{name}.json",
  getAlerts: "GET /api/v1/alerts",
  updateAlerts: "PATCH /api/v1/alerts",
  previewAlerts: "GET /api/v1/alerts/preview",
  testAlerts: "POST /api/v1/alerts/test key",
  listMakeHooks: "GET /api/v1/make/hooks",
  createMakeHook: "POST /api/v1/make/hooks key",
  deleteMakeHook: "DELETE /api/v1/make/hooks/{hook_id}",
  listN8nHooks: "GET /api/v1/n8n/hooks",
  createN8nHook: "POST /api/v1/n8n/hooks key",
  deleteN8nHook: "DELETE /api/v1/n8n/hooks/{hook_id}",
  listApps: "GET /api/v1/oauth/apps",
  createApp: "POST /api/v1/oauth/apps key",
  updateApp: "PATCH /api/v1/oauth/apps/{app_id}",
  deleteApp: "DELETE /api/v1/oauth/apps/{app_id}",
  rotateAppSecret: "POST /api/v1/oauth/apps/{app_id}/rotate-secret key",
  listConnections: "GET /api/v1/oauth/connections",
  deleteConnection: "DELETE /api/v1/oauth/connections/{connection_id}",
  sampleEvents: "GET /api/v1/events/sample",
  getEvent: "GET /api/v1/events/{event_id}",
  createPortalLink: "POST /api/v1/portal/links key",
  listSearches: "GET /api/v1/searches",
  getSearchSchemas: "GET /schemas/searches/{name}.json",
  listLookups: "GET /api/v1/lookups",
  getLookupSchemas: "GET /schemas/lookups/{name}.json",
  listWebhookSubscriptions: "GET /api/v1/webhooks/subscriptions",
  createWebhookSubscription: "POST /api/v1/webhooks/subscriptions key",
  getWebhookSubscription: "GET /api/v1/webhooks/subscriptions/{subscription_id}",
  updateWebhookSubscription: "PATCH /api/v1/webhooks/subscriptions/{subscription_id}",
  deleteWebhookSubscription: "DELETE /api/v1/webhooks/subscriptions/{subscription_id}",
  rotateWebhookSubscriptionSecret: "POST /api/v1/webhooks/subscriptions/{subscription_id}/rotate-secret key",
  testWebhookSubscription: "POST /api/v1/webhooks/subscriptions/{subscription_id}/test key",
  listWebhookDeliveries: "GET /api/v1/webhooks/subscriptions/{subscription_id}/deliveries",
  startWebhookReplay: "POST /api/v1/webhooks/subscriptions/{subscription_id}/replay key",
  listZapierHooks: "GET /api/v1/zapier/hooks",
  createZapierHook: "POST /api/v1/zapier/hooks key",
  deleteZapierHook: "DELETE /api/v1/zapier/hooks/{hook_id}",
} as const;
