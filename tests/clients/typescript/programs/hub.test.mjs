// The client against a hub that serves, which HUB_URL and HUB_KEY name; run by test_programs.py.
import assert from "node:assert/strict";
import { createServer } from "node:http";
import test from "node:test";

import { Client, EventQuarantined, Jwks, MemorySeen, Refused, Unanswered } from "@trunkline/client";
import { PlaceFile } from "@trunkline/client/node";

const { HUB_URL, HUB_KEY } = process.env;
const hub = new Client(HUB_URL, HUB_KEY);
const LEAD = { first_name: "Jane", last_name: "Doe", email: "jane.doe@example.com" };

const payment = (payment_id, payment_method = "card") => ({
  ...{ payment_id, payment_method, invoice_id: 2, client_id: 3, payment_amount: 99, date_paid: "2026-01-28T10:30:00Z" },
});

async function take(events, count) {
  const taken = [];
  for await (const event of events) if (taken.push(event) === count) return taken;
  return taken;
}

/** Serve *answers* in turn, the last one for ever; null breaks the connection. */
async function answering(t, answers, options = {}) {
  const calls = [];
  const server = createServer((request, response) => {
    const answer = answers[Math.min(calls.push({ method: request.method, headers: request.headers }), answers.length) - 1];
    if (answer === null) return void request.socket.destroy();
    const [status, type, body, headers] = answer;
    response.writeHead(status, { "Content-Type": type, "Retry-After": "0", ...headers }).end(body);
  });
  await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
  t.after(() => (server.closeAllConnections(), server.close()));
  return [new Client(`http://127.0.0.1:${server.address().port}/`, "key", { timeoutSeconds: 5, ...options }), calls];
}

const PROBLEM = "application/problem+json";
const [BUSY, DONE] = [[503, PROBLEM, '{"detail":"busy"}'], [200, "application/json", '{"company_id":92}']];

test("events are followed from the place where a program stopped, and from what comes later", async () => {
  const emitted = [];
  for (const number of [1, 2, 3, 4]) emitted.push(await hub.emit("payment.succeeded", payment(number)));
  const [places, types] = [new PlaceFile("place.json"), ["payment.succeeded"]];
  assert.deepEqual(await take(hub.follow({ places, types }), 2), emitted.slice(0, 2));
  assert.equal((await places.load()).id, emitted[0].id); // the second is still being handled
  const later = setTimeout(() => hub.emit("payment.succeeded", payment(5)), 200);
  const rest = await take(hub.follow({ places, types }), 4);
  assert.deepEqual(rest.map((one) => one.payload.payment_id), [2, 3, 4, 5]);
  clearTimeout(later);
});

test("a consumer goes on after the last page that was handled whole, and shares its events", async (t) => {
  const ids = [];
  for (const number of [11, 12, 13, 14]) ids.push((await hub.emit("payment.succeeded", payment(number, "cash"))).id);
  const filter = { "payload.payment_method": "cash" };
  const options = { types: ["payment.succeeded"], filter, start: "beginning", limit: 2, leaseSeconds: 1 };
  const first = hub.consume("billing", options);
  const given = [];
  for (let count = 0; count < 3; count += 1) given.push((await first.next()).value.id);
  assert.deepEqual(given, ids.slice(0, 3)); // the page of the third is not committed
  const second = hub.consume("billing", { limit: 2, waitSeconds: 5, leaseSeconds: 60 });
  assert.deepEqual([(await second.next()).value.id, (await second.next()).value.id], ids.slice(2));
  const warned = t.mock.method(console, "warn", () => undefined);
  const later = hub.emit("payment.succeeded", payment(15, "cash"));
  assert.equal((await first.next()).value.id, ids[3]);
  assert.equal((await first.next()).value.id, (await later).id);
  assert.match(warned.mock.calls[0].arguments[0], /The lease of 2 events of the consumer 'billing' has lapsed/);
  await assert.rejects(take(hub.consume("wrong", { types: ["no.such"] }), 1), Refused);
});

test("a consumer that is deleted while a page is handled is made again", async () => {
  const filter = { "payload.payment_method": "coins" };
  const { id } = await hub.emit("payment.succeeded", payment(16, "coins"));
  const events = hub.consume("brief", { filter, start: "beginning" });
  assert.equal((await events.next()).value.id, id);
  await hub.request("DELETE", "/api/v1/consumers/brief");
  assert.equal((await events.next()).value.id, id);
});

