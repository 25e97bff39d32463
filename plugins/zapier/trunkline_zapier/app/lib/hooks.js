const { API_URL } = require('../config');
const { errorOf } = require('./errors');
const { isSigned } = require('./signatures');
const { valuesOf } = require('./values');

const HOOKS_URL = `${API_URL}/api/v1/zapier/hooks`;

/**
 * Make the hook's filter of what is filled in: only events that meet it start
 * the Zap. `conditions` has the path and the comparison of each field.
 */
const filterOf = (z, inputData, conditions) => {
  const kinds = Object.entries(conditions).map(([key, { kind }]) => [
    key,
    kind,
  ]);
  const values = Object.fromEntries(kinds.filter(([, kind]) => kind));
  const input = valuesOf(z, inputData ?? {}, { values });
  const filter = {};
  for (const [key, { path, operator }] of Object.entries(conditions)) {
    if (input[key] !== undefined) {
      filter[path] = { ...filter[path], [operator]: input[key] };
    }
  }
  return Object.keys(filter).length > 0 ? { filter } : {};
};

/**
 * The hub says where in the filter a value is refused. Whoever filled in the
 * form knows it by its label.
 */
const filtered = async (z, conditions, request) => {
  const response = await z.request({ ...request, skipThrowForStatus: true });
  if (response.status < 400) {
    return response.data;
  }
  for (const { path, message } of response.data?.errors ?? []) {
    const refused = Object.values(conditions).find((condition) =>
      path.endsWith(`/${condition.path}/${condition.operator}`),
    );
    if (refused) {
      const sentence = `${refused.label} ${message}.`;
      throw new z.errors.Error(sentence, 'InvalidData', response.status);
    }
  }
  throw errorOf(response, z);
};

/**
 * What it returns is kept by Zapier and comes back as bundle.subscribeData.
 * Without an event type those that are chosen in the form are subscribed to.
 */
const subscribe =
  (eventType, conditions = {}) =>
  async (z, bundle) =>
    filtered(z, conditions, {
      method: 'POST',
      url: HOOKS_URL,
      body: {
        target_url: bundle.targetUrl,
        event_types: eventType ? [eventType] : bundle.inputData.event_types,
        ...filterOf(z, bundle.inputData, conditions),
      },
    });

const unsubscribe = async (z, bundle) => {
  const response = await z.request({
    method: 'DELETE',
    url: `${HOOKS_URL}/${encodeURIComponent(bundle.subscribeData.id)}`,
    skipThrowForStatus: true,
  });
  if (response.status >= 400 && response.status !== 404) {
    throw errorOf(response, z);
  }
  return {};
};

/**
 * Give the event of one delivery. Halted runs do not count as errors, so a
 * stranger who knows a hook's URL can neither start a Zap nor get it paused.
 */
const receive = (z, bundle) => {
  const secret = bundle.subscribeData?.secret;
  const { headers, content } = bundle.rawRequest ?? {};
  if (!secret || !headers || content === undefined) {
    // Nothing to check with: Zapier has not handed on the secret or the
    // request. No sender can bring that about.
    return [bundle.cleanedRequest];
  }
  if (!isSigned(secret, { headers, content })) {
    throw new z.errors.HaltedError(
      'This delivery was refused, because its signature is missing or wrong.',
    );
  }
  return [z.JSON.parse(content)];
};

// The newest events that meet the filter or, if there are none yet, the
// schema's example.
const listSamples =
  (eventType, conditions = {}) =>
  async (z, bundle) => {
    const [chosen] = bundle.inputData?.event_types ?? [];
    const { filter } = filterOf(z, bundle.inputData, conditions);
    return filtered(z, conditions, {
      url: `${API_URL}/api/v1/events/sample`,
      params: {
        type: eventType ?? chosen,
        filter: filter && z.JSON.stringify(filter),
      },
      removeMissingValuesFrom: { params: true },
    });
  };

/**
 * Describe the payloads of the events that are chosen, of all while none is.
 * `triggers` has the trigger of each event type.
 */
const fieldsOfChosen = (triggers) => (z, bundle) => {
  const chosen = bundle.inputData?.event_types;
  const names = chosen?.length ? [chosen].flat() : Object.keys(triggers);
  const fields = names
    .flatMap((name) => triggers[name]?.operation.outputFields ?? [])
    .filter(({ key }) => key.startsWith('payload__'));
  return [...new Map(fields.map((field) => [field.key, field])).values()];
};

module.exports = {
  fieldsOfChosen,
  listSamples,
  receive,
  subscribe,
  unsubscribe,
};
