//! Calls a hub through the client that openapi-generator makes for Rust.
use openapi::apis::{configuration::{ApiKey, Configuration}, actions_api, events_api, searches_api, webhooks_api, Error};
use openapi::models::{CreateLeadInput, CreateWebhookSubscription, EventRequest, Problem};
use std::collections::HashMap;

fn event(payload: serde_json::Value) -> EventRequest {
    let payload: HashMap<String, serde_json::Value> = serde_json::from_value(payload).unwrap();
    EventRequest::new(openapi::models::event_request::Type::PaymentSucceeded, payload)
}

#[tokio::main(flavor = "current_thread")]
async fn main() {
    let mut hub = Configuration::new();
    hub.base_path = std::env::var("HUB").unwrap();
    hub.api_key = Some(ApiKey { prefix: None, key: std::env::var("KEY").unwrap() });
    let paid = serde_json::json!({"payment_id": 3_000_000_000i64, "invoice_id": 2, "client_id": 3, "payment_amount": 149999.99, "payment_method": "card", "date_paid": "2026-01-28T10:30:00Z"});
    let made = events_api::emit_event(&hub, event(paid), None, None, None).await.unwrap();
    match events_api::emit_event(&hub, event(serde_json::json!({})), None, None, None).await {
        Err(Error::ResponseError(refused)) => {
            assert_eq!(refused.status.as_u16(), 422);
            let problem: Problem = serde_json::from_str(&refused.content).unwrap();
            assert!(!problem.errors.unwrap().is_empty());
        }
        other => panic!("{other:?}"),
    }
    let (mut cursor, mut found): (Option<String>, _) = (None, None);
    loop {
        let page = events_api::list_events(&hub, None, cursor.as_deref(), None, None, None, Some(2), None, None, None).await.unwrap();
        if page.events.is_empty() { break; }
        found = page.events.into_iter().find(|e| e.id == made.id).or(found);
        cursor = Some(page.next_cursor);
    }
    let payload = found.unwrap().payload;
    assert_eq!(payload["payment_amount"].as_f64(), Some(149999.99));
    assert_eq!(payload["payment_id"].as_i64(), Some(3_000_000_000));
    let request = CreateWebhookSubscription::new("https://example.com/rust".into(), vec!["*".into()]);
    let subscription = webhooks_api::create_webhook_subscription(&hub, request, None, None, None).await.unwrap();
    let listed = webhooks_api::list_webhook_subscriptions(&hub, None, None, None, None, None).await.unwrap();
    assert!(listed.subscriptions.iter().any(|s| s.id == subscription.id));
    webhooks_api::delete_webhook_subscription(&hub, &subscription.id, None, None, None).await.unwrap();
    let lead = CreateLeadInput::new("Jane".into(), "Doe".into(), "rust@example.com".into());
    let lead = actions_api::create_lead(&hub, lead, None, None, None).await.unwrap();
    let clients = searches_api::find_client(&hub, Some("rust@example.com"), None, None, None, None, None).await.unwrap();
    assert_eq!(clients.results[0].client_id, lead.client_id);
    let pushed = r#"{"id":3000000000,"type":"client.created","createdUtc":"2026-01-28T10:30:00.000Z","companyId":92,"payload":{"client_id":3000000001,"first_name":"Jane","last_name":"Doe","email":"a@b.example","phone":null,"status":"x","status_id":1,"created_date":"2026-01-28T10:30:00Z"}}"#;
    let pushed: openapi::models::ClientCreatedEvent = serde_json::from_str(pushed).unwrap();
    assert_eq!(pushed.payload.client_id, 3_000_000_001);
    println!("ok");
}