test("a loop ends when its signal is aborted, while it waits too", async () => {
  const stop = new AbortController();
  setTimeout(() => stop.abort(new Error("shutting down")), 200);
  const started = performance.now();
  await assert.rejects(take(hub.consume("idle", { signal: stop.signal }), 1), /shutting down/);
  const nobody = new Client("http://127.0.0.1:9", HUB_KEY);
  const late = AbortSignal.timeout(100);
  await assert.rejects(take(nobody.follow({ signal: late }), 1), { name: "TimeoutError" });
  assert.ok(performance.now() - started < 5000);
});

test("what is missing is found, and fetched", async () => {
  const ids = [];
  for (const number of [21, 22, 23, 24, 25]) ids.push((await hub.emit("payment.succeeded", payment(number, "wire"))).id);
  const options = { from: ids[0] - 1, filter: { "payload.payment_method": "wire" } };
  const kept = new MemorySeen();
  for (const id of ids) assert.equal(kept.seen(id), false);
  const complete = await hub.verifyComplete(kept, options);
  assert.deepEqual([complete.isComplete, complete.count, complete.missing, complete.unknown], [true, 5, [], []]);
  const lacking = new MemorySeen();
  for (const id of [ids[4], ids[0], ids[2]]) lacking.seen(id);
  const wrong = ids[4] + 1;
  lacking.seen(wrong);
  await hub.emit("lead.created", await exampleOf("lead.created")); // the log goes beyond it
  const found = await hub.verifyComplete(lacking, options);
  assert.deepEqual([found.isComplete, found.missing, found.unknown], [false, [ids[1], ids[3]], [wrong]]);
  const fetched = await take(hub.fetch(found.missing), 5);
  assert.deepEqual(fetched.map((one) => one.payload.payment_id), [22, 24]);
});

const exampleOf = async (name) => (await hub.request("GET", `/schemas/events/${name}.json`)).examples[0];

test("the memory of events keeps the newest", () => {
  const seen = new MemorySeen({ limit: 3 });
  assert.deepEqual([5, 1, 9, 7, 9].map((id) => seen.seen(id)), [false, false, false, false, true]);
  assert.deepEqual(seen.ids(0, 100), [5, 7, 9]);
  assert.deepEqual(seen.ids(5, 8), [7]);
  assert.deepEqual([seen.has(1), seen.has(9)], [false, true]);
});

test("an action, a search and a lookup", async () => {
  const made = await hub.act("create_lead", LEAD, { idempotencyKey: "lead-1" });
  assert.equal(made.status, "Lead - New");
  assert.deepEqual(await hub.act("create_lead", LEAD, { idempotencyKey: "lead-1" }), made);
  assert.equal((await hub.search("find_lead", { email: "JANE.DOE@example.com" })).client_id, made.client_id);
  assert.equal(await hub.search("find_lead", { email: "nobody@example.com" }), undefined);
  assert.deepEqual(await hub.search("get_lead", { client_id: made.client_id }), made);
  assert.equal(await hub.search("get_lead", { client_id: 999_999 }), undefined);
  assert.deepEqual(await take(hub.searchAll("get_lead", { client_id: made.client_id }), 9), [made]);
  for (const number of [1, 2]) await hub.act("create_lead", { ...LEAD, email: `j${number}@example.com` });
  const leads = await take(hub.searchAll("list_leads", { limit: 1 }), 9);
  assert.deepEqual(leads.map((one) => one.email), ["j2@example.com", "j1@example.com", LEAD.email]);
  const names = (await take(hub.lookup("client-statuses"), 99)).map((one) => one.name);
  assert.ok(names.includes("Lead - New"));
  await assert.rejects(hub.act("create_led", {}), /the hub has no action 'create_led'; it has: .*create_lead/);
  await assert.rejects(hub.act("update_lead", { city: "Austin" }), /'update_lead' needs client_id/);
  await assert.rejects(hub.act("archive_client", { client_id: 1, reason: "x" }), /'archive_client' takes no reason/);
});

test("a list is given page by page", async () => {
  const targets = [1, 2, 3].map((number) => `https://example.com/${number}`);
  for (const target_url of targets) {
    await hub.call("createWebhookSubscription", { body: { target_url, event_types: ["lead.created"] } });
  }
  const pages = await take(hub.pages("listWebhookSubscriptions", { limit: 2 }), 9);
  assert.deepEqual(pages.map((one) => one.target_url).sort(), targets);
});

