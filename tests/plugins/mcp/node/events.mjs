// An agent on the AI SDK that takes events by webhook: `node events.mjs URL KEY`. It reads commands, a line of JSON each, and
// prints what comes of them, and each event, gap and termination, as lines of JSON.
import { createServer } from "node:http";
import { createInterface } from "node:readline";
import { createMCPClient, experimental_createMCPEventWebhook } from "@ai-sdk/mcp";

const [url, key] = process.argv.slice(2);
const kept = new Map();
const store = {
  get: async (id) => kept.get(id),
  getById: async (id) => [...kept.values()].find((each) => each.id === id),
  set: async (subscription) => void kept.set(subscription.key, subscription),
  update: async (id, patch) => void (kept.has(id) && kept.set(id, { ...kept.get(id), ...patch })),
  delete: async (id) => void kept.delete(id),
};
const say = (kind, content) => console.log(JSON.stringify({ kind, ...content }));
const receive = experimental_createMCPEventWebhook({
  store,
  onEvent: async ({ event }) => say("event", { event }),
  onGap: async ({ gap }) => say("gap", { gap }),
  onTerminated: async ({ termination }) => say("terminated", { termination }),
  onError: (error) => say("error", { error: String(error) }),
});
const server = createServer(async (request, response) => {
  const chunks = [];
  for await (const chunk of request) chunks.push(chunk);
  const { method, headers } = request;
  const answer = await receive(new Request(`http://127.0.0.1${request.url}`, { method, headers, body: Buffer.concat(chunks) }));
  response.writeHead(answer.status, Object.fromEntries(answer.headers));
  response.end(Buffer.from(await answer.arrayBuffer()));
});
await new Promise((done) => server.listen(0, "127.0.0.1", done));
const callback = `http://127.0.0.1:${server.address().port}/hooks`;

const client = await createMCPClient({
  transport: { type: "http", url, headers: { Authorization: `Bearer ${key}` } },
  experimental_events: { store },
});
const events = client.experimental_events;
const commands = {
  list: async () => ({ names: (await events.list()).events.map((event) => event.name) }),
  subscribe: async ({ name, cursor }) => ({
    subscription: await events.subscribe({
      name,
      cursor,
      delivery: { mode: "webhook", url: callback, allowInsecureLocalhost: true },
    }),
  }),
  refresh: async ({ id }) => ({ subscription: await events.refresh({ id }) }),
  unsubscribe: async ({ id }) => ({ done: (await events.unsubscribe({ id })) ?? true }),
  kept: async () => ({ kept: [...kept.values()] }),
};
say("ready", {});
for await (const line of createInterface({ input: process.stdin })) {
  const { command, ...rest } = JSON.parse(line);
  try {
    say(command, await commands[command](rest));
  } catch (error) {
    say(command, { failed: String(error) });
  }
}
process.exit(0);
