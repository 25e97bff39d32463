import { client } from "./hey/client.gen.js";
import { emitEvent, listEvents, createWebhookSubscription, listWebhookSubscriptions, deleteWebhookSubscription, createLead, findClient, getEvent } from "./hey/index.js";
import type { Problem } from "./hey/index.js";
client.setConfig({ baseUrl: process.env.HUB!, headers: { "X-Api-Key": process.env.KEY! } });
async function main() {
  const emitted = await emitEvent({ body: { type: "payment.succeeded", payload: { payment_id: 3000000000, invoice_id: 2, client_id: 3, payment_amount: 149999.99, payment_method: "card", date_paid: "2026-01-28T10:30:00Z" } } });
  if (!emitted.data || !("id" in emitted.data)) throw new Error(JSON.stringify(emitted.error));
  const id: number = emitted.data.id;
  const bad = await emitEvent({ body: { type: "payment.succeeded", payload: {} } });
  const problem: Problem = bad.error!;
  if (problem.status !== 422 || !problem.errors?.length) throw new Error("no 422");
  let cursor: string | undefined; let amount = 0; let big = 0;
  for (;;) {
    const page = await listEvents({ query: { cursor, limit: 2 } });
    const events = page.data!.events;
    for (const e of events) if (e.id === id) { amount = e.payload["payment_amount"] as number; big = e.payload["payment_id"] as number; }
    cursor = page.data!.next_cursor;
    if (!events.length) break;
  }
  if (amount !== 149999.99 || big !== 3000000000) throw new Error("digits");
  const made = await createWebhookSubscription({ body: { target_url: "https://example.com/hook", event_types: ["*"] } });
  const listed = await listWebhookSubscriptions();
  if (!listed.data!.subscriptions.some((s) => s.id === made.data!.id)) throw new Error("not listed");
  const gone = await deleteWebhookSubscription({ path: { subscription_id: made.data!.id } });
  if (gone.response!.status !== 204) throw new Error("not deleted");
  const lead = await createLead({ body: { first_name: "Jane", last_name: "Doe", email: "jane2@example.com" } });
  const found = await findClient({ query: { email: "jane2@example.com" } });
  if (found.data!.results[0]!.client_id !== lead.data!.client_id) throw new Error("not found");
  const one = await getEvent({ path: { event_id: id } });
  if (one.data!.id !== id) throw new Error("not read");
  console.log("ok");
}
main();
