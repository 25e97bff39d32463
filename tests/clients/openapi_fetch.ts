import createClient from "openapi-fetch";
import type { paths, components } from "./api.js";
const client = createClient<paths>({ baseUrl: process.env.HUB!, headers: { "X-Api-Key": process.env.KEY! } });
async function main() {
  const emitted = await client.POST("/api/v1/events", { body: { type: "payment.succeeded", payload: { payment_id: 3000000000, invoice_id: 2, client_id: 3, payment_amount: 149999.99, payment_method: "card", date_paid: "2026-01-28T10:30:00Z" } } });
  if (emitted.error) throw new Error(emitted.error.detail);
  if (!emitted.data || !("id" in emitted.data)) throw new Error("quarantined");
  const id: number = emitted.data.id;
  const bad = await client.POST("/api/v1/events", { body: { type: "payment.succeeded", payload: {} } });
  const problem: components["schemas"]["Problem"] = bad.error!;
  if (problem.status !== 422 || !problem.errors?.length) throw new Error("no 422");
  let cursor: string | undefined; let amount = 0; let big = 0;
  for (;;) {
    const page = await client.GET("/api/v1/events", { params: { query: { cursor, limit: 2 } } });
    const events = page.data!.events;
    for (const e of events) if (e.id === id) { amount = e.payload["payment_amount"] as number; big = e.payload["payment_id"] as number; }
    cursor = page.data!.next_cursor;
    if (!events.length) break;
  }
  if (amount !== 149999.99 || big !== 3000000000) throw new Error("digits");
  const made = await client.POST("/api/v1/webhooks/subscriptions", { body: { target_url: "https://example.com/hook", event_types: ["*"] } });
  if (made.error) throw new Error(JSON.stringify(made.error));
  const listed = await client.GET("/api/v1/webhooks/subscriptions", { params: { query: {} } });
  if (!listed.data!.subscriptions.some((s) => s.id === made.data!.id)) throw new Error("not listed");
  const gone = await client.DELETE("/api/v1/webhooks/subscriptions/{subscription_id}", { params: { path: { subscription_id: made.data!.id } } });
  if (gone.response.status !== 204) throw new Error("not deleted");
  const lead = await client.POST("/api/v1/integrations/leads", { body: { first_name: "Jane", last_name: "Doe", email: "jane@example.com" } });
  const found = await client.GET("/api/v1/integrations/clients/search", { params: { query: { email: "jane@example.com" } } });
  if (found.data!.results[0]!.client_id !== lead.data!.client_id) throw new Error("not found");
  const one = await client.GET("/api/v1/events/{event_id}", { params: { path: { event_id: id } } });
  if (one.data!.id !== id) throw new Error("not read");
  console.log("ok");
}
main();
