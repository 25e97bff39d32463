/** Calls that tsc reports, each after a comment that expects it: of any hub, and of one whose types were exported. */

import { Client, type HubEvent, MemorySeen, NotGenuine, Receiver, Refused, Unanswered } from "@trunkline/client";
import { PlaceFile } from "@trunkline/client/node";
import type { Hub } from "./trunkline-hub.js";

export async function ofAnyHub(hub: Client) {
  await hub.call("createWebhookSubscription", { body: { target_url: "https://a.example", event_types: ["*"] } });
  // @ts-expect-error
  await hub.call("createWebhookSubscription", { body: { target_url: "https://a.example" } });
  // @ts-expect-error
  await hub.call("createWebhookSubscription", { body: { target_url: 1, event_types: ["*"] } });
  // @ts-expect-error
  await hub.call("updateSubscription", { subscription_id: "sub_1", body: { state: "paused" } });
  // @ts-expect-error
  await hub.call("getDelivery");
  // @ts-expect-error
  await hub.call("getDelivery", { id: "dlv_1" });
  // @ts-expect-error
  await hub.call("listDeliveries", { subscription_id: "sub_1", limit: "10" });
  // @ts-expect-error
  await hub.call("noSuchOperation");
  for await (const delivery of hub.pages("listDeliveries", { subscription_id: "sub_1" })) {
    delivery.id.toUpperCase();
    // @ts-expect-error
    delivery.no_such;
  }
  // @ts-expect-error
  hub.pages("getMe");
  // @ts-expect-error
  hub.pages("listEvents");
  const me = await hub.call("getMe");
  me.company_id;
  // @ts-expect-error
  me.company;
  // @ts-expect-error
  for (const event of hub.follow()) event;
  // @ts-expect-error
  new Client("https://hub.example.com");
  // @ts-expect-error
  new Client("https://hub.example.com", "key", { environment: "prod" });
  await hub.act("whatever", { anything: 1 });
  await hub.emit("what.ever", { anything: 1 }, { idempotencyKey: "k" });
  for await (const event of hub.consume("billing", { types: ["a.b"] })) {
    event.payload["anything"].toUpperCase();
    // @ts-expect-error
    event.no_such;
  }
}

export async function ofThisHub(hub: Client<Hub>) {
  const lead = await hub.act("create_lead", { first_name: "Jane", last_name: "Doe", email: "jane@example.com" });
  lead.client_id.toFixed();
  // @ts-expect-error
  lead.no_such;
  // @ts-expect-error
  await hub.act("no_such", {});
  // @ts-expect-error
  await hub.act("create_lead", { first_name: "Jane", last_name: "Doe" });
  // @ts-expect-error
  await hub.act("create_lead", { first_name: 1, last_name: "Doe", email: "x" });
  // @ts-expect-error
  await hub.act("create_lead", { first_name: "J", last_name: "D", email: "x", no_such: 1 });
  // @ts-expect-error
  await hub.search("no_such", {});
  const found = await hub.search("find_client", { email: "jane@example.com" });
  // @ts-expect-error
  found.client_id;
  for await (const client of hub.searchAll("list_clients", {})) client.client_id.toFixed();
  // @ts-expect-error
  hub.lookup("no_such");
  // @ts-expect-error
  await hub.emit("no.such", {});
  // @ts-expect-error
  await hub.emit("payment.failed", { payment_id: 1 });
  // @ts-expect-error
  hub.follow({ types: ["no.such"] });
  // @ts-expect-error
  hub.follow({ types: ["no.*"] });
  for await (const event of hub.follow({ places: new PlaceFile("place.json"), types: ["client.created", "payment.*", "*"] })) {
    // @ts-expect-error
    event.payload.email;
    if (event.type === "client.created") {
      event.payload.email.toUpperCase();
      // @ts-expect-error
      event.payload.no_such;
    }
  }
}

export function ofWebhooks(event: HubEvent, error: unknown) {
  const receiver = new Receiver<Hub>("whsec_x", { seen: new MemorySeen() });
  receiver.forFetch((one) => {
    if (one.type === "payment.succeeded") {
      // @ts-expect-error
      one.payload.payment_amount.toUpperCase();
    }
  });
  // @ts-expect-error
  new Receiver(1);
  // @ts-expect-error
  new Receiver("whsec_x", { seen: { has: () => true } });
  // @ts-expect-error
  event.id.toUpperCase();
  if (error instanceof Refused) error.errors[0]?.path.toUpperCase();
  if (error instanceof Unanswered) error.retryAfterSeconds?.toFixed();
  // @ts-expect-error
  if (error instanceof NotGenuine && error.code === "wrong") return;
}
