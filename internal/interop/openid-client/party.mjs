import assert from 'node:assert/strict'
import * as client from 'openid-client'
import * as jose from 'jose'
import { Agent, fetch as undiciFetch } from 'undici'
import { Browser } from './browser.mjs'

// What the test says of the provider: its issuer, its user, and the certificate that a
// client may present.
export const setting = JSON.parse(process.argv[3] ?? '{}')
export const issuer = new URL(setting.issuer ?? 'https://op.invalid')
export const callback = 'https://rp.example/cb'

const signing = await jose.generateKeyPair('ES256', { extractable: true })
const encrypting = await jose.generateKeyPair('RSA-OAEP-256', { extractable: true })
export const signingKey = { key: signing.privateKey, kid: 'sig' }
const jwks = {
  keys: [
    { ...(await jose.exportJWK(signing.publicKey)), kid: 'sig', use: 'sig', alg: 'ES256' },
    { ...(await jose.exportJWK(encrypting.publicKey)), kid: 'enc', use: 'enc', alg: 'RSA-OAEP-256' },
  ],
}

const authentication = {
  client_secret_basic: (c) => client.ClientSecretBasic(c.client_secret),
  client_secret_post: (c) => client.ClientSecretPost(c.client_secret),
  client_secret_jwt: (c) => client.ClientSecretJwt(c.client_secret),
  private_key_jwt: () => client.PrivateKeyJwt(signingKey),
  tls_client_auth: () => client.TlsClientAuth(),
  self_signed_tls_client_auth: () => client.TlsClientAuth(),
  none: () => client.None(),
}

// party registers a client with further metadata and returns its configuration. It
// verifies the signature of each ID Token, also of those that come over TLS.
export async function party(metadata = {}, options = {}) {
  const registration = await fetch(new URL('register', issuer), {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({
      redirect_uris: [callback],
      grant_types: ['authorization_code', 'refresh_token'],
      token_endpoint_auth_method: 'private_key_jwt',
      id_token_signed_response_alg: 'ES256',
      jwks,
      ...metadata,
    }),
  })
  const registered = await registration.json()
  assert.equal(registration.status, 201, JSON.stringify(registered))
  const config = await client.discovery(
    issuer,
    registered.client_id,
    { ...registered, jwks: undefined },
    authentication[registered.token_endpoint_auth_method](registered),
    options,
  )
  client.enableNonRepudiationChecks(config)
  return config
}

// decrypting lets a configuration open what is encrypted to the registered key.
export function decrypting(config) {
  client.enableDecryptingResponses(config, ['A256GCM', 'A128CBC-HS256'], {
    key: encrypting.privateKey,
    kid: 'enc',
    alg: 'RSA-OAEP-256',
  })
  return config
}

// presenting makes the client's connections present its certificate.
export function presenting(config) {
  const dispatcher = new Agent({ connect: { cert: setting.certificate, key: setting.key } })
  config[client.customFetch] = (url, init) => undiciFetch(url, { ...init, dispatcher })
  return config
}

// login runs an authorization request through a browser and redeems the code. build
// makes the URL, request is added to the parameters, checks to what is expected of the
// answer, and options go to the token request.
export async function login(config, { build, request, checks, redeem, options, browser } = {}) {
  const pkceCodeVerifier = client.randomPKCECodeVerifier()
  const expectedState = client.randomState()
  const expectedNonce = client.randomNonce()
  const parameters = {
    redirect_uri: callback,
    scope: 'openid email offline_access',
    state: expectedState,
    nonce: expectedNonce,
    code_challenge: await client.calculatePKCECodeChallenge(pkceCodeVerifier),
    code_challenge_method: 'S256',
    ...request,
  }
  build ??= client.buildAuthorizationUrl
  const answer = await (browser ?? new Browser(setting.user)).visit(await build(config, parameters))
  assert.ok(answer instanceof URL || answer instanceof Request, `the login ended on the page ${answer}`)
  const expected = { pkceCodeVerifier, expectedState, expectedNonce, idTokenExpected: true, ...checks }
  const tokens = await client.authorizationCodeGrant(config, answer, expected, redeem, options)
  assert.equal(tokens.claims().sub, 'diana')
  return tokens
}

// use reads UserInfo, refreshes, and reads UserInfo with the new token.
export async function use(config, tokens, options) {
  const first = await client.fetchUserInfo(config, tokens.access_token, 'diana', options)
  assert.equal(first.email, 'diana@op.example')
  const refreshed = await client.refreshTokenGrant(config, tokens.refresh_token, undefined, options)
  assert.notEqual(refreshed.access_token, tokens.access_token)
  await client.fetchUserInfo(config, refreshed.access_token, 'diana', options)
  return refreshed
}
