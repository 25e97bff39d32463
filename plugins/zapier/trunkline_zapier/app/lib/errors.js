const { PRODUCT } = require('../config');

const DEFAULT_DELAY_SECONDS = 60;

// Errors come as problem+json (RFC 9457): one sentence in `detail`, and in
// `form_detail` the same in the words of a form, where fields are at fault.
const sentenceOf = ({ data, status }) =>
  data?.form_detail ??
  data?.detail ??
  `${PRODUCT} could not do this (${status}). Try again in a few minutes.`;

const INVALID_KEY =
  `This API key is not valid, or was revoked. Make a new API key in ` +
  `${PRODUCT}, and connect with that.`;

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
        ? new z.errors.Error(INVALID_KEY, 'AuthenticationError', status)
        : new z.errors.ExpiredAuthError(INVALID_KEY);
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
