// Runs the action node or the polling trigger of a built package on the real n8n-workflow, with a
// context of its own: a line of JSON on standard input is one run, a line on
// standard output its outcome. The calls to the hub are answered here.
const path = require('path');
const readline = require('readline');

const [folder, name] = process.argv.slice(2);
const file = path.join(path.resolve(folder), 'dist/nodes', name, `${name}.node.js`);
const node = new (require(file)[name])();

const contextOf = ({ items, answers, continueOnFail }, requests) => ({
  getInputData: () => items.map((json) => ({ json })),
  getNodeParameter: (parameter, index, fallback) => items[index][parameter] ?? (parameter in items[index] ? null : fallback),
  getNode: () => ({ name, type: name, typeVersion: 1, parameters: {} }),
  getCredentials: async () => ({ apiKey: 'key', baseUrl: 'http://hub/' }),
  getTimezone: () => 'Europe/Berlin',
  continueOnFail: () => continueOnFail === true,
  helpers: {
    httpRequestWithAuthentication: async (credential, request) => {
      const { method, url, qs, body } = request;
      requests.push({ method, url, qs, body });
      const { statusCode = 200, headers = {}, body: answer = {} } = answers[requests.length - 1] ?? {};
      return { statusCode, headers, body: answer };
    },
  },
});

// A polling trigger has one form, and remembers its place.
const pollOf = async (run, requests) => {
  const { helpers, ...context } = contextOf(run, requests);
  const place = { ...run.place };
  const output = await node.poll.call({
    ...context,
    helpers: { ...helpers, returnJsonArray: (events) => events.map((json) => ({ json })) },
    getMode: () => run.items[0].mode ?? 'trigger',
    getNodeParameter: (parameter, fallback) => context.getNodeParameter(parameter, 0, fallback),
    getWorkflowStaticData: () => place,
  });
  return { results: output?.[0] ?? [], place, requests };
};

const outcomeOf = async (run) => {
  const requests = [];
  try {
    if (node.poll) return await pollOf(run, requests);
    const [items] = await node.execute.call(contextOf(run, requests));
    const results = items.map(({ json, pairedItem }) => ({ json, pairedItem }));
    return { results, requests };
  } catch ({ message, description, context }) {
    return { error: { message, description, item: context?.itemIndex }, requests };
  }
};

(async () => {
  for await (const line of readline.createInterface({ input: process.stdin })) {
    process.stdout.write(`${JSON.stringify(await outcomeOf(JSON.parse(line)))}\n`);
  }
})();
