// A product's own MCP server, whose events are those of the hub: `HUB=http://127.0.0.1:8000 KEY=… node product_mcp.mjs 9100`.
// KEY is an operator's key of the hub.
import { createServer } from "node:http";
import { Readable } from "node:stream";
import { createMcpHandler, McpServer } from "@modelcontextprotocol/server";
import { forwardEvents } from "@trunkline/client";

// They stand for your own way to sign users in, and for your own table of users.
const companies = { "token-of-jane": 92, "token-of-john": 93 };
// Whose events a user may have is decided by the product, never by what a request says of a company.
const companyOf = (request) => companies[request.headers.get("authorization")?.replace("Bearer ", "")] ?? null;

const mcp = createMcpHandler(() => {
  const server = new McpServer({ name: "Shop", version: "1.0.0" });
  server.registerTool("count_orders", { description: "Counts the orders of today." }, () => ({
    content: [{ type: "text", text: "7" }],
  }));
  return server;
});
const handle = forwardEvents((request) => mcp.fetch(request), { hub: process.env.HUB, key: process.env.KEY, companyOf });

createServer(async (incoming, outgoing) => {
  const leaving = new AbortController();
  outgoing.on("close", () => leaving.abort());
  const { method, headers, url } = incoming;
  const body = method === "POST" ? { body: Readable.toWeb(incoming), duplex: "half" } : {};
  const request = new Request(`http://127.0.0.1${url}`, { method, headers, signal: leaving.signal, ...body });
  const signedIn = companyOf(request) !== null;
  const answer = signedIn ? await handle(request) : new Response(null, { status: 401, headers: { "WWW-Authenticate": "Bearer" } });
  outgoing.writeHead(answer.status, Object.fromEntries(answer.headers));
  if (answer.body === null) return outgoing.end();
  Readable.fromWeb(answer.body).on("error", () => outgoing.destroy()).pipe(outgoing);
}).listen(Number(process.argv[2]), "127.0.0.1", () => console.log("ready"));
