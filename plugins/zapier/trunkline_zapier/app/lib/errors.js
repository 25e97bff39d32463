const { PRODUCT } = require('../config');

const DEFAULT_DELAY_SECONDS = 60;

// Errors come as problem+json (RFC 9457): one sentence in `detail`, and in
// `errors` what is wrong with which field.
const sentenceOf = ({ data, status }) => {
  if (data?.errors?.length) {
    const faults = data.errors.map(({ path, message }) =>
      `${path.replace(/^\//, '')} ${message}`.trim(),
    );
    return `${faults.join('; ')}.`;
  }
  return (
    data?.detail ??
    `${PRODUCT} could not do this (${status}). Try again in a few minutes.`
  );
};

const delayOf = (response) =>
  Number(response.getHeader('retry-after')) || DEFAULT_DELAY_SECONDS;

const errorOf = (response, z) => {
  const { status, data, request } = response;
  const sentence = sentenceOf(response);
  switch (status) {
    case 401:
      // A key is revoked for good: an expired connection has its user asked by
      // mail to connect anew. While they connect, a wrong key is just wrong.
      return request.middlewareData?.isConnecting
        ? new z.errors.Error(sentence, 'AuthenticationError', status)
        : new z.errors.ExpiredAuthError(sentence);
    case 429:
    case 503:
      // Zapier holds the run and tries again after the delay.
      return new z.errors.ThrottledError(sentence, delayOf(response));
    default:
      return new z.errors.Error(sentence, data?.title ?? 'Error', status);
  }
};

const raiseForStatus = (response, z) => {
  if (response.status < 400 || response.skipThrowForStatus) {
    return response;
  }
  throw errorOf(response, z);
};

module.exports = { errorOf, raiseForStatus };
