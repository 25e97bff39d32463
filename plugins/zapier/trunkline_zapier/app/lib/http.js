const { VERSIONS } = require('../config');
const { addCredentials } = require('./credentials');
const { raiseForStatus } = require('./errors');

// What the fields of this app were made of. An event type that has changed since
// is sent as it was.
const addVersions = (request) => {
  request.headers['Trunkline-Versions'] = VERSIONS;
  return request;
};

module.exports = {
  beforeRequest: [addCredentials, addVersions],
  afterResponse: [raiseForStatus],
  flags: { throwForThrottlingEarly: false }, // raiseForStatus sees a 429, too
};
