const { raiseForStatus } = require('./errors');

const addApiKey = (request, z, bundle) => {
  request.headers['X-Api-Key'] = bundle.authData.apiKey;
  return request;
};

module.exports = {
  beforeRequest: [addApiKey],
  afterResponse: [raiseForStatus],
  flags: { throwForThrottlingEarly: false }, // raiseForStatus sees a 429, too
};
