// Runs an app on Zapier's real core: an event of the core's handler as a line
// of JSON on standard input, its outcome as a line on standard output. The
// core's calls to Zapier itself (cursors) are answered here.
const http = require('http');
const path = require('path');
const readline = require('readline');

console.log = console.error; // the core talks; standard output is for outcomes

const folder = path.resolve(process.argv[2]);
const createHandler = require(
  path.join(folder, 'node_modules/zapier-platform-core/src/tools/create-lambda-handler.js'),
);
const handle = createHandler(require(folder));

const cursors = new Map();
const zapier = http.createServer(async (request, response) => {
  const chunks = await request.toArray();
  const { id, storeKey, method, params } = JSON.parse(Buffer.concat(chunks));
  let result = null;
  if (method === 'set_cursor') {
    cursors.set(storeKey, params[0]);
  } else if (method === 'get_cursor') {
    result = cursors.get(storeKey) ?? null;
  }
  response.setHeader('content-type', 'application/json');
  response.end(JSON.stringify({ id, result }));
});

const outcomeOf = async (event) => {
  const rpcBase = `http://127.0.0.1:${zapier.address().port}`;
  try {
    const { results } = await handle({
      ...event,
      storeKey: event.method,
      rpc_base: rpcBase,
      token: 'test',
    });
    return { results };
  } catch (error) {
    return { error: { name: error.name, message: error.message } };
  }
};

zapier.listen(0, '127.0.0.1', async () => {
  for await (const line of readline.createInterface({ input: process.stdin })) {
    const outcome = await outcomeOf(JSON.parse(line));
    process.stdout.write(`${JSON.stringify(outcome)}\n`);
  }
  process.exit();
});
