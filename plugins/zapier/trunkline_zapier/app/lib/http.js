const { VERSIONS } = require('../config');
const { raiseForStatus } = require('./errors');

const addApiKey = (request, z, bundle) => {
  request.headers['X-Api-Key'] = bundle.authData.apiKey;
  return request;
};

// What the fields of this app were made of. An event type that has changed since
// is sent as it was.
const addVersions = (request) => {
  request.headers['Trunkline-Versions'] = VERSIONS;
  return request;
};

module.exports = {
  beforeRequest: [addApiKey, addVersions],
  afterResponse: [raiseForStatus],
  flags: { throwForThrottlingEarly: false }, // raiseForStatus sees a 429, too
};
