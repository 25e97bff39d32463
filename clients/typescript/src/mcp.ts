/**
 * MCP Events behind a product's own MCP server: `events/…` messages go to the hub, in the name of the user's company. The
 * answers come back byte for byte. The server keeps its tools and its sign-in.
 */

const METHODS = new Set(["events/list", "events/poll", "events/subscribe", "events/unsubscribe", "events/stream"]);
const OPENING = new Set(["initialize", "server/discover"]);
const EXTENSION = "io.modelcontextprotocol/events";
const SENT = ["accept", "content-type", "mcp-protocol-version", "mcp-method", "mcp-name"];
const RETURNED = ["content-type", "cache-control", "retry-after", "x-accel-buffering"];

export interface ForwardOptions {
  /** The hub's address. */
  hub: string;
  /** An operator's key, or that of the only company. */
  key: string;
  /** The company, an id or a reference, of the user who sent a request. Null without valid credentials: the server then answers. */
  companyOf: (request: Request) => Promise<number | string | null> | number | string | null;
  /** A `fetch` of your own. */
  fetch?: (url: string, request: RequestInit) => Promise<Response>;
}

export type Handle = (request: Request) => Promise<Response>;

/** Wrap *handle*: the hub answers messages about events, and *handle* every other message of the MCP server. */
export function forwardEvents(handle: Handle, options: ForwardOptions): Handle {
  return async (request) => {
    if (request.method !== "POST") return handle(request);
    const body = await request.text();
    const message = read(body);
    const company = METHODS.has(message.method) ? await options.companyOf(request) : null;
    if (company !== null) return forward(request, body, message.id, company, options);
    const { url, headers, signal } = request;
    const answer = await handle(new Request(url, { method: "POST", headers, body, signal }));
    return OPENING.has(message.method) ? advertised(answer) : answer;
  };
}

async function forward(
  request: Request,
  body: string,
  id: unknown,
  company: number | string,
  { hub, key, fetch = globalThis.fetch }: ForwardOptions,
): Promise<Response> {
  const headers = { ...chosen(request.headers, SENT), authorization: `Bearer ${key}`, "x-company-id": String(company) };
  let answer: Response;
  try {
    answer = await fetch(`${hub.replace(/\/+$/, "")}/mcp`, { method: "POST", headers, body, signal: request.signal });
  } catch (error) {
    if (request.signal.aborted) throw error;
    return refused(id);
  }
  if (answer.status === 401 || answer.status === 403 || answer.status >= 500) {
    await answer.body?.cancel();
    return refused(id, answer.headers);
  }
  return new Response(answer.body, { status: answer.status, headers: chosen(answer.headers, RETURNED) });
}

/** Add the events capability to the answer to a client's first message: JSON, or a stream of JSON. */
async function advertised(answer: Response): Promise<Response> {
  const lines = (await answer.text()).split("\n").map((line) => {
    const prefix = line.startsWith("data: ") ? "data: " : "";
    const message = read(line.slice(prefix.length));
    const capabilities = message.result?.capabilities;
    if (capabilities === undefined) return line;
    capabilities.events = {};
    capabilities.extensions = { ...capabilities.extensions, [EXTENSION]: { listChanged: false } };
    return prefix + JSON.stringify(message);
  });
  const headers = new Headers(answer.headers);
  headers.delete("content-length");
  return new Response(lines.join("\n"), { status: answer.status, headers });
}

function refused(id: unknown, headers = new Headers()): Response {
  const error = { code: -32603, message: "Events cannot be had now; try again." };
  const told = { "content-type": "application/json", ...chosen(headers, ["retry-after"]) };
  return new Response(JSON.stringify({ jsonrpc: "2.0", id: id ?? null, error }), { status: 503, headers: told });
}

function chosen(headers: Headers, names: readonly string[]): Record<string, string> {
  return Object.fromEntries(names.flatMap((name) => (headers.has(name) ? [[name, headers.get(name) as string]] : [])));
}

/** Read a JSON object; any other text gives an empty object. */
function read(text: string): any {
  try {
    const message = JSON.parse(text);
    return message !== null && typeof message === "object" ? message : {};
  } catch {
    return {};
  }
}