test("the keys that the hub publishes are those of its subscriptions", async () => {
  const body = { target_url: "https://example.com/signed", event_types: ["*"], signature: "ed25519" };
  const made = await hub.call("createWebhookSubscription", { body });
  assert.deepEqual(await new Jwks(`${HUB_URL}/.well-known/jwks.json?company=92`).keys(), [made.public_key]);
});

test("a refusal has the fields at fault and is not sent again", async () => {
  const refused = await hub.act("create_lead", { ...LEAD, email: "no address" }).catch((error) => error);
  assert.ok(refused instanceof Refused);
  assert.deepEqual([refused.status, refused.errors[0].path], [422, "/email"]);
  assert.match(refused.message, /\/email/);
  assert.ok(refused.requestId);
  const wrong = new Client(HUB_URL, "wlcro_live_92_wrong");
  await assert.rejects(take(wrong.follow(), 1), { status: 401 });
  for (const key of ["secret ", "sec\nret", "secrét"]) {
    assert.throws(() => new Client(HUB_URL, key), (error) => error instanceof TypeError && !error.message.includes("sec"));
  }
});

test("an event that breaks its schema is quarantined", async () => {
  const refused = await hub.emit("payment.failed", { payment_id: "none" }).catch((error) => error);
  assert.ok(refused instanceof EventQuarantined);
  assert.match(refused.quarantineId, /^qtn_/);
  assert.ok(refused.errors.length > 0);
});

test("a call is repeated with its key if it may be, and never after a refusal", async (t) => {
  const [, keyed] = await emitted(t, [null, BUSY, [200, "application/json", ENVELOPE]]);
  assert.equal(keyed.length, 3);
  assert.equal(new Set(keyed.map((call) => call.headers["idempotency-key"])).size, 1);
  assert.ok(keyed[0].headers["idempotency-key"]);

  const [refused, once] = await emitted(t, [[422, PROBLEM, '{"detail":"No.","errors":[]}']]);
  assert.ok(refused instanceof Refused);
  assert.equal(once.length, 1);

  const [unkeyed, calls] = await answering(t, [BUSY]);
  await assert.rejects(unkeyed.request("POST", "/own", { body: {} }), Unanswered);
  assert.equal(calls.length, 1);
  const started = performance.now();
  await assert.rejects(unkeyed.request("GET", "/own"), { status: 503 });
  assert.ok(performance.now() - started > 3400); // 0.5, 1 and 2 s, although each answer says `Retry-After: 0`
  assert.equal(calls.length, 5);

  const [gone] = await answering(t, [BUSY, [404, PROBLEM, '{"detail":"There is none."}']]);
  assert.equal(await gone.request("DELETE", "/own"), undefined);
});

const ENVELOPE = JSON.stringify({ id: 1, type: "a.b", createdUtc: "2026-01-01T00:00:00Z", companyId: 92, payload: {} });

async function emitted(t, answers) {
  const [client, calls] = await answering(t, answers);
  return [await client.emit("a.b", {}).catch((error) => error), calls];
}

test("only the hub itself refuses", async (t) => {
  const cases = [
    [[404, "text/html", "<h1>Not Found</h1>"], Unanswered], // a proxy's, while the hub is away
    [[403, "application/json", '{"detail":"Forbidden"}'], Unanswered],
    [[302, "text/html", "", { Location: "/sign-in" }], Unanswered],
    [[200, "text/html; charset=utf-8", "<h1>Sign in</h1>"], Unanswered],
    [[200, "application/json", "{"], Unanswered],
    [[408, PROBLEM, '{"detail":"slow"}'], Unanswered],
    [[409, PROBLEM, '{"detail":"No."}'], Refused],
    [[403, PROBLEM, '{"title":"Forbidden"}'], Unanswered],
    [[400, PROBLEM, '{"detail":"No.","errors":{"a":["b"]}}'], Refused],
  ];
  let checked = 0;
  for (const [answer, kind] of cases) {
    const [client] = await answering(t, [answer]);
    await assert.rejects(client.request("POST", "/own"), (error) => error.constructor === kind);
    checked += 1;
  }
  assert.equal(checked, 9);
});

test("what a client is made with goes with each call", async (t) => {
  const [client, calls] = await answering(t, [DONE], { company: "acme", environment: "test" });
  assert.equal((await client.call("getMe")).company_id, 92);
  const { authorization, ...headers } = calls[0].headers;
  assert.deepEqual([authorization, headers["x-company-id"], headers["x-environment"]], ["Bearer key", "acme", "test"]);
});
