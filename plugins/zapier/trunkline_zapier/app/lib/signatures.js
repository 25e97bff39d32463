const crypto = require('crypto');

// Zapier hands headers on as "Http-Webhook-Id", a test as "webhook-id".
const headerOf = (headers, name) => {
  const found = Object.keys(headers).find(
    (key) => key.toLowerCase().replace(/^http-/, '') === name,
  );
  return found === undefined ? '' : headers[found];
};

const isEqual = (one, other) => {
  const [first, second] = [Buffer.from(one), Buffer.from(other)];
  return (
    first.length === second.length && crypto.timingSafeEqual(first, second)
  );
};

/**
 * Tell whether a delivery was signed with the secret (Standard Webhooks). The
 * time in it is signed but not judged: Zapier may hold a delivery for hours.
 */
const isSigned = (secret, { headers, content }) => {
  const id = headerOf(headers, 'webhook-id');
  const timestamp = headerOf(headers, 'webhook-timestamp');
  const key = Buffer.from(secret.replace(/^whsec_/, ''), 'base64');
  const expected = crypto
    .createHmac('sha256', key)
    .update(`${id}.${timestamp}.${content}`)
    .digest('base64');
  return headerOf(headers, 'webhook-signature')
    .split(' ')
    .some((given) => isEqual(given, `v1,${expected}`));
};

module.exports = { isSigned };
