// The TypeScript client as an agent: `node agent.mjs URL KEY auto|legacy` prints what it met, as JSON.
import { Client, StreamableHTTPClientTransport } from "@modelcontextprotocol/client";

const [url, key, mode] = process.argv.slice(2);
const lead = { first_name: "Jane", last_name: "Doe", email: "jane@example.com" };
const client = new Client({ name: "test", version: "1" }, mode === "auto" ? { versionNegotiation: { mode } } : {});
const requestInit = { headers: { Authorization: `Bearer ${key}` } };
await client.connect(new StreamableHTTPClientTransport(new URL(url), { requestInit }));
const { tools } = await client.listTools();
const made = await client.callTool({ name: "create_lead", arguments: lead });
const refused = await client.callTool({ name: "create_lead", arguments: {} });
const { contents } = await client.readResource({ uri: "trunkline://event-types" });
const { messages } = await client.getPrompt({ name: "find_out_why", arguments: { event_id: "7" } });
console.log(
  JSON.stringify({
    version: client.getNegotiatedProtocolVersion(),
    extensions: client.getServerCapabilities().extensions,
    tools: tools.map((tool) => tool.name),
    made: made.structuredContent,
    refused: [refused.isError, refused.content[0].text],
    resource: JSON.parse(contents[0].text).event_types.length,
    prompt: messages[0].content.text,
  }),
);
await client.close();
