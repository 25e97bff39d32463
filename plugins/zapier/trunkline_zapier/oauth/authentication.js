const { API_URL, OAUTH, PRODUCT } = require('./config');

const DISCONNECTED = `${PRODUCT} is no longer connected. Connect it anew.`;

const askForTokens = async (z, form) => {
  const response = await z.request({
    url: OAUTH.tokenUrl,
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
    // An issuer that does not rotate its refresh tokens answers without one.
    return {
      access_token,
      refresh_token: refresh_token ?? form.refresh_token,
    };
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
      url: OAUTH.authorizeUrl,
      params: {
        ...OAUTH.parameters,
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
    refreshAccessToken: (z, bundle) => {
      const { refresh_token } = bundle.authData;
      if (!refresh_token) {
        throw new z.errors.ExpiredAuthError(DISCONNECTED);
      }
      return askForTokens(z, { grant_type: 'refresh_token', refresh_token });
    },
    scope: OAUTH.scope,
    autoRefresh: true,
    enablePkce: true,
  },

  test: async (z) => {
    const response = await z.request({ url: `${API_URL}/api/v1/me` });
    return response.data;
  },

  // Here inputData is what the test returned. Of an issuer's token key_name is
  // its user, of a token of the hub its app.
  connectionLabel: (z, bundle) => {
    const { key_name, company_id, environment } = bundle.inputData;
    const company = `company ${company_id}${environment ? `, ${environment}` : ''}`;
    return key_name ? `${key_name} (${company})` : company;
  },
};
