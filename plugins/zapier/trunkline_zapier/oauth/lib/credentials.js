const { PRODUCT } = require('../config');

const addCredentials = (request, z, bundle) => {
  const token = bundle.authData.access_token;
  if (token && !request.middlewareData?.asksForTokens) {
    request.headers.Authorization = `Bearer ${token}`;
  }
  return request;
};

// An access token does not last: Zapier gets a new one, and calls again.
const refusalOf = (response, z) =>
  new z.errors.RefreshAuthError(
    `${PRODUCT} asks for a new access token. Try again.`,
  );

module.exports = { addCredentials, refusalOf };
