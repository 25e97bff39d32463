const { PRODUCT } = require('../config');
const { refusalOf } = require('./credentials');

const DEFAULT_DELAY_SECONDS = 60;

// Errors come as problem+json (RFC 9457): one sentence in `detail`, and in
// `form_detail` the same in the words of a form, where fields are at fault.
const sentenceOf = ({ data, status }) =>
  data?.form_detail ??
  data?.detail ??
  `${PRODUCT} could not do this (${status}). Try again in a few minutes.`;

const delayOf = (response) =>
  Number(response.getHeader('retry-after')) || DEFAULT_DELAY_SECONDS;

const errorOf = (response, z) => {
  const { status, data } = response;
  const sentence = sentenceOf(response);
  switch (status) {
    case 401:
      return refusalOf(response, z);
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
