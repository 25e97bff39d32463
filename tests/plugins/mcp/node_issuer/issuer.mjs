// An issuer of access tokens as a company runs one: oidc-provider, with two users, told by lines on standard input what to change.
import { generateKeyPairSync } from 'node:crypto';
import { createServer } from 'node:http';
import { createInterface } from 'node:readline';
import Provider from 'oidc-provider';

const COMPANIES = { jane: 92, joe: 93 };
const SCOPES = 'integrations:read integrations:write events:read webhooks:write';
const clients = [
  {
    client_id: 'agent',
    application_type: 'native',
    redirect_uris: ['http://127.0.0.1:9/callback'],
    token_endpoint_auth_method: 'none',
    grant_types: ['authorization_code', 'refresh_token'],
  },
];
let keys = [];
let algorithm = 'RS256';
let seconds = 300;

function addKey() {
  const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
  keys = [{ ...privateKey.export({ format: 'jwk' }), kid: `key-${keys.length + 1}`, use: 'sig' }, ...keys];
}

function signing() {
  if (algorithm.startsWith('HS')) return { alg: algorithm, key: Buffer.alloc(32, 7) };
  return { alg: algorithm, kid: keys[0].kid };
}

function provider(url) {
  const made = new Provider(url, {
    jwks: { keys },
    clients,
    findAccount: (_, id) => ({ accountId: id, claims: () => ({ sub: id }) }),
    extraTokenClaims: (_, token) => ({ company_id: COMPANIES[token.accountId] }),
    pkce: { required: () => true },
    features: {
      devInteractions: { enabled: true },
      revocation: { enabled: true },
      resourceIndicators: {
        enabled: true,
        useGrantedResource: () => true,
        getResourceServerInfo: (_, resource) => ({
          scope: SCOPES,
          audience: resource,
          accessTokenFormat: 'jwt',
          accessTokenTTL: seconds,
          jwt: { sign: signing() },
        }),
      },
    },
  });
  made.on('server_error', (_, error) => console.error(error));
  return made.callback();
}

let handle;
const server = createServer((request, response) => handle(request, response));
server.listen(0, '127.0.0.1', () => {
  const url = `http://127.0.0.1:${server.address().port}`;
  addKey();
  handle = provider(url);
  console.log(`> ${url}`);
  createInterface({ input: process.stdin }).on('line', (line) => {
    const command = JSON.parse(line);
    if (command.client) clients.push(command.client);
    if (command.rotate) addKey();
    if (command.seconds) seconds = command.seconds;
    if (command.sign) algorithm = command.sign;
    handle = provider(url);
    console.log('> done');
  });
});
