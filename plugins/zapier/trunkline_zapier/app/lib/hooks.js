const { API_URL } = require('../config');
const { errorOf } = require('./errors');
const { isSigned } = require('./signatures');

const HOOKS_URL = `${API_URL}/api/v1/zapier/hooks`;

// What it returns is kept by Zapier and comes back as bundle.subscribeData.
const subscribe = (eventType) => async (z, bundle) => {
  const response = await z.request({
    method: 'POST',
    url: HOOKS_URL,
    body: { target_url: bundle.targetUrl, event_type: eventType },
  });
  return response.data;
};

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

// The newest events or, where there are none yet, the schema's example.
const listSamples = (eventType) => async (z) => {
  const response = await z.request({
    url: `${API_URL}/api/v1/events/sample`,
    params: { type: eventType },
  });
  return response.data;
};

module.exports = { listSamples, receive, subscribe, unsubscribe };
