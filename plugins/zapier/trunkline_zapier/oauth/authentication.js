const { API_URL, PRODUCT } = require('./config');

const SCOPE =
  'events:read webhooks:write integrations:read integrations:write';
const DISCONNECTED = `${PRODUCT} is no longer connected. Connect it anew.`;

const askForTokens = async (z, form) => {
  const response = await z.request({
    url: `${API_URL}/oauth/token`,
    method: 'POST',
    headers: { 'Content-Type': 'application/x-www-form-urlencoded' },
    body: {
      client_id: process.env.CLIENT_ID,
      client_secret: process.env.CLIENT_SECRET,
      ...form,
    },
    middlewareData: { asksForTokens: true },
    skipThrowForStatus: true,
  });
  const { status, data } = response;
  if (status === 200) {
    const { access_token, refresh_token } = data;
    return { access_token, refresh_token };
  }
  if (data?.error === 'invalid_grant' && form.refresh_token) {
    throw new z.errors.ExpiredAuthError(DISCONNECTED);
  }
  throw new z.errors.Error(
    data?.error_description ?? `${PRODUCT} gave no access token (${status}).`,
    'AuthenticationError',
    status,
  );
};

module.exports = {
  type: 'oauth2',
  oauth2Config: {
    authorizeUrl: {
      url: `${API_URL}/oauth/authorize`,
      params: {
        client_id: '{{process.env.CLIENT_ID}}',
        redirect_uri: '{{bundle.inputData.redirect_uri}}',
        state: '{{bundle.inputData.state}}',
        response_type: 'code',
      },
    },
    getAccessToken: (z, bundle) =>
      askForTokens(z, {
        grant_type: 'authorization_code',
        code: bundle.inputData.code,
        redirect_uri: bundle.inputData.redirect_uri,
        code_verifier: bundle.inputData.code_verifier,
      }),
    refreshAccessToken: (z, bundle) =>
      askForTokens(z, {
        grant_type: 'refresh_token',
        refresh_token: bundle.authData.refresh_token,
      }),
    scope: SCOPE,
    autoRefresh: true,
    enablePkce: true,
  },

  test: async (z) => {
    const response = await z.request({ url: `${API_URL}/api/v1/me` });
    return response.data;
  },

  // Here inputData is what the test returned.
  connectionLabel: (z, bundle) => {
    const { company_id, environment } = bundle.inputData;
    return `Company ${company_id}${environment ? ` (${environment})` : ''}`;
  },
};
