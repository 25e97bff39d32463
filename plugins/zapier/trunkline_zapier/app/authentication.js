const { API_URL, KEYS_URL, PRODUCT } = require('./config');

module.exports = {
  type: 'custom',
  fields: [
    {
      key: 'apiKey',
      label: 'API Key',
      type: 'password',
      required: true,
      helpText:
        `[Make an API key in ${PRODUCT}](${KEYS_URL}) with the scopes ` +
        'events:read, webhooks:write, integrations:read and integrations:write. ' +
        'It is shown only once.',
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
  connectionLabel: (z, bundle) => {
    const { key_name, company_id, environment } = bundle.inputData;
    return `${key_name} (company ${company_id}${environment ? `, ${environment}` : ''})`;
  },
};
