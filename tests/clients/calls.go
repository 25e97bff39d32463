// Calls a hub through the client that openapi-generator makes for Go.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"slices"

	"hub"
)

func must[T any](value T, _ any, err error) T {
	check(err)
	return value
}

func check(err error) {
	if err != nil {
		panic(err)
	}
}

func assert(isTrue bool, message string) {
	if !isTrue {
		panic(message)
	}
}

func main() {
	settings, every := hub.NewConfiguration(), context.Background()
	settings.Servers[0].URL = os.Getenv("HUB")
	settings.AddDefaultHeader("X-Api-Key", os.Getenv("KEY"))
	client := hub.NewAPIClient(settings)
	emit := func(payload map[string]any) hub.ApiEmitEventRequest {
		return client.EventsAPI.EmitEvent(every).EventRequest(*hub.NewEventRequest("payment.succeeded", payload))
	}
	made := must(emit(map[string]any{"payment_id": int64(3_000_000_000), "invoice_id": 2, "client_id": 3, "payment_amount": 149999.99, "payment_method": "card", "date_paid": "2026-01-28T10:30:00Z"}).Execute())
	_, answer, err := emit(map[string]any{}).Execute()
	var refused *hub.GenericOpenAPIError
	assert(errors.As(err, &refused) && answer.StatusCode == 422, "no 422")
	problem, isProblem := refused.Model().(hub.Problem)
	assert(isProblem && problem.Status == 422 && len(problem.Errors) > 0, "no problem")
	cursor, payload := "", map[string]any{}
	for {
		asked := client.EventsAPI.ListEvents(every).Limit(2)
		if cursor != "" {
			asked = asked.Cursor(cursor)
		}
		page := must(asked.Execute())
		for _, event := range page.Events {
			if event.Id == made.Id {
				payload = event.Payload
			}
		}
		if cursor = page.NextCursor; len(page.Events) == 0 {
			break
		}
	}
	assert(payload["payment_amount"] == 149999.99 && payload["payment_id"] == float64(3_000_000_000), "digits")
	subscription := must(client.WebhooksAPI.CreateWebhookSubscription(every).CreateWebhookSubscription(*hub.NewCreateWebhookSubscription("https://example.com/go", []string{"*"})).Execute())
	listed := must(client.WebhooksAPI.ListWebhookSubscriptions(every).Execute())
	assert(slices.ContainsFunc(listed.Subscriptions, func(one hub.SubscriptionView) bool { return one.Id == subscription.Id }), "not listed")
	_, err = client.WebhooksAPI.DeleteWebhookSubscription(every, subscription.Id).Execute()
	check(err)
	lead := must(client.ActionsAPI.CreateLead(every).CreateLeadInput(*hub.NewCreateLeadInput("Jane", "Doe", "go@example.com")).Execute())
	found := must(client.SearchesAPI.FindClient(every).Email("go@example.com").Execute())
	assert(found.Results[0].ClientId == lead.ClientId, "not found")
	var pushed hub.ClientCreatedEvent
	check(json.Unmarshal([]byte(`{"id":3000000000,"type":"client.created","createdUtc":"2026-01-28T10:30:00.000Z","companyId":92,"payload":{"client_id":3000000001,"first_name":"Jane","last_name":"Doe","email":"a@b.example","phone":null,"status":"x","status_id":1,"created_date":"2026-01-28T10:30:00Z"}}`), &pushed))
	assert(pushed.Payload.ClientId == 3_000_000_001, "webhook")
	fmt.Println("ok")
}
