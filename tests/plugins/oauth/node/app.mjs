// An app that connects by openid-client: it prints where to send the person, reads where they came back, and prints what it met.
import * as client from 'openid-client'
import { createInterface } from 'node:readline/promises'

const [issuer, clientId, redirect_uri] = process.argv.slice(2)
const config = await client.discovery(new URL(issuer), clientId, undefined, client.None(), {
  algorithm: 'oauth2',
  execute: [client.allowInsecureRequests],
})
const pkceCodeVerifier = client.randomPKCECodeVerifier()
const expectedState = client.randomState()
const asked = client.buildAuthorizationUrl(config, {
  redirect_uri,
  scope: 'events:read',
  state: expectedState,
  code_challenge: await client.calculatePKCECodeChallenge(pkceCodeVerifier),
  code_challenge_method: 'S256',
})
console.log(asked.href)
const lines = createInterface({ input: process.stdin })
const came = new URL((await lines[Symbol.asyncIterator]().next()).value)
const checks = { pkceCodeVerifier, expectedState }
const first = await client.authorizationCodeGrant(config, came, checks)
const me = async (token) => {
  const answer = await client.fetchProtectedResource(config, token, new URL('/api/v1/me', issuer), 'GET').catch((error) => error)
  return answer.status === 200 ? (await answer.json()).key_name : [answer.status, answer.code]
}
const before = await me(first.access_token)
const again = await client.authorizationCodeGrant(config, came, checks).catch((error) => error.error)
lines.close()
console.log(JSON.stringify({ before, again, after: await me(first.access_token) }))
