const { PRODUCT } = require('../config');

const INVALID_KEY =
  `This API key is not valid, or was revoked. Make a new API key in ` +
  `${PRODUCT}, and connect with that.`;

const addCredentials = (request, z, bundle) => {
  request.headers['X-Api-Key'] = bundle.authData.apiKey;
  return request;
};

// A key is revoked for good: an expired connection has its user asked by
// mail to connect anew. While they connect, a wrong key is just wrong.
const refusalOf = ({ status, request }, z) =>
  request.middlewareData?.isConnecting
    ? new z.errors.Error(INVALID_KEY, 'AuthenticationError', status)
    : new z.errors.ExpiredAuthError(INVALID_KEY);

module.exports = { addCredentials, refusalOf };
