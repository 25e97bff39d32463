// The TypeScript client signs in by its document or by registering itself: `node sign_in.mjs URL CALLBACK auto|legacy DOCUMENT|-`.
// It prints where a person is to go, reads where they came back to, and prints what it met, as JSON.
import { createInterface } from "node:readline/promises";
import { Client, StreamableHTTPClientTransport, UnauthorizedError } from "@modelcontextprotocol/client";

const [url, callback, mode, document] = process.argv.slice(2);
const kept = {};
const provider = {
  redirectUrl: callback,
  clientMetadata: { client_name: "Agent", redirect_uris: [callback], token_endpoint_auth_method: "none" },
  ...(document === "-" ? {} : { clientMetadataUrl: document }),
  clientInformation: () => kept.client,
  saveClientInformation: (client) => void (kept.client = client),
  tokens: () => kept.tokens,
  saveTokens: (tokens) => void (kept.tokens = tokens),
  redirectToAuthorization: (asked) => console.log(asked.href),
  saveCodeVerifier: (verifier) => void (kept.verifier = verifier),
  codeVerifier: () => kept.verifier,
  saveDiscoveryState: (state) => void (kept.discovery = state),
  discoveryState: () => kept.discovery,
};
const make = () => new Client({ name: "test", version: "1" }, mode === "auto" ? { versionNegotiation: { mode } } : {});
const first = new StreamableHTTPClientTransport(new URL(url), { authProvider: provider });
try {
  await make().connect(first);
  throw new Error("it came in without a token");
} catch (error) {
  if (!(error instanceof UnauthorizedError)) throw error;
}
const lines = createInterface({ input: process.stdin });
const [came] = [(await lines[Symbol.asyncIterator]().next()).value];
await first.finishAuth(new URL(came).searchParams);
const client = make();
await client.connect(new StreamableHTTPClientTransport(new URL(url), { authProvider: provider }));
const { tools } = await client.listTools();
console.log(
  JSON.stringify({ version: client.getNegotiatedProtocolVersion(), id: kept.client.client_id, tools: tools.map((tool) => tool.name) }),
);
await client.close();
process.exit(0);
