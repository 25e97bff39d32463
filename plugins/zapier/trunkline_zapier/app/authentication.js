const { API_URL, PRODUCT } = require('./config');

module.exports = {
  type: 'custom',
  fields: [
    {
      key: 'apiKey',
      label: 'API Key',
      type: 'password',
      required: true,
      helpText:
        `An API key of your company in ${PRODUCT}, with the scopes ` +
        'events:read, webhooks:write, integrations:read and integrations:write. ' +
        `Whoever administers ${PRODUCT} for you can make one.`,
    },
  ],

  test: async (z) => {
    const response = await z.request({
      url: `${API_URL}/api/v1/me`,
      middlewareData: { isConnecting: true },
    });
    return response.data;
  },

  // Here inputData is what the test returned.
  connectionLabel: (z, bundle) =>
    `${bundle.inputData.key_name} (company ${bundle.inputData.company_id})`,
};
