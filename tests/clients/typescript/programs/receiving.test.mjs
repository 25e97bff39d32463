// Receiving webhooks that the hub's own code has signed: CASES holds them; run by test_programs.py.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { createServer } from "node:http";
import { buffer } from "node:stream/consumers";
import test from "node:test";

import { Jwks, MemorySeen, NotGenuine, Receiver, sign, verifyWebhook } from "@trunkline/client";

const { secret, seed_public, other_public, body, hmac, ed25519, cases } = JSON.parse(readFileSync("cases.json"));
const code = (pushed, headers, key) => verifyWebhook(pushed, headers, key).then(() => "genuine", (error) => error.code);

async function listening(t, listener) {
  const server = createServer(listener);
  await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
  t.after(() => (server.closeAllConnections(), server.close()));
  return `http://127.0.0.1:${server.address().port}`;
}

test("what is not genuine has a code", async () => {
  const found = [];
  for (const one of cases) found.push([one.name, await code(one.body, one.headers, secret)]);
  assert.deepEqual(found, cases.map((one) => [one.name, one.code]));
  assert.ok(found.length > 10);
  assert.equal(await code(new Uint8Array([0xff]), await sign(new Uint8Array([0xff]), { id: "7", secret }), secret), "malformed");
});

test("both schemes, several keys, and any form of headers and body", async () => {
  const bytes = new TextEncoder().encode(body);
  const upper = Object.fromEntries(Object.entries(hmac).map(([name, value]) => [name.toUpperCase(), value]));
  for (const [pushed, headers, key] of [
    [body, hmac, secret],
    [bytes, upper, secret],
    [bytes, new Headers(hmac), [other_public, secret]],
    [bytes, ed25519, seed_public],
    [bytes, ed25519, [secret, other_public, seed_public]],
  ]) {
    assert.equal((await verifyWebhook(pushed, headers, key)).id, 7);
  }
  assert.equal(await code(`${body} `, ed25519, seed_public), "mismatch");
  assert.equal(await code(body, ed25519, other_public), "mismatch");
  assert.equal(await code(body, { ...ed25519, "webhook-signature": "v1a,é" }, seed_public), "mismatch");
  assert.equal(await code(body, hmac, []), "mismatch");
  assert.equal((await verifyWebhook(body, { ...hmac, "trunkline-cursor": "c7" }, secret)).cursor, "c7");
  await assert.rejects(verifyWebhook(body, hmac, "whsec_%%%"), /a secret is 'whsec_' or 'whpk_' and base64/);
});

test("sign does what the hub does", async () => {
  const timestamp = Number(hmac["webhook-timestamp"]);
  assert.deepEqual(await sign(body, { id: "7", secret, timestamp }), hmac);
});

test("published keys are read once, again for an unknown key, and serve while the hub is away", async (t) => {
  const jwk = (key) => ({ kty: "OKP", crv: "Ed25519", x: Buffer.from(key.slice(5), "base64").toString("base64url") });
  let [status, published, reads] = [200, [jwk(other_public), { kty: "RSA", n: "x" }], 0];
  const url = await listening(t, (_, answer) => {
    reads += 1;
    answer.writeHead(status, { "Content-Type": "application/json" }).end(JSON.stringify({ keys: published }));
  });
  let now = 1000;
  t.mock.method(performance, "now", () => now * 1000);
  const keys = new Jwks(url);
  assert.equal(await code(body, ed25519, keys), "mismatch");
  assert.equal(reads, 1); // not again within 30 seconds
  published = [jwk(seed_public)];
  now += 31;
  assert.deepEqual(await Promise.all([1, 2, 3].map(() => code(body, ed25519, keys))), Array(3).fill("genuine"));
  assert.equal(reads, 2);
  status = 503;
  now += 3601;
  assert.equal(await code(body, ed25519, keys), "genuine");
  assert.equal(reads, 3);
  await assert.rejects(new Jwks(url).keys(), /answered 503/);
});

test("a body that was parsed before the receiver is an error that says so, not a false signature", async (t) => {
  const listen = new Receiver(secret).forNode(() => undefined);
  const url = await listening(t, async (request, answer) => {
    request.body = JSON.parse(await buffer(request)); // as express.json() does
    listen(request, answer, (error) => answer.writeHead(500).end(error.message));
  });
  const answer = await fetch(url, { method: "POST", body, headers: hmac });
  assert.equal(answer.status, 500);
  assert.match(await answer.text(), /put this route before express\.json\(\)/);
});

test("a receiver handles each event once, and again if it failed", async (t) => {
  const [handled, state] = [[], { fails: false }];
  const handle = (event) => {
    if (state.fails) throw new Error("the database is away");
    handled.push(event.id);
  };
  t.mock.method(console, "error", () => undefined);
  const receiver = () => new Receiver(secret, { seen: new MemorySeen() });
  const inNode = await listening(t, receiver().forNode(handle));
  const inExpress = receiver().forNode(handle);
  const nextsAnswer = await listening(t, (request, answer) =>
    inExpress(request, answer, (error) => answer.writeHead(500).end(error.message)),
  );
  const after = (member, listen = receiver().forNode(handle)) =>
    listening(t, async (request, answer) => {
      request[member] = await buffer(request); // as express.raw() does, and platforms that keep rawBody
      listen(request, answer);
    });
  const [rawsAnswer, keptsAnswer] = [await after("body"), await after("rawBody")];
  const inFetch = receiver().forFetch(handle);
  const post = (url, headers) => fetch(url, { method: "POST", body, headers });
  const ways = [
    (headers) => post(inNode, headers),
    (headers) => post(nextsAnswer, headers),
    (headers) => post(rawsAnswer, headers),
    (headers) => post(keptsAnswer, headers),
    (headers) =>
      inFetch(new Request("http://x/", { method: "POST", body, headers })).catch(() => new Response(null, { status: 500 })),
  ];
  for (const way of ways) {
    const refused = await way({ ...hmac, "webhook-id": "8" });
    const problem = { code: "mismatch", message: "no key that you have made this signature" };
    assert.deepEqual([refused.status, await refused.json()], [401, problem]);
    state.fails = true;
    assert.equal((await way(hmac)).status, 500);
    state.fails = false;
    for (let time = 0; time < 3; time += 1) assert.equal((await way(hmac)).status, 204);
  }
  assert.deepEqual(handled, [7, 7, 7, 7, 7]);
  assert.ok(new NotGenuine("missing", "x") instanceof Error);
});
